"""Rules of storage: every write writes the audit log, every table class says that it is one, SQL stays inside."""

import ast
import re
from typing import Final

from sqlalchemy import Table

from app.storage.engine.rows import Row
from app.storage.tables import METADATA
from tests.house.sources import Source, in_package, parsed, sources

# Text that changes a clinic's rows, past the unit of work's own look-out: each writes its line of the audit log
# itself or runs in the database as one function that does.
WRITING_TEXT: Final = {
    "check_in_path": "the check-in path's one statement, which writes its line with it",
    "audit_seals": "the audit log's own seals, about what is in it",
    "event_stream": "places of events that are written already, each with its own line; no event is changed",
    "erasures": "the queue's jobs, which are no clinic's rows; the erasure around it writes its line",
}
_WRITING_WORDS: Final = ("insert into", "update ", "delete from", "merge into")


def writing_texts(source: Source) -> list[str]:
    """Find SQL text that changes a clinic's rows."""
    return [
        source.at(node)
        for node in source.nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(word in node.value.lower() for word in _WRITING_WORDS)
        and "clinic_id" in node.value
    ]


def unreasoned(source: Source) -> list[str]:
    """Find statements marked as needing no line of the audit log without a reason that says something."""
    return [
        source.at(node)
        for node in source.nodes
        if isinstance(node, ast.keyword)
        and node.arg == "unaudited"
        and not (isinstance(node.value, ast.Constant) and len(str(node.value.value)) >= 9)
    ]


NOUNS = in_package("storage")


def test_sql_text_that_changes_rows_is_on_the_list() -> None:
    assert {source.path.stem for source in NOUNS if writing_texts(source)} <= set(WRITING_TEXT)


def test_such_a_text_would_be_noticed() -> None:
    assert writing_texts(parsed("_SQL = text('INSERT INTO care.patients (clinic_id) VALUES (1)')"))


def test_what_needs_no_line_of_the_audit_log_says_why() -> None:
    assert [place for source in sources() for place in unreasoned(source)] == []


def test_a_reason_that_says_nothing_would_be_noticed() -> None:
    assert unreasoned(parsed("async def f(work): await work.execute(x, unaudited='')"))


def mapped_classes() -> set[str]:
    return {mapper.class_.__name__ for mapper in Row.registry.mappers}


def made(source: Source) -> set[str]:
    """Name what is called, as a class is where a record is made, and what ``work.one`` and ``work.all`` make."""
    calls = [node for node in source.nodes if isinstance(node, ast.Call)]
    read = (one.args[0] for one in calls if getattr(one.func, "attr", "") in {"one", "all"} and one.args)
    called = (*(one.func for one in calls), *read)
    return {one.id if isinstance(one, ast.Name) else getattr(one, "attr", "") for one in called}


def test_a_table_class_ends_in_row_where_no_record_is_made_from_it() -> None:
    mapped, calls = mapped_classes(), set().union(*map(made, sources()))
    assert mapped
    assert {name for name in mapped if name.endswith("Row")} == mapped - calls


def test_nothing_else_in_storage_ends_in_row() -> None:
    classes = {
        node.name
        for source in NOUNS
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and node.name.endswith("Row")
    }
    assert classes - {"Row", "TenantRow"} <= mapped_classes()


def twins(source: Source, columns: dict[str, set[str]]) -> list[str]:
    """Find dataclasses that repeat a table's columns, or all of them but one: the table is the record."""
    found = []
    for node in source.tree.body:
        if not isinstance(node, ast.ClassDef) or node.name in columns:
            continue
        names = {
            one.target.id
            for one in node.body
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        }
        if len(names) > 1 and any(
            names <= every and len(every) - len(names) <= 1 for every in columns.values()
        ):
            found.append(source.at(node))
    return found


def columns_of_tables() -> dict[str, set[str]]:
    return {
        mapper.class_.__name__: {one.key for one in mapper.column_attrs} - {"clinic_id"}
        for mapper in Row.registry.mappers
    }


