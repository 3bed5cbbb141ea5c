"""Taking a clinic's existing patients on from files: read and checked row by row, imported, and undone."""
