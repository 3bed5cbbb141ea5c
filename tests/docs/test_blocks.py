"""No command in the pages goes untested in silence, and what the pages name exists."""

import configparser
import re

import pytest
import typer.main

from app.cli.children import setting_names
from app.cli.commands import command_of
from app.notifications.webhooks.events import BY_DEFAULT, EventType
from app.notifications.webhooks.retry_schedule import ORDINARY_WAITS, AttemptError
from app.settings import Settings
from tests.campaign.afternoon import BLOCKS as AFTERNOON
from tests.docs.calls_table import page_with_calls
from tests.docs.pages import ROOT, Block, blocks, pages
from tests.support.the_api import document

# Who runs which block. A name that no page has, or a page's name that nobody runs, fails below.
RUN_BY = {
    "make-targets": "test_blocks.test_make_targets_exist (make test is what runs this)",
    "dev": "test_sessions.test_the_first_session_and_the_receiver_work_as_written",
    "first-session": "test_sessions.test_the_first_session_and_the_receiver_work_as_written",
    "receive": "test_sessions.test_the_first_session_and_the_receiver_work_as_written",
    "receive-node": "test_sessions.test_the_first_session_and_the_receiver_work_as_written",
    "doctor": "test_sessions.test_backup_and_restore_work_as_written",
    "audit": "test_sessions.test_backup_and_restore_work_as_written",
    "backup": "test_sessions.test_backup_and_restore_work_as_written",
    "restore": "test_sessions.test_backup_and_restore_work_as_written",
    "two-roles": "test_sessions.test_your_own_postgresql_works_as_written",
    "elsewhere": "test_sessions.test_your_own_postgresql_works_as_written",
    "backtest": "test_sessions.test_the_studies_work_as_written",
    "simulate": "test_sessions.test_the_studies_work_as_written",
    "gateway-secret": "test_gateway.test_the_gateway_that_we_hand_out_sends_on_what_we_hand_over",
    "what-if": "test_sessions.test_the_studies_work_as_written",
    # `make campaign`: it takes some minutes.
    **{f"afternoon-{one}": "tests/campaign/afternoon.py" for one in AFTERNOON},
    "check-release": "test_release.test_files_are_made_signed_and_checked_as_the_docs_say",
    "python-client": "tests/clients/test_python_client.py",
    "typescript-client": "tests/clients/test_typescript_client.py",
}


def test_every_block_is_run_or_says_why_not() -> None:
    for one in blocks():
        assert one.language, f"{one.page}: a block without a language"
        if one.language == "text":
            assert not re.search(r"^\s*(\$|afterglow|make|curl|docker) ", one.text, re.MULTILINE), one
        else:
            assert one.kind, f"{one.page}: this block is neither run nor marked as illustrative:\n{one.text}"
            assert one.kind == "run" or len(one.label.split()) >= 5, f"{one.page}: {one.label} is no reason"


def test_the_blocks_that_are_run_are_those_that_tests_know() -> None:
    assert {one.label for one in blocks() if one.kind == "run"} == set(RUN_BY)


def test_every_marker_stands_right_above_a_block() -> None:
    markers = sum(
        len(re.findall(r"^<!-- (?:run|illustrative): ", text, re.MULTILINE)) for text in pages().values()
    )
    assert markers == len([one for one in blocks() if one.kind])


@pytest.mark.parametrize(
    "one", [one for one in blocks() if one.label == "make-targets"], ids=lambda one: one.page
)
def test_make_targets_exist(one: Block) -> None:
    named = re.findall(r"^make (\S+)", one.text, re.MULTILINE)
    assert len(named) == len(one.text.strip().splitlines())
    assert set(named) <= make_targets()


def test_commands_targets_and_files_named_in_sentences_exist() -> None:
    for page, text in pages().items():
        for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text):
            match code.split():
                case ["afterglow", name, *arguments] if name[0] != "-":
                    options = [argument.partition("=")[0] for argument in arguments if argument[0] == "-"]
                    assert set(options) <= options_of(name, *arguments), f"{page}: {code}"
                case ["make", target, *_]:
                    assert target in make_targets(), f"{page}: {code}"
                case [path] if re.fullmatch(r"(app|docs|tests|migrations|openapi)/[\w./-]*", path):
                    assert (ROOT / path).exists(), f"{page}: {code}"