def test_no_second_class_repeats_a_tables_columns() -> None:
    columns = columns_of_tables()
    assert [place for source in NOUNS for place in twins(source, columns)] == []


def test_a_class_that_repeats_a_tables_columns_would_be_noticed() -> None:
    twin = parsed("class KeptReminder:\n    id: UUID\n    patient_id: UUID\n")
    assert twins(twin, {"ReminderRow": {"id", "patient_id", "local_date"}})


def test_every_mapped_table_is_listed_for_the_migrations() -> None:
    tables = {mapper.local_table for mapper in Row.registry.mappers}
    assert {table for table in tables if isinstance(table, Table)} == set(METADATA.tables.values())


def test_no_sql_is_written_outside_of_storage() -> None:
    statement = re.compile(r"\s*(SELECT\b.+\bFROM|INSERT INTO|UPDATE\b.+\bSET|DELETE FROM)\b", re.DOTALL)
    found = [
        source.at(node)
        for source in sources()
        # Studies of large files keep them in SQLite while they run, in a separate file that nobody else opens.
        if source.package not in {"storage", "studies"}
        for node in source.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and statement.match(node.value)
    ]
    assert found == []


def test_only_the_unit_of_work_commits() -> None:
    """Anybody may ask the unit of work to commit; only it may say so to the database."""
    found = [
        source.at(node)
        for source in sources()
        if source.path.stem not in {"unit_of_work", "migrating"}
        for node in source.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback", "begin"}
        and not (isinstance(node.func.value, ast.Name) and node.func.value.id == "work")
    ]
    assert found == []


def joins_without_clinic(source: Source) -> list[str]:
    """Find joins for which nothing says that both sides are of one clinic: in the condition, beside it, or where the
    joined query is made, and in whatever these call."""
    bodies = {function.name: ast.unparse(function) for function in source.functions()}

    def names_clinic(text: str, seen: frozenset[str] = frozenset()) -> bool:
        called = {name for name in re.findall(r"(\w+)\(", text) if name in bodies} - seen
        return (
            "clinic_id" in text
            or "work.owns(" in text
            or any(names_clinic(bodies[one], seen | called) for one in called)
        )

    found = []
    for function in source.functions():
        inside = bodies[function.name]
        for node in ast.walk(function):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            # A text that joins others, `", "` or `sql.SQL(", ")`, joins no tables.
            of_text = re.match(r"(?:sql\.SQL\()?['\"]", ast.unparse(node.func.value))
            if node.func.attr not in {"join", "outerjoin"} or of_text:
                continue
            joined, *condition = (ast.unparse(one) for one in node.args)
            ways = (f"{joined}.clinic_id", f"{joined}.c.clinic_id", f"work.owns({joined})")
            beside = any(way in inside for way in ways)
            made = re.findall(rf"^[ (\w,]*\b{re.escape(joined)}\b[\w, )]* = (.+)$", inside, re.MULTILINE)
            if not beside and not any(names_clinic(one) for one in (*condition, *made)):
                found.append(source.at(node))
    return found


def test_every_join_is_within_one_clinic() -> None:
    nouns = [source for source in NOUNS if ".engine." not in source.name]
    assert sum(len(re.findall(r"\.(?:outer)?join", source.text)) for source in nouns) > 20
    assert [place for source in nouns for place in joins_without_clinic(source)] == []


def test_a_join_across_clinics_would_be_noticed() -> None:
    across = "async def f(work):\n    select(Signal.id).join(PatientRow, PatientRow.id == Signal.patient_id)"
    assert joins_without_clinic(parsed(across))


def test_the_tenant_is_set_in_one_place() -> None:
    """Beside the unit of work only the look, before a process begins, whether its key is the database's."""
    sets = re.compile(r"SET LOCAL app\.|set_config\('app\.clinic_id'")
    found = {source.name for source in sources() if sets.search(source.text)}
    assert found == {"app.storage.engine.unit_of_work", "app.storage.engine.connecting"}
