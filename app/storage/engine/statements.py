"""Statements that are built once a process: what they are about is given to them each time they run.

Building one and telling it from others costs more processor time than running it does.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast
from uuid import UUID

from psycopg import AsyncConnection, Column
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    CursorResult,
    Dialect,
    Executable,
    UpdateBase,
    bindparam,
)
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from app.storage.engine.rows import TenantRow

P = ParamSpec("P")
Record = TypeVar("Record")
CLINIC: Final = "of_this_clinic"
"""The parameter that the unit of work gives to each of them: its own clinic."""


class Owner(Protocol):
    """Whose rows a statement is about: a transaction, or whichever one a ready statement will run in."""

    @property
    def clinic_id(self) -> Any:  # noqa: ANN401 - an id, or the parameter that stands for it
        """The clinic, as a value of a statement."""

    def owns(self, row: type[TenantRow]) -> ColumnElement[bool]:
        """Say that a table's row is of this clinic."""


class Built:
    """A statement as the driver takes it: written out once, and run past SQLAlchemy's layers from then on.

    They cost as much processor time as the driver itself does.
    """

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self.text = b""
        self._fixed: dict[str, Any] = {}
        self._binds: dict[str, Callable[[Any], Any]] = {}
        self._types: list[TypeEngine[Any]] = []
        self._columns: SimpleResultMetaData | None = None

    async def run(self, driver: AsyncConnection[Any], dialect: Dialect, given: Mapping[str, Any]) -> "Found":
        """Run it with these values."""
        if not self.text:
            self._write_out(dialect)
        values = {**self._fixed, **given}
        for name, bind in self._binds.items():
            values[name] = bind(values[name])
        cursor = await driver.execute(self.text, values)
        if cursor.description is None:
            return Found(SimpleResultMetaData(()), (), cursor.rowcount)
        if self._columns is None:
            self._columns = self._read_columns(dialect, cursor.description)
        return Found(self._columns, await cursor.fetchall(), cursor.rowcount)

    def _write_out(self, dialect: Dialect) -> None:
        written = cast("ClauseElement", self.statement)
        compiled = written.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        if not isinstance(compiled, SQLCompiler) or compiled.insert_prefetch or compiled.update_prefetch:
            raise TypeError(self.statement)
        for bind, name in compiled.bind_names.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                self._binds[name] = process
            if not bind.required:
                self._fixed[name] = bind.effective_value
        self._types = [one.type for one in compiled._result_columns]  # noqa: SLF001 - nothing else knows them
        self.text = compiled.string.encode()

    def _read_columns(self, dialect: Dialect, described: Sequence[Column]) -> SimpleResultMetaData:
        reading = [
            kind.dialect_impl(dialect).result_processor(dialect, column.type_code)
            for kind, column in zip(self._types, described, strict=True)
        ]
        return SimpleResultMetaData([column.name for column in described], _processors=reading)


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement that was built before (see `built_once`), and what it is given this time."""

    built: Built
    given: Mapping[str, Any]

    async def run(self, driver: AsyncConnection[Any], dialect: Dialect, clinic_id: UUID) -> "Found":
        """Run it for this clinic."""
        return await self.built.run(driver, dialect, {**self.given, CLINIC: clinic_id})


class Found(IteratorResult[*tuple[Any, ...]]):
    """What a ready statement found or changed, with as many rows as it says."""

    def __init__(self, columns: SimpleResultMetaData, rows: Sequence[Any], rowcount: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount = rowcount


class _AnyTransaction:
    """Stands for the transaction while a statement is built: nothing of one clinic can get into it."""

    @property
    def clinic_id(self) -> BindParameter[UUID]:
        return bindparam(CLINIC)

    def owns(self, row: type[TenantRow]) -> ColumnElement[bool]:
        return row.clinic_id == self.clinic_id


def built_once(build: Callable[Concatenate[Owner, P], Executable]) -> Callable[P, Ready]:
    """Have a function build its statement once, with a parameter in the place of each argument.

    An argument that is None is None while the statement is built too, so there is one for each choice of those; but
    what it takes as ``**values`` are values of columns, of which None is one. Whatever else decides what the
    statement is must not be an argument.
    """
    names = [one.name for one in signature(build).parameters.values() if one.kind is not one.VAR_KEYWORD][1:]
    built: dict[tuple[str, ...], Built] = {}

    def ready(*values: P.args, **named: P.kwargs) -> Ready:
        said: dict[str, Any] = {**dict(zip(names, values, strict=False)), **named}
        given = {name: value for name, value in said.items() if value is not None or name not in names}
        which = tuple(given)
        if which not in built:
            places = dict.fromkeys(said) | {one: bindparam(_parameter(one)) for one in given}
            built[which] = Built(cast("Callable[..., Executable]", build)(_AnyTransaction(), **places))
        return Ready(built[which], {_parameter(name): value for name, value in given.items()})

    return ready


def _parameter(name: str) -> str:
    # Not a column's name: SQLAlchemy keeps those for what it sets itself.
    return f"given_{name}"


class RecordReader(ABC):
    """What runs statements, and makes records of what they find."""

    @abstractmethod
    async def execute(self, statement: Executable | Ready) -> CursorResult[Any] | Found:
        """Run one statement."""

    async def changes(self, statement: UpdateBase) -> bool:
        """Run a statement that changes rows; says whether it found any."""
        return (await self.execute(statement)).rowcount != 0

    async def one(self, kind: type[Record], statement: Executable | Ready) -> Record | None:
        """Make the one record that a statement finds, by the names of its columns; None where it finds none."""
        row = (await self.execute(statement)).one_or_none()
        return None if row is None else kind(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it

    async def all(self, kind: type[Record], statement: Executable | Ready) -> list[Record]:
        """Make the records that a statement finds, by the names of their columns."""
        return [kind(**row._mapping) for row in await self.execute(statement)]  # noqa: SLF001 - same
