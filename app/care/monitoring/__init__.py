"""Running the core on what is stored, and keeping its answers."""
