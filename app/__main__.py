"""Lets ``python -m app`` be the same as ``afterglow``."""

from app.cli import main

if __name__ == "__main__":
    main()
