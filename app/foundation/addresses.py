"""Addresses that a message can be sent to: what passes here is what the mail server and the gateway take."""

from typing import Final

from app.foundation.errors import RefusalError
from app.foundation.text import InvisibleCharacterError, one_line

LONGEST_EMAIL: Final = 254


class EmailNotUsableError(RefusalError, ValueError):
    """This is not one e-mail address, such as name@example.org."""

    code = "email-not-usable"


class EmailDotsError(EmailNotUsableError):
    """In an e-mail address a dot stands between letters: never first, never last, never two in a row."""

    code = "email-dots"


class EmailNotMailableError(EmailNotUsableError):
    """Many mail servers do not take accents or other alphabets before the @; please give an address without them.

    After the @ they are no trouble: such a domain has a name in plain letters as well.
    """

    code = "email-not-mailable"


class NumberNotUsableError(RefusalError, ValueError):
    """This is no telephone number; it begins with + and the country's code, such as +1 415 555 0123."""

    code = "number-not-usable"


def read_email(text: str) -> str:
    """Give one address as it is kept and shown: normalized, its domain in its own letters.

    Raises:
        EmailDotsError: its dots stand where none may.
        EmailNotMailableError: the part before the @ needs what many mail servers do not have (SMTPUTF8).
        EmailNotUsableError: it is not one address.
    """
    # Read when first needed: many commands never see an address.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see above

    try:
        address = one_line(text)
    except InvisibleCharacterError:
        raise EmailNotUsableError from None
    if len(address) > LONGEST_EMAIL:
        raise EmailNotUsableError
    local, at, domain = address.rpartition("@")
    if at and any(not part for part in [*local.split("."), *domain.split(".")]) and local and domain:
        raise EmailDotsError
    try:
        read = validate_email(address, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        raise EmailNotUsableError from None
    if read.ascii_email is None or len(read.ascii_email) > LONGEST_EMAIL:
        raise EmailNotMailableError
    if "." not in read.ascii_domain:
        raise EmailNotUsableError
    return read.normalized


def mailable(email: str) -> str:
    """Give an address that was read as the mail server gets it: in ASCII, the domain in its plain name.

    Raises:
        EmailNotUsableError: it cannot be given so.
    """
    if email.isascii():
        return email
    local, _, domain = read_email(email).rpartition("@")
    import idna  # noqa: PLC0415 - hardly any address needs it

    return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"


def email_key(email: str) -> str:
    """Give what an address is found by: the same however its letters are written."""
    try:
        return mailable(read_email(email)).casefold()
    except EmailNotUsableError:
        return email.strip().casefold()


def read_mobile_number(text: str) -> str:
    """Give a telephone number as gateways take it (E.164, such as +14155550123).

    Raises:
        NumberNotUsableError: it is none, or lacks the country's code.
    """
    import phonenumbers  # noqa: PLC0415 - its tables are large, and most requests carry no number

    try:
        number = phonenumbers.parse(one_line(text), None)
    except (phonenumbers.NumberParseException, InvisibleCharacterError):
        raise NumberNotUsableError from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise NumberNotUsableError
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country_of_number(number: str) -> str | None:
    """Say in which country a number that was read is (ISO 3166); None: it is of none, such as a satellite's."""
    import phonenumbers  # noqa: PLC0415 - as above

    country = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    return country if country and country.isalpha() else None
