"""Text as people type and paste it is read in one way, or refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.addresses import (
    EmailDotsError,
    EmailNotMailableError,
    EmailNotUsableError,
    NumberNotUsableError,
    email_key,
    mailable,
    read_email,
    read_mobile_number,
)
from app.foundation.text import (
    InvisibleCharacterError,
    LookAlikeLettersError,
    NothingWrittenError,
    chart_number_key,
    one_line,
    read_chart_number,
    read_code,
    read_name,
)

COMPOSED, DECOMPOSED = "Mu\u00f1oz-1", "Mun\u0303oz-1"


@pytest.mark.parametrize(
    "typed",
    [
        COMPOSED, DECOMPOSED, f"{COMPOSED} ", f" {DECOMPOSED}", f"\ufeff{COMPOSED}", "Mu\u00f1\u00adoz-1",
        "Mu\u00f1oz\u20111", "Mu\u00f1oz\u20131", "Mu\u00f1oz\u22121", "Mu\u00f1oz-\u200b1", "Mu\u00f1oz\uff0d\uff11",
        "\u200eMu\u00f1oz-1\u200f",
    ],
)  # fmt: skip
def test_a_chart_number_is_kept_in_one_form_however_it_was_pasted(typed: str) -> None:
    assert read_chart_number(typed) == COMPOSED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P-1042", "p-1042"), ("STRASSE 7", "Stra\u00dfe 7"), ("P-1", "\uff30-1"), ("\u0420-1", "P-1"),
        ("P-\u0661\u0662", "P-12"), ("A  1", "A\u00a01"), ("\u039d-1", "n-1"), ("P\u20101", "P-1"),
    ],
)  # fmt: skip
def test_numbers_that_look_the_same_to_a_person_have_one_key(one: str, other: str) -> None:
    assert chart_number_key(one) == chart_number_key(other)


def test_numbers_that_look_different_to_a_person_have_two_keys() -> None:
    numbers = ["P-1", "P-2", "P1", "P-10", "Q-1", "Mu\u00f1oz-1", "Munoz-1", "P 1"]
    assert len({chart_number_key(one) for one in numbers}) == len(numbers)


@given(st.text(max_size=40))
def test_what_was_read_reads_the_same_again(typed: str) -> None:
    try:
        number = read_chart_number(typed)
    except (NothingWrittenError, InvisibleCharacterError, LookAlikeLettersError):
        return
    assert read_chart_number(number) == number
    assert chart_number_key(number) == chart_number_key(typed)
    assert number == number.strip()


def test_letters_of_two_alphabets_in_one_word_are_refused_by_name() -> None:
    with pytest.raises(LookAlikeLettersError):
        read_chart_number("P\u0420-1")
    assert read_chart_number("\u041f\u0430\u0446\u0438\u0435\u043d\u0442 A-1")


@pytest.mark.parametrize("typed", ["", " ", "\u200b", "\u00a0\u2003", "\u00ad\ufeff", "\u3000\u200d"])
def test_a_name_of_nothing_is_refused(typed: str) -> None:
    with pytest.raises(NothingWrittenError):
        read_name(typed)


@pytest.mark.parametrize(
    "typed", ["Ma\u202eria", "Ma\u2066ria", "Ma\x07ria", "Ma\ue000ria", "M\U000e0041", "\ud800"]
)
def test_a_character_without_a_shape_is_refused_by_name(typed: str) -> None:
    with pytest.raises(InvisibleCharacterError):
        one_line(typed)


def test_a_name_keeps_what_belongs_to_its_script() -> None:
    assert (
        read_name("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")
        == "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    )
    assert read_name("  Ana\u00a0 Mar\u00ada\u2011Luz ") == "Ana Mar\u00ada-Luz".replace("\u00ad", "")
    assert read_name("O\u2019Neil") == "O\u2019Neil"


@pytest.mark.parametrize(
    "typed",
    [
        "7K2M-9QF4-XB3T", "7k2m 9qf4 xb3t", "7K2M\u20139QF4\u2014XB3T", "7K2M\u00a09QF4\u00a0XB3T",
        "\uff17\uff2b\uff12\uff2d\uff0d\uff19\uff31\uff26\uff14\uff0d\uff38\uff22\uff13\uff34",
        "\ufeff7K2M9QF4XB3T\n",
        "7K2M\u200b-\u2060\u200c9QF4\u2212XB3T", "7K2M\u30009QF4 XB3T",
    ],
)  # fmt: skip
def test_a_code_is_read_however_it_was_copied(typed: str) -> None:
    assert read_code(typed) == "7K2M9QF4XB3T"


@pytest.mark.parametrize(
    ("typed", "shown", "mailed"),
    [
        (" jo@example.org ", "jo@example.org", "jo@example.org"),
        ("name@m\u00fcnchen.example", "name@m\u00fcnchen.example", "name@xn--mnchen-3ya.example"),
        ("name@mu\u0308nchen.example", "name@m\u00fcnchen.example", "name@xn--mnchen-3ya.example"),
        ("o.k+tag@EXAMPLE.org", "o.k+tag@example.org", "o.k+tag@example.org"),
    ],
)
def test_an_address_that_passes_is_one_that_a_mail_server_takes(typed: str, shown: str, mailed: str) -> None:
    assert read_email(typed) == shown
    assert mailable(read_email(typed)) == mailed
    assert mailed.isascii()


@pytest.mark.parametrize(
    "typed", ["name..dots@example.org", ".name@example.org", "name.@example.org", "n@example..org"]
)
def test_dots_that_stand_where_none_may_are_named(typed: str) -> None:
    with pytest.raises(EmailDotsError):
        read_email(typed)


@pytest.mark.parametrize("typed", ["jos\u00e9@example.org", "\u4f60@example.org"])
def test_an_address_that_many_servers_do_not_take_is_refused_with_the_reason(typed: str) -> None:
    with pytest.raises(EmailNotMailableError, match="mail servers"):
        read_email(typed)


@pytest.mark.parametrize(
    "typed",
    ["", "x", "a@b", "a b@x.org", "a@x.org, b@x.org", "a@b\r\nBcc: c@d.org", '"a b"@x.org', "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_not_one_address_is_refused(typed: str) -> None:
    with pytest.raises(EmailNotUsableError):
        read_email(typed)


def test_an_address_is_found_however_its_letters_are_written() -> None:
    assert email_key("Name@M\u00dcNCHEN.example") == email_key("name@xn--mnchen-3ya.example")
    assert email_key("Ortega@Clinic.example ") == "ortega@clinic.example"


@pytest.mark.parametrize(
    "typed", ["+14155550123", "+1 (415) 555-0123", "+1\u00a0415\u2011555\u20110123", "\uff0b14155550123"]
)
def test_a_mobile_number_is_kept_as_gateways_take_it(typed: str) -> None:
    assert read_mobile_number(typed) == "+14155550123"


@pytest.mark.parametrize(
    "typed", ["4155550123", "+", "+1", "+999999", "hello", "+14155550123 ext. 7", "+1415555012345678"]
)
def test_what_a_gateway_would_not_take_is_refused(typed: str) -> None:
    with pytest.raises(NumberNotUsableError):
        read_mobile_number(typed)
