"""The vault: a sealed cell opens with its key, in its place, unchanged, and in no other way."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.keyset import KEY_BYTES, KeyFileError, read_keyset
from app.foundation.vault import CannotOpenError, PatientVault, Vault, load_or_make_key_file, new_key_text

KEY = bytes(range(32))
CLINIC, ROW = uuid4(), uuid4()
CHECKOUT = Path(__file__).parents[2]


def sealed(text: str = "I slept badly", vault: Vault | None = None) -> bytes:
    return (vault or Vault(KEY)).seal(text, table="check_ins", column="note", clinic_id=CLINIC, row_id=ROW)


def opened(
    cell: bytes,
    vault: Vault | None = None,
    *,
    table: str = "check_ins",
    column: str = "note",
    clinic_id: UUID = CLINIC,
    row_id: UUID = ROW,
) -> str:
    return (vault or Vault(KEY)).open(cell, table=table, column=column, clinic_id=clinic_id, row_id=row_id)


@given(st.text())
def test_what_is_sealed_opens_again(text: str) -> None:
    assert opened(sealed(text)) == text


def test_the_same_text_never_looks_the_same_twice_and_never_shows() -> None:
    assert sealed() != sealed()
    assert b"slept" not in sealed()


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(CannotOpenError):
        opened(sealed(), Vault(bytes(32)))


def test_another_key_under_the_same_key_id_does_not_open_it_either() -> None:
    head = sealed(vault=Vault(bytes(32)))[:5]
    with pytest.raises(CannotOpenError):
        opened(head + sealed()[5:], Vault(bytes(32)))


def test_it_opens_in_no_other_table() -> None:
    with pytest.raises(CannotOpenError):
        opened(sealed(), table="signals")


def test_it_opens_in_no_other_column() -> None:
    with pytest.raises(CannotOpenError):
        opened(sealed(), column="name")


def test_it_opens_in_no_other_clinic() -> None:
    with pytest.raises(CannotOpenError):
        opened(sealed(), clinic_id=uuid4())


def test_it_opens_in_no_other_row() -> None:
    with pytest.raises(CannotOpenError):
        opened(sealed(), row_id=uuid4())


def test_every_single_changed_byte_is_noticed() -> None:
    cell = sealed("yes")
    for place in range(len(cell)):
        changed = cell[:place] + bytes([cell[place] ^ 1]) + cell[place + 1 :]
        with pytest.raises(CannotOpenError):
            opened(changed)


def test_every_shortened_cell_is_noticed() -> None:
    cell = sealed("yes")
    for length in range(len(cell)):
        with pytest.raises(CannotOpenError):
            opened(cell[:length])


def test_the_refusal_says_nothing_of_what_was_sealed() -> None:
    with pytest.raises(CannotOpenError) as refusal:
        opened(sealed("Maria"), row_id=uuid4())
    assert "Maria" not in str(refusal.value)


def test_a_blind_index_finds_the_same_text_within_one_purpose_and_clinic_only() -> None:
    vault, other = Vault(KEY), uuid4()
    index = vault.blind_index("P-1", purpose="reference", clinic_id=CLINIC)
    assert index == vault.blind_index("P-1", purpose="reference", clinic_id=CLINIC)
    assert index != vault.blind_index("P-2", purpose="reference", clinic_id=CLINIC)
    assert index != vault.blind_index("P-1", purpose="e-mail", clinic_id=CLINIC)
    assert index != vault.blind_index("P-1", purpose="reference", clinic_id=other)
    assert index != Vault(bytes(32)).blind_index("P-1", purpose="reference", clinic_id=CLINIC)


def test_a_digest_keeps_its_parts_apart() -> None:
    vault = Vault(KEY)
    assert vault.digest(b"ab", b"c") != vault.digest(b"a", b"bc")
    assert vault.digest(b"a") != vault.digest(b"a", b"")
    assert vault.digest(b"a") == vault.digest(b"a")


def test_sealing_indexing_and_digesting_never_share_a_key() -> None:
    vault = Vault(KEY)
    index = vault.blind_index("x", purpose="p", clinic_id=CLINIC)
    assert index != vault.digest(b"p", CLINIC.bytes, b"x")


def test_what_was_sealed_by_the_first_version_still_opens() -> None:
    # Made once and written down: if this fails, no row in any database opens any more.
    cell = base64.b64decode("AX2KSFpZAsOeHWvBsi4YTgLpe6C+rsMLt7iDA2eDAz+xGooVpA==")
    place = UUID("01980000-0000-7000-8000-000000000001")
    assert opened(cell, clinic_id=place, row_id=place) == "kept"


@pytest.mark.parametrize("text", ["", "short", "ü" * 44, base64.b64encode(bytes(31)).decode(), "A" * 45])
def test_a_key_of_the_wrong_shape_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(KeyFileError) as refusal:
        read_keyset(text)
    assert not text or text not in str(refusal.value)


def test_a_key_is_read_as_it_is_written() -> None:
    assert len(next(iter(read_keyset(new_key_text() + "\n").keys.values()))) == KEY_BYTES
    assert new_key_text() != new_key_text()


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key, made = load_or_make_key_file(path)
    assert made
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_make_key_file(path) == (key, False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_the_key_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_or_make_key_file(tmp_path / "key")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_make_key_file(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError):
        load_or_make_key_file(path)


@pytest.mark.parametrize("nonsense", [b"", bytes(32), b"\xff" * 44])
def test_a_key_file_of_nonsense_is_refused(tmp_path: Path, nonsense: bytes) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(nonsense)
    with pytest.raises(KeyFileError):
        load_or_make_key_file(path)


@pytest.mark.processes
@pytest.mark.processes
def test_eight_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """All wait for the same file to appear, then make the key together."""
    race = """
