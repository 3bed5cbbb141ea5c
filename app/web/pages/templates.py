"""Templates: escaped by default, and a name that is not there is an error, never an empty place."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

SHARED_TEMPLATES: Final = Path(__file__).with_name("templates")


def template_environment(*folders: Path) -> Environment:
    """Make the environment for a room's templates; the shared ones come after the room's own.

    Templates are read once: they are part of the program.
    """
    return Environment(
        loader=FileSystemLoader([*folders, SHARED_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )


def template_texts(*folders: Path) -> list[bytes]:
    """Give what these templates and the shared ones are made of, for a name that changes with any of them."""
    return [path.read_bytes() for folder in (*folders, SHARED_TEMPLATES) for path in sorted(folder.iterdir())]
