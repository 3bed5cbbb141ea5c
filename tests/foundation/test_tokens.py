"""Tokens: opaque, of one kind and one clinic, and never kept as they are."""

import hashlib
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.errors import RefusalKind
from app.foundation.tokens import (
    TokenKind,
    TokenNotValidError,
    base64url,
    from_base64url,
    new_token,
    read_token,
)

CLINIC = UUID("9275565e-eee1-4a86-96d8-ce866aaab8f7")


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_is_read_as_it_was_made(kind: TokenKind) -> None:
    text, reference = new_token(kind, CLINIC)
    assert read_token(text, kind) == reference
    assert reference.clinic_id == CLINIC
    assert reference.kind is kind


def test_only_a_digest_of_it_is_kept() -> None:
    text, reference = new_token(TokenKind.API_KEY, CLINIC)
    assert reference.digest == hashlib.sha256(text.encode()).digest()
    assert text not in repr(reference)


def test_no_two_tokens_are_alike_and_each_has_256_random_bits() -> None:
    texts = {new_token(TokenKind.DEVICE_ACCESS, CLINIC)[0] for _ in range(100)}
    assert len(texts) == 100
    assert {len(text.split("_", 2)[2]) for text in texts} == {43}


def test_a_token_of_another_kind_is_refused() -> None:
    text, _ = new_token(TokenKind.DEVICE_REFRESH, CLINIC)
    with pytest.raises(TokenNotValidError):
        read_token(text, TokenKind.DEVICE_ACCESS)
    with pytest.raises(TokenNotValidError):
        read_token(text)


def test_a_token_moved_to_another_clinic_has_another_digest() -> None:
    text, reference = new_token(TokenKind.API_KEY, CLINIC)
    moved = read_token(text.replace(CLINIC.hex, uuid4().hex), TokenKind.API_KEY)
    assert moved.digest != reference.digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agk",
        "agk_",
        f"agk_{CLINIC.hex}",
        f"agk_{CLINIC.hex}_",
        "agk_not-a-clinic_secret",
        f"xyz_{CLINIC.hex}_secret",
        f"AGK_{CLINIC.hex}_secret",
        " ",
        "\0",
    ],
)
def test_what_is_no_token_is_refused_as_not_valid(text: str) -> None:
    with pytest.raises(TokenNotValidError) as refusal:
        read_token(text, *TokenKind)
    assert refusal.value.kind is RefusalKind.UNAUTHENTICATED


@given(st.text())
def test_no_text_does_more_than_being_refused(text: str) -> None:
    with pytest.raises(TokenNotValidError):
        read_token(text, *TokenKind)
    with pytest.raises(TokenNotValidError):
        read_token(f"agk_{text}", *TokenKind)


@given(st.text(min_size=1))
def test_any_secret_can_be_looked_up(secret: str) -> None:
    assert len(read_token(f"agk_{CLINIC.hex}_{secret}", TokenKind.API_KEY).digest) == 32


def test_the_refusal_does_not_repeat_what_was_presented() -> None:
    with pytest.raises(TokenNotValidError) as refusal:
        read_token("agk_hunter2", TokenKind.API_KEY)
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xfb\xff", b"\xff" * 32])
def test_bytes_come_back_from_base64url_with_and_without_padding(content: bytes) -> None:
    text = base64url(content)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert from_base64url(text) == from_base64url(text + "=" * (-len(text) % 4)) == content


@pytest.mark.parametrize("text", ["A", "ab cd", "é"])
def test_what_is_not_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what callers catch
        from_base64url(text)
