"""What the program says, found in its source, and the catalogues of it. ``make translations`` updates them."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from app.clinical.errors import ClinicalError
from app.clinical.protocol_versions import numbers_of
from app.foundation.errors import RefusalError
from app.foundation.translations import CATALOGUES, LANGUAGES, SOURCE_LANGUAGE, STAFF_LANGUAGES
from app.pages.staff.what_if_page import title_of
from app.studies.row_problems import RowFault, Said
from app.web.pages.templates import template_environment
from app.web.pages.translated_templates import template_messages
from app.web.problems import OTHERWISE, REASONS

APP: Final = Path("app")
# What patients read; the rest is for staff.
FOR_PATIENTS: Final = (
    "app/pages/patient",
    "app/web",
    "app/care/texts",
    "app/chart",
    "app/notifications/messages",
    "app/foundation",
)
# What developers read, of an API whose names are English.
FOR_DEVELOPERS: Final = "app/pages/front"
# What refuses only programs and whoever runs commands, in English.
FOR_PROGRAMS: Final = ("app/cli", "app/interop/fhir", "app/interop/ehr/cds_hooks")
_IMPORTED: Final = re.compile(r"translations import (?:\([^)]*|[^\n]*)\bsay\b")
_NO_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
TRANSLATED: Final = tuple(language for language in LANGUAGES if language != SOURCE_LANGUAGE)


def said_in(path: Path) -> Iterator[str]:
    """Give each message of a source file or template."""
    if path.suffix == ".html":
        environment = template_environment(path.parent)
        yield from (message for _, message in template_messages(environment, path.read_text()))
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            message = node.args[0]
            if isinstance(message, ast.Constant):
                yield str(message.value)


def _refusals(kind: type[Exception]) -> Iterator[type[Exception]]:
    for one in kind.__subclasses__():
        yield one
        yield from _refusals(one)


def said_to_staff() -> Iterator[tuple[str, str]]:
    """Give what pages for staff look up although no ``say`` holds it: refusals, and the numbers of the rule."""
    importlib.import_module("app.asgi")
    for refusal in _refusals(RefusalError):
        file = f"{refusal.__module__.replace('.', '/')}.py"
        if (
            issubclass(refusal, RefusalError)
            and file.startswith("app/")
            and not file.startswith(FOR_PROGRAMS)
        ):
            yield refusal.message(), file
    for error in _refusals(ClinicalError):
        yield str(error()), "app/clinical/errors.py"
    yield from ((sentence, "app/web/problems.py") for sentence in (*REASONS.values(), OTHERWISE))
    for number in numbers_of():
        if number.lowest < number.highest:
            yield from (
                (said, "app/clinical/protocol.py")
                for said in (title_of(number.name), number.unit, number.reason)
            )
    for said in (*(one.message for one in RowFault), *(one.value for one in Said)):
        yield said, "app/studies/row_problems.py"


def messages_for(language: str) -> dict[str, list[str]]:
    """Give every message that a language needs, with the files that say it."""
    found: dict[str, list[str]] = {}
    for path in sorted([*APP.rglob("*.py"), *APP.rglob("*.html")]):
        if str(path).startswith(FOR_DEVELOPERS):
            continue
        if language not in STAFF_LANGUAGES and not str(path).startswith(FOR_PATIENTS):
            continue
        if path.suffix == ".py" and not _IMPORTED.search(path.read_text()):
            continue
        for message in said_in(path):
            files = found.setdefault(message, [])
            if str(path) not in files:
                files.append(str(path))
    for message, file in sorted(said_to_staff()) if language in STAFF_LANGUAGES else ():
        files = found.setdefault(str(message), [])
        if file not in files:
            files.append(file)
    return found


def read_catalogue(language: str) -> Catalog:
    """Read a catalogue as it is in the repository; an empty one where there is none."""
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as lines:
        return read_po(lines, locale=language)


def empty_catalogue(language: str) -> Catalog:
    """Make a catalogue without messages; its header holds no day, so that it changes with its messages alone."""
    return Catalog(
        locale=language,
        header_comment=f"# Afterglow in {LANGUAGES[language]}. `make translations` brings it up to the program.",
        project="Afterglow",
        version="2",
        last_translator="the Afterglow project",
        language_team="the Afterglow project",
        msgid_bugs_address="the Afterglow project",
        creation_date=_NO_DAY,
        revision_date=_NO_DAY,
        fuzzy=False,
    )


def updated(language: str) -> Catalog:
    """Give a catalogue with every message of today, and no other; what was translated stays."""
    before, catalogue = read_catalogue(language), empty_catalogue(language)
    for message, files in sorted(messages_for(language).items()):
        known = before.get(message)
        catalogue.add(message, known.string if known else "", locations=[(one, 0) for one in files])
    return catalogue


def write_catalogue(language: str) -> None:
    """Write a catalogue with every message of today."""
    catalogue = updated(language)
    with (CATALOGUES / f"{language}.po").open("wb") as lines:
        write_po(lines, catalogue, width=110, include_lineno=False)


if __name__ == "__main__":
    for one in sys.argv[1:] or TRANSLATED:
        write_catalogue(one)