import pathlib, sys
from app.foundation.vault import load_or_make_key_file
folder = pathlib.Path(sys.argv[1])
print("ready", flush=True)
while not (folder / "go").exists():
    pass
key, made = load_or_make_key_file(folder / "keys" / "key")
print(key.active.hex(), made)
"""
    (tmp_path / "keys").mkdir()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", race, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    said = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert len({key for key, _ in said}) == 1
    assert [made for _, made in said].count("True") == 1
    assert [entry.name for entry in (tmp_path / "keys").iterdir()] == ["key"]


PATIENT = uuid4()
CELL = {"table": "check_ins", "column": "note"}


def own_vault(
    wrapped_key: bytes | None, vault: Vault | None = None, patient_id: UUID = PATIENT
) -> PatientVault:
    return (vault or Vault(KEY)).of_patient(wrapped_key, clinic_id=CLINIC, patient_id=patient_id)


def new_key(patient_id: UUID = PATIENT) -> bytes:
    return Vault(KEY).new_patient_key(clinic_id=CLINIC, patient_id=patient_id)


@given(st.text())
def test_what_a_patients_key_sealed_opens_with_it_again(text: str) -> None:
    wrapped = new_key()
    cell = own_vault(wrapped).seal(text, row_id=ROW, **CELL)
    assert own_vault(wrapped).open(cell, row_id=ROW, **CELL) == text


def test_what_a_patients_key_sealed_opens_with_nothing_else() -> None:
    wrapped = new_key()
    cell = own_vault(wrapped).seal("I slept badly", row_id=ROW, **CELL)
    assert (cell[0], b"slept" in cell) == (2, False)
    # The vault's own key, no key any more, another one of this patient's, another cell.
    with pytest.raises(CannotOpenError):
        opened(cell)
    for vault in (own_vault(None), own_vault(new_key())):
        with pytest.raises(CannotOpenError):
            vault.open(cell, row_id=ROW, **CELL)
    with pytest.raises(CannotOpenError):
        own_vault(wrapped).open(cell, row_id=uuid4(), **CELL)
    with pytest.raises(CannotOpenError):
        own_vault(wrapped).open(cell[:10], row_id=ROW, **CELL)


def test_a_patients_key_works_for_no_other_patient_and_with_no_other_vault() -> None:
    wrapped = new_key()
    cell = own_vault(wrapped).seal("I slept badly", row_id=ROW, **CELL)
    for vault in (own_vault(wrapped, patient_id=uuid4()), own_vault(wrapped, Vault(bytes(32)))):
        with pytest.raises(CannotOpenError):
            vault.open(cell, row_id=ROW, **CELL)


def test_a_wrapped_key_is_no_cell_that_someone_could_read() -> None:
    with pytest.raises(CannotOpenError):
        Vault(KEY).open(
            new_key(), table="patient_keys", column="wrapped_key", clinic_id=CLINIC, row_id=PATIENT
        )


def test_what_was_sealed_before_a_patient_had_a_key_still_opens() -> None:
    assert own_vault(new_key()).open(sealed(), row_id=ROW, **CELL) == "I slept badly"
    without_key = own_vault(None).seal("as before", row_id=ROW, **CELL)
    assert (without_key[0], opened(without_key)) == (1, "as before")
