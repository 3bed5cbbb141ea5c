"""The keyset: what an older key sealed opens, new cells take the active key, and look-ups never change."""

from typing import TypedDict
from uuid import UUID, uuid4

import pytest

from app.foundation.keyset import KeyFileError, KeyInUseError, Keyset, key_id, read_keyset, write_keyset
from app.foundation.vault import CannotOpenError, Vault, new_key_text

KEY = bytes(range(32))
CLINIC, ROW, PATIENT = uuid4(), uuid4(), uuid4()


class Place(TypedDict):
    """Where a cell stands."""

    table: str
    column: str
    clinic_id: UUID
    row_id: UUID


HERE: Place = {"table": "check_ins", "column": "note_sealed", "clinic_id": CLINIC, "row_id": ROW}


def test_what_the_old_key_sealed_opens_and_new_cells_take_the_new_one() -> None:
    old, rotated = Vault(KEY), Vault(Keyset.of_one(KEY).rotated())
    sealed = old.seal("I slept badly", **HERE)

    again = rotated.resealed(sealed, **HERE)

    assert rotated.open(sealed, **HERE) == rotated.open(again, **HERE) == "I slept badly"
    assert again[1:5] == rotated.active_key != sealed[1:5]
    with pytest.raises(CannotOpenError):
        old.open(again, **HERE)
    with pytest.raises(CannotOpenError):
        rotated.resealed(sealed, table="check_ins", column="note_sealed", clinic_id=CLINIC, row_id=uuid4())


def test_a_patients_wrapped_key_is_sealed_again_like_any_cell() -> None:
    old, rotated = Vault(KEY), Vault(Keyset.of_one(KEY).rotated())
    wrapped = old.new_patient_key(clinic_id=CLINIC, patient_id=PATIENT)
    note = old.of_patient(wrapped, clinic_id=CLINIC, patient_id=PATIENT).seal(
        "fine", table="check_ins", column="note_sealed", row_id=ROW
    )

    again = rotated.resealed(
        wrapped, table="patient_keys", column="wrapped_key", clinic_id=CLINIC, row_id=PATIENT
    )

    theirs = rotated.of_patient(again, clinic_id=CLINIC, patient_id=PATIENT)
    assert theirs.open(note, table="check_ins", column="note_sealed", row_id=ROW) == "fine"


def test_what_is_looked_up_or_compared_stays_the_same_after_a_rotation() -> None:
    old, rotated = Vault(KEY), Vault(read_keyset(write_keyset(Keyset.of_one(KEY).rotated())))

    assert old.blind_index("MRN-1", purpose="x", clinic_id=CLINIC) == rotated.blind_index(
        "MRN-1", purpose="x", clinic_id=CLINIC
    )
    assert old.digest(b"a", b"b") == rotated.digest(b"a", b"b")
    assert old.link(b"a", b"b") == rotated.link(b"a", b"b")
    assert old.push_seed == rotated.push_seed


def test_once_the_old_key_is_retired_what_it_sealed_stays_shut() -> None:
    sealed, rotated = Vault(KEY).seal("x", **HERE), Keyset.of_one(KEY).rotated()
    kept = rotated.without(key_id(KEY))

    with pytest.raises(CannotOpenError):
        Vault(kept).open(sealed, **HERE)
    with pytest.raises(KeyInUseError):
        rotated.without(rotated.active)


def test_a_process_finds_a_key_that_was_made_since_it_began() -> None:
    rotated = Keyset.of_one(KEY).rotated()
    sealed = Vault(rotated).seal("x", **HERE)
    running = Vault(KEY, reread=lambda: rotated)

    assert running.open(sealed, **HERE) == "x"
    assert running.active_key == rotated.active, "and seals with it from then on"


def test_a_keyset_is_read_as_it_was_written_and_shows_no_key_when_printed() -> None:
    keyset = read_keyset(new_key_text()).rotated()

    assert read_keyset(write_keyset(keyset) + "\n") == keyset
    assert repr(next(iter(keyset.keys.values()))) not in repr(keyset)


class Reversed:
    """A key service that keeps keys back to front."""

    def wrap(self, key: bytes) -> bytes:
        return key[::-1]

    def unwrap(self, wrapped: bytes) -> bytes:
        return wrapped[::-1]


def test_a_key_service_needs_two_functions() -> None:
    keyset = Keyset.of_one(KEY).rotated()
    text = write_keyset(keyset, Reversed())

    assert read_keyset(text, Reversed()) == keyset
    with pytest.raises(KeyFileError):
        read_keyset(text)


@pytest.mark.parametrize(
    "text", ["", "{}", "{", "[]", '{"active": "00", "keys": {}, "lookups": {}}', "💙", "AAAA"]
)
def test_what_is_no_keyset_is_refused_by_name(text: str) -> None:
    with pytest.raises(KeyFileError):
        read_keyset(text)
