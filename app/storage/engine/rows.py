"""What all tables share: the schemas, the naming of constraints, the tenant's column."""

from collections.abc import Callable, Collection
from dataclasses import field, fields
from datetime import datetime
from typing import Any, Final, dataclass_transform
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Function,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    Uuid,
    func,
    inspect,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapped,
    MappedAsDataclass,
    Mapper,
    mapped_column,
)
from sqlalchemy.types import NullType

# Tenants' rows. Every table here has forced row-level security and clinic_id first in its keys; a test
# reads the catalogue and knows no exceptions.
CARE: Final = "care"
# What must be found before the tenant is known: clinics by id, code selectors, counters of failed tries.
FRONT_DESK: Final = "front_desk"
# procrastinate's own tables.
JOBS: Final = "jobs"
# What tables of care are made of; the application reaches it by these tables alone.
PARTITIONS: Final = "partitions"


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column, field))
class Row(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """The base of all records: one class a noun is the record in hand and the table it is kept in.

    A class whose name ends in Row is only a table: what is read from it has another shape, such as the clinical
    core's ``CheckIn``. Statements are Core's and give plain rows, from which records are made by name: no session
    exists, so nothing is loaded later and nothing is written by setting an attribute.
    """

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute as a plain dict
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        str: Text(),
        bytes: LargeBinary(),
        int: BigInteger(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class TenantRow(Row):
    """A row that belongs to one clinic."""

    __abstract__ = True

    # The unit of work gives it: a record in hand needs none to be made.
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1, init=False, repr=False)


def clinic_foreign_key(column: str, *, of: str) -> ForeignKeyConstraint:
    """Bind a column to another table's rows of the same clinic: no row can name another clinic's."""
    return ForeignKeyConstraint(["clinic_id", column], [f"{CARE}.{of}.clinic_id", f"{CARE}.{of}.id"])


def column_names(record: type[TenantRow]) -> tuple[str, ...]:
    """Name the columns that a record is made from: not the tenant's, nor what a statement works out itself."""
    mapper: Mapper[TenantRow] = inspect(record)
    return tuple(one.name for one in fields(record) if one.init and one.name in mapper.column_attrs)


class _Ids(TypeDecorator[Collection[UUID]]):
    """Several ids as one text: the driver takes as long for each of a list as for a parameter."""

    impl = ARRAY(Uuid())
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Collection[UUID] | None], str]:  # noqa: ARG002 - SQLAlchemy's
        """Write them as PostgreSQL reads an array."""
        return lambda ids: f"{{{','.join([str(one) for one in ids or ()])}}}"


def one_of(column: InstrumentedAttribute[UUID], ids: Collection[UUID]) -> ColumnElement[bool]:
    """Compare an id with several: one statement and one parameter however many they are, so it is prepared once."""
    return column == func.any(literal(ids, _Ids()))


def listed(column: Any, *order: Any) -> Function[Any]:  # noqa: ANN401 - columns, and what is made of them
    """Gather a column of a group's rows in a list, as the driver gives it: SQLAlchemy would read each once more."""
    return func.array_agg(aggregate_order_by(column, *order) if order else column, type_=NullType())


def columns_of(record: type[TenantRow]) -> list[Any]:
    """Give a record's columns, for a statement that selects them."""
    return [getattr(record, name) for name in column_names(record)]


def values_of(record: TenantRow) -> dict[str, Any]:
    """Give what is inserted for a new record, by column; the statement adds the tenant."""
    return {name: getattr(record, name) for name in column_names(type(record))}
