"""Statements that are built once: of whichever clinic asks, and of whatever they are given then."""

import pytest
from sqlalchemy import Executable, insert, select

from app.storage.clinics import ClinicProfile
from app.storage.engine.database import Database
from app.storage.engine.statements import Owner, built_once
from app.storage.patients import PatientRow
from tests.storage.test_unit_of_work import NOW, name_of, opened


@built_once
def _names(work: Owner, name: str | None) -> Executable:
    named = () if name is None else (ClinicProfile.name == name,)
    return select(ClinicProfile.clinic_id, ClinicProfile.name).where(work.owns(ClinicProfile), *named)


@pytest.mark.anyio
async def test_each_transaction_runs_it_for_its_own_clinic(database: Database) -> None:
    first, second = await opened(database), await opened(database)
    for clinic_id in (first, second, first):
        async with database.work(clinic_id, now=NOW) as work:
            assert [row.clinic_id for row in await work.execute(_names("Clinic"))] == [clinic_id]
            assert [row.clinic_id for row in await work.execute(_names(None))] == [clinic_id]
            assert (await work.execute(_names("Other"))).all() == []
        assert await name_of(database, clinic_id) == "Clinic"


def test_it_is_built_once_for_each_choice_of_what_is_left_out() -> None:
    one, other, every = _names("a"), _names("b"), _names(None)
    assert one.built is other.built
    assert one.given != other.given
    assert every.built is not one.built
    assert every.built is _names(None).built
    assert every.given == {}


def test_a_columns_value_may_be_nothing() -> None:
    @built_once
    def add(work: Owner, /, **values: str | None) -> Executable:
        return insert(PatientRow).values(clinic_id=work.clinic_id, **values)

    assert add(country=None).built is add(country="AT").built
    assert list(add(country=None).given.values()) == [None]


def test_nothing_of_one_clinic_gets_into_a_statement() -> None:
    """While it is built there is no transaction to take anything else from."""

    @built_once
    def late(work: Owner) -> Executable:
        return select(PatientRow.id).where(PatientRow.registered_at < work.now)  # type: ignore[attr-defined]  # there is none

    with pytest.raises(AttributeError):
        late()