def test_links_between_pages_lead_somewhere() -> None:
    for page, text in pages().items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            # Pictures are taken when the site is built.
            if not target.startswith(("https://", "pictures/")):
                path, _, anchor = target.partition("#")
                aimed = (ROOT / page).parent / path
                assert aimed.exists(), f"{page}: {target}"
                headings = re.findall(r"^#+ (.+)$", aimed.read_text() if anchor else "", re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert not anchor or anchor in slugs, f"{page}: {target}"


def test_every_picture_is_taken_by_a_browser_test() -> None:
    sources = [ROOT / "tests/support/every_page.py", *(ROOT / "tests/browser").glob("test_*.py")]
    taken = "".join(one.read_text() for one in sources)
    for page, text in pages().items():
        for name in re.findall(
            r"\]\((?:\.\./)*pictures/[\w/-]+?/([\w -]+?)(?:-(?:phone|desk)-\w+)?\.png\)", text
        ):
            assert re.search(rf'"{name}[".]', taken), f"{page}: {name}"


def test_the_table_of_settings_is_the_settings() -> None:
    rows = [
        f"| `{setting_names()[name]}` | {'' if field.default in (None, '') else f'`{field.default}`'} "
        f"| {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    assert table_rows("docs/operations.md", r"\| `(?:AFTERGLOW_\w+|DATABASE_URL)` .*") == rows


def test_the_table_of_calls_is_the_api() -> None:
    page = (ROOT / "docs/api.md").read_text()
    assert page == page_with_calls(page), "make docs"
    calls = sum(len(operations) for operations in document()["paths"].values())
    assert len(table_rows("docs/api.md", r"\| `[A-Z]+ /.*")) == calls


def test_the_table_of_events_names_all_and_says_truly_which_are_sent() -> None:
    rows = [re.findall(r"[^|]+", row) for row in table_rows("docs/webhooks.md", r"\| `[a-z_]+\.[a-z_]+` .*")]
    published = {cells[0].strip(" `"): cells[2].strip() for cells in rows}
    assert set(published) == {event.value for event in EventType}
    sources = [path.read_text() for path in (ROOT / "app").rglob("*.py") if path.name != "events.py"]
    for event in EventType:
        assert any(f"EventType.{event.name}" in text for text in sources), event
        assert published[event.value] == ("sent" if event in BY_DEFAULT else "only in the stream"), event


def test_the_waits_are_the_schedule() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    (row,) = table_rows("docs/webhooks.md", r"\| after a wait of .*")
    waits = [int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", row)]
    assert waits == [wait.total_seconds() for wait in ORDINARY_WAITS]


def test_the_table_of_errors_is_what_the_log_of_attempts_says() -> None:
    rows = [f"| `{error.value}` | {error.sentence} |" for error in AttemptError]
    assert table_rows("docs/webhooks.md", r"\| `[a-z_]+` \| .*\.(?= \|)..") == rows


def test_decision_records_have_their_four_parts_and_are_numbered_without_gaps() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for number, path in enumerate(records, 1):
        text = path.read_text()
        assert text.startswith(f"# {number}. ")
        assert re.search(r"^\d{4}-\d\d-\d\d, (accepted|replaced by \d+)$", text, re.MULTILINE)
        assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_picture_of_the_layout_is_the_contract() -> None:
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter")
    layers = contract["importlinter:contract:order"]["layers"].strip().splitlines()
    (picture,) = (one.text for one in blocks() if one.page == "CONTRIBUTING.md" and one.language == "text")
    drawn = re.findall(r"^([a-z_]+(?: \| [a-z_]+)*)(?:  .*)?$", picture, re.MULTILINE)
    assert drawn == layers


def table_rows(page: str, pattern: str) -> list[str]:
    return re.findall(f"^{pattern}$", pages()[page], re.MULTILINE)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def options_of(name: str, *arguments: str) -> set[str]:
    command = command_of(name)
    if isinstance(command, typer.core.TyperGroup) and arguments:
        command = command.commands[arguments[0]]
    return {option for parameter in command.params for option in parameter.opts}
