"""What all tables share: the three schemas, the naming of constraints, the tenant's column."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Tenants' rows. Every table here has forced row-level security and clinic_id first in its keys; a test
# reads the catalogue and knows no exceptions.
CARE: Final = "care"
# What must be found before the tenant is known: clinics by id, code selectors, counters of failed tries.
FRONT_DESK: Final = "front_desk"
# procrastinate's own tables.
JOBS: Final = "jobs"


class Row(DeclarativeBase):
    """The base of all table classes. Their names end in Row: ``CheckIn`` is always the clinical one."""

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

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
