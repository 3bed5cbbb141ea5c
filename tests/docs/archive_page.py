"""The page docs/archive.md: the archive's form, and every field in it, made from the tables themselves."""

from pathlib import Path
from typing import Final

from app.interop.archive.archive_file import FORMAT, VERSION
from app.storage.archived_tables import AFTER_PATIENTS, AUDIT_LOG, LEFT_OUT, OF_CLINIC, OF_PATIENT
from tests.docs.clinical_pages import MADE, table

PAGE: Final = Path(__file__).parents[2] / "docs" / "archive.md"


def archive_page() -> str:
    """How to make, check and import an archive, then the data dictionary."""
    parts = [
        MADE,
        "# The archive",
        (
            "One file of lines of JSON: a whole installation, a clinic, or one patient, all of it as it was at one moment. It moves a "
            "clinic to another installation or another version of PostgreSQL, and a patient to another clinic, with "
            "the same evaluations. It is readable text, also what is sealed in the database: encrypt it before it travels."
        ),
        (
            "<!-- illustrative: the ids and files are the reader's own -->\n```sh\n"
            "afterglow archive export clinic.ndjson --clinic $CLINIC\n"
            "afterglow archive export patient.ndjson --clinic $CLINIC --patient $PATIENT\n"
            "afterglow archive export everything.ndjson --all             # every clinic, while the service runs\n"
            "afterglow archive verify clinic.ndjson\n"
            "afterglow archive import clinic.ndjson                       # where there is no such clinic yet\n"
            "afterglow archive import everything.ndjson                   # clinics that are here already stay\n"
            "afterglow archive import patient.ndjson --clinic $OTHER --external-ref B-17\n```"
        ),
        (
            "An import is all or nothing. Refused by name are a file that is no archive, one that is damaged, one of a "
            "later version, and what was imported before. A patient keeps the ids; the chart number can be another "
            "one; open safety events wait for someone of the new clinic, within that clinic's own limits."
        ),
        "## Its form",
        (
            f"The first line says `format` (`{FORMAT}`), `version` ({VERSION}), `scope` (`clinic` or `patient`), "
            "`clinic_id` and `made_at`. Each line after it is a row: `table` and `row`, whose fields stand below. The "
            "last line says `end`, how many `rows` there were, and `sha256` over every byte before that line. Fields "
            "and tables may be added within a version; a field that is missing is null."
        ),
        (
            "Of a whole installation the first line says `scope` `installation`, how many `clinics` follow, which of "
            "them are `closed`, since when (`closed_at`, by id; the clinic's retention counts from there, and from the "
            "import where an earlier version's file does not say it), and `made_at`; then each clinic's archive stands as "
            "above, one after the other, each read at one moment of its own, for nothing leads from one clinic to another. It is read to its end before "
            "the first clinic is imported."
        ),
        "## The audit log",
        (
            "The archive of an installation has each clinic's audit log: every seal, then its lines, at last the lines "
            "that wait for their seal. Lines and seals are the same in the new installation: `afterglow audit verify` "
            "says there what it said before, a head that was kept fits, and what the new one does comes behind. "
            "The chain is linked with a key that belongs to the encryption key, so the new installation starts with "
            "the old one's: copy `encryption.key` into its data folder before its first start, or set "
            "`AFTERGLOW_ENCRYPTION_KEY`, as for a restored backup. Each clinic's first line says in `audit_key` what "
            "the chain's key is known by; rotating the encryption key leaves it as it is."
        ),
        (
            "Every seal is checked before the first clinic is imported, whatever the checksum says. Refused by name "
            "are an audit log that another key sealed (`audit-key-missing`), and one with a line or a seal that was "
            "changed or left out (`audit-log-differs`): look with `afterglow audit verify` where the archive was made. "
            "With `afterglow archive import --without-audit-log` everything else is imported, and each clinic begins "
            "a new audit log; the old one stays where it is (`afterglow audit export`). The archive of one clinic or "
            "one patient has no audit log."
        ),
        "## The data dictionary",
        *(_of_table(one.name, one.fields) for one in (*OF_CLINIC, *OF_PATIENT, *AFTER_PATIENTS, *AUDIT_LOG)),
        "## What is not in it",
        table([("table", "why"), *((f"`{name}`", why) for name, why in LEFT_OUT.items())]),
    ]
    return "\n\n".join(parts) + "\n"


def _of_table(name: str, fields: dict[str, str]) -> str:
    rows = [(f"`{field}`", words) for field, words in fields.items()]
    return f"### {name}\n\n" + table([("field", "what it holds"), *rows])


if __name__ == "__main__":
    PAGE.write_text(archive_page(), "utf-8")
