"""The check-in form and its pages in a browser: they work without scripts, and say crisis help on each."""
