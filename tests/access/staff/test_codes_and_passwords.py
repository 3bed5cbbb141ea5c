"""Codes as RFC 6238 has them, recovery codes as people read them, passwords that are guessed first."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.access.staff.passwords import (
    PasswordHoldsNameError,
    PasswordTooCommonError,
    PasswordTooShortError,
    refuse_weak,
)
from app.access.staff.second_factor import digest_of, new_codes, new_secret, otpauth_link, step_of
from app.foundation.vault import Vault

# RFC 6238, appendix B: the SHA-1 secret "12345678901234567890", in base32; eight digits, of which six are ours.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - the RFC's
VECTORS = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert step_of(SECRET, code[-6:], now=at(seconds), after=None) == seconds // 30
    assert step_of(SECRET, f" {code[-6:-3]} {code[-3:]} ", now=at(seconds), after=None) == seconds // 30


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_one_step_of_drift_is_let_through_and_no_more(seconds: int, code: str) -> None:
    for drift in (-60, -30, 0, 30, 60) if seconds > 60 else (0, 30, 60):
        found = step_of(SECRET, code[-6:], now=at(seconds + drift), after=None)
        assert found == (seconds // 30 if abs(drift) <= 30 else None)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_a_step_is_not_used_twice_nor_one_before_it(seconds: int, code: str) -> None:
    step = seconds // 30
    assert step_of(SECRET, code[-6:], now=at(seconds), after=step - 1) == step
    assert step_of(SECRET, code[-6:], now=at(seconds), after=step) is None
    assert step_of(SECRET, code[-6:], now=at(seconds), after=step + 1) is None


@pytest.mark.parametrize(
    "code",
    [
        "287082",
        "287 082",
        "287\u2011082",
        "287082\n",
        "\uff12\uff18\uff17\uff10\uff18\uff12",
        "\uff12\uff18\uff17\u3000082",
    ],
)
def test_a_code_in_any_blank_dash_or_full_width_form_opens(code: str) -> None:
    assert step_of(SECRET, code, now=at(59), after=None) == 1


@pytest.mark.parametrize(
    "code",
    [
        "",
        "28708",
        "2870822",
        "\u0662\u0668\u0667\u0660\u0668\u0662",
        "28708x",
        "-28708",
        "x287082",
        "287082\x00",
    ],
)
def test_what_is_no_code_opens_nothing(code: str) -> None:
    assert step_of(SECRET, code, now=at(59), after=None) is None


def test_the_link_for_the_phone_names_afterglow_and_no_clinic() -> None:
    link = otpauth_link(new_secret(), "ortega@clinic.example")
    assert link.startswith("otpauth://totp/Afterglow:ortega%40clinic.example?secret=")
    assert link.endswith("&issuer=Afterglow")


def test_secrets_have_160_bits_and_are_not_alike() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(one) for one in made} == {32}


def test_recovery_codes_are_read_as_people_type_them() -> None:
    vault, who = Vault(bytes(32)), UUID(int=1)
    codes = new_codes()
    assert len(set(codes)) == 10
    for code in codes:
        typed = code.lower().replace("-", " ").replace("o", "0").replace("i", "1")
        assert digest_of(vault, who, code) == digest_of(vault, who, typed)
        assert digest_of(vault, who, code) != digest_of(vault, UUID(int=2), code)
        assert not code.replace("-", "").isdigit()


KNOWN = ("Harbour Clinic", "r.ortega@harbour.example")


@pytest.mark.parametrize(
    "password",
    [
        "seven calm otters hum",
        "Tr0ub4dor&3xyz",
        "пароль длинный один",
        "correct horse battery",
        "g7#kQ2!mZ9@x",
    ],
)
def test_long_passwords_of_ones_own_are_taken(password: str) -> None:
    refuse_weak(password, known=KNOWN)


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", PasswordTooShortError),
        ("elevenchars", PasswordTooShortError),
        ("x1y2" * 51, PasswordTooShortError),
        ("aaaaaaaaaaaa", PasswordTooCommonError),
        ("abababababab", PasswordTooCommonError),
        ("password1234", PasswordTooCommonError),
        ("P@ssw0rd1234", PasswordTooCommonError),
        ("passwordpassword", PasswordTooCommonError),
        ("qwertyuiop12", PasswordTooCommonError),
        ("1234567890123", PasswordTooCommonError),
        ("LetMeIn12345678", PasswordTooCommonError),
        ("Harbour Clinic 1", PasswordHoldsNameError),
        ("harbourclinic26", PasswordHoldsNameError),
        ("r.ortega@harbour.example", PasswordHoldsNameError),
        ("r.ortega2026", PasswordHoldsNameError),
    ],
)
def test_what_is_guessed_first_is_refused(password: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        refuse_weak(password, known=KNOWN)
