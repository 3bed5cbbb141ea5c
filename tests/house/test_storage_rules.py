"""Rules of storage: every write tells the trail, every table class says that it is one, SQL stays inside."""

import ast
import re
from typing import Final

import pytest
from sqlalchemy import Table

from app.storage.engine.rows import Row
from app.storage.tables import METADATA
from tests.house.sources import Function, Source, called, in_room, parsed, sources

# Writes that are not told to the trail, each with its reason. A new one needs a line here.
UNTOLD: Final = {
    "audit_seals.add": "the trail's own seals, about what was told",
    "device_tokens.extend": "a browser in use stays in; its coming in and its end are told",
    "staff_sessions.used": "a session in use stays open; its coming in and its end are told",
    "deliveries.claim": "a step of an attempt; the attempt that follows is told",
    "deliveries.postpone": "waiting its turn is no event",
    "deliveries.take_overdue": "only wakes a worker; the attempt that follows is told",
    "endpoints.note_success": "health of an address, not of a person; the attempt is told",
    "endpoints.note_failure": "health of an address, not of a person; the attempt is told",
    "enrolment_codes.try_selector": "counts a guess by somebody unknown, before any tenant is known",
    "login_throttle.count_one": "a counter by a keyed fingerprint, without a tenant",
    "login_throttle.take_one_back": "a counter by a keyed fingerprint, without a tenant",
    "notices.postpone": "waiting its turn is no event",
    "outgoing_messages.claim": "a step of an attempt; how it ended is told",
    "outgoing_messages.take_overdue": "only wakes a worker; how the attempt ended is told",
    "patient_states.keep_answer": "the rule's own memory; what it rests on and what it raises are told",
    "patient_states.forget_memory": "the rule's own memory, made again from what was told",
    "patient_states.next_event_sequence": "a counter",
    "patient_states.next_sync_sequence": "a counter",
    "reminder_plans.look_at": "when to look next is no event; the change it follows from is told",
    "reminder_plans.looked": "when to look next is no event; what was asked or told at this look is told",
    "signals.return_from_snooze": "changes many at once; the service above it tells of each",
}
# Their commands write the line, with `work.audit`: the storage asks for none.
WRITTEN_BY_COMMANDS: Final = {
    "assessments",
    "care_plans",
    "check_ins",
    "chosen_references",
    "treatment",
}
# They do not write rows of ours: they move whole databases, or are the trail and the jobs themselves.
NOT_ABOUT_ROWS: Final = {"archive", "audit", "binaries", "database", "jobs", "migrating", "unit_of_work"}
_WRITES: Final = {"insert", "update", "delete"}
_WRITING_WORDS: Final = ("insert into", "update ", "delete from", "merge into")


def writes_without_trail(source: Source) -> list[str]:
    """Name a module's functions that write, directly or through another of it, and do not ask for the trail."""
    functions = {function.name: function for function in source.functions()}
    writing = {name for name, function in functions.items() if _writes(source, function)}
    while more := {
        name for name, function in functions.items() if name not in writing and _calls(function) & writing
    }:
        writing |= more
    return [
        f"{source.path.stem}.{name}"
        for name in sorted(writing)
        if not _asks_for_trail(functions[name]) and not name.startswith("_")
    ]


def _asks_for_trail(function: Function) -> bool:
    """Say whether ``audit`` is a keyword without a default, so that nobody can forget it."""
    given = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return any(argument.arg == "audit" and default is None for argument, default in given)


def _writes(source: Source, function: Function) -> bool:
    texts = {
        node.targets[0].id if isinstance(node.targets[0], ast.Name) else "": ast.unparse(node.value)
        for node in source.tree.body
        if isinstance(node, ast.Assign)
    } | {
        node.target.id: ast.unparse(node.value)
        for node in source.tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and called(node) in _WRITES:
            return True
        if isinstance(node, ast.Name) and _is_writing_text(texts.get(node.id, "")):
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_writing_text(node.value):
            return True
    return False


def _is_writing_text(words: str) -> bool:
    return any(word in words.lower() for word in _WRITING_WORDS) and "clinic_id" in words


def _calls(function: Function) -> set[str]:
    return {called(node) for node in ast.walk(function) if isinstance(node, ast.Call)}


NOUNS = [
    source
    for source in in_room("storage")
    if source.path.stem not in NOT_ABOUT_ROWS | WRITTEN_BY_COMMANDS
]


def test_every_write_asks_for_its_line_of_the_trail() -> None:
    untold = {name for source in NOUNS for name in writes_without_trail(source)}
    assert untold == set(UNTOLD)


@pytest.mark.parametrize(
    "body",
    [
        "async def add(work, row): await work.execute(insert(PatientRow).values(row))",
        "async def add(work, row, *, audit=None): await work.execute(delete(PatientRow))",
        "async def add(work):\n    await _deep(work)\nasync def _deep(work): await work.execute(update(X))",
        "_SQL = text('INSERT INTO care.patients (clinic_id) VALUES (1)')\nasync def add(work): work.execute(_SQL)",
    ],
)
def test_a_write_that_forgets_the_trail_would_be_noticed(body: str) -> None:
    assert writes_without_trail(parsed(body, "app.storage.made_up")) == ["made_up.add"]


def test_a_write_with_its_line_of_the_trail_passes() -> None:
    told = "async def add(work, row, *, audit): await work.execute(insert(PatientRow))"
    assert writes_without_trail(parsed(told, "app.storage.made_up")) == []


def test_table_classes_end_in_row_and_nothing_else_does() -> None:
    mapped = [mapper.class_.__name__ for mapper in Row.registry.mappers]
    assert mapped
    assert [name for name in mapped if not name.endswith("Row")] == []
    classes = [
        node.name
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Row")
    ]
    assert set(classes) - {"Row", "TenantRow"} == set(mapped)


def test_every_mapped_table_is_listed_for_the_migrations() -> None:
    tables = {mapper.local_table for mapper in Row.registry.mappers}
    assert {table for table in tables if isinstance(table, Table)} == set(METADATA.tables.values())


def test_no_sql_is_written_outside_of_storage() -> None:
    statement = re.compile(r"\s*(SELECT\b.+\bFROM|INSERT INTO|UPDATE\b.+\bSET|DELETE FROM)\b", re.DOTALL)
    found = [
        source.at(node)
        for source in sources()
        # Studies of large files keep them in SQLite while they run, in a file of their own that nobody else opens.
        if source.room not in {"storage", "studies"}
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and statement.match(node.value)
    ]
    assert found == []


def test_only_the_unit_of_work_commits() -> None:
    """Anybody may ask the unit of work to commit; only it may say so to the database."""
    found = [
        source.at(node)
        for source in sources()
        if source.path.stem not in {"unit_of_work", "migrating"}
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback", "begin"}
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "work")
    ]
    assert found == []
