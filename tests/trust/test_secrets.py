"""Passwords and keys."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from earthcommons.errors import InvalidInputError
from earthcommons.trust import (
    digest_secret,
    hash_password,
    is_password,
    new_key,
    read_key,
    same_secret,
)


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> None:
    """Nothing is quick here: these passwords are hashed as a node hashes them."""


def test_a_password_is_known_again_and_another_is_not() -> None:
    hashed = hash_password("correct horse battery")
    # RFC 9106, section 4: the second recommended option.
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_password("correct horse battery", hashed)
    assert not is_password("correct horse batterz", hashed)
    assert hash_password("correct horse battery") != hashed


def test_one_password_has_two_spellings_and_a_hash_made_before_still_fits() -> None:
    letter, accent = "caf\u00e9 au lait", "cafe\u0301 au lait"
    for hashed in (hash_password(letter), hash_password(accent)):
        assert is_password(letter, hashed)
        assert is_password(accent, hashed)
        assert not is_password("cafe au lait", hashed)
    assert is_password(accent, PasswordHasher(time_cost=1, memory_cost=64).hash(accent))


def test_what_is_wrong_with_a_password_is_what_is_said() -> None:
    with pytest.raises(InvalidInputError, match="12 characters at least"):
        hash_password("short")
    with pytest.raises(InvalidInputError, match="1024 bytes at most"):
        hash_password("雪" * 342)


@pytest.mark.parametrize("hashed", ["", "no hash", "$argon2id$v=19$broken"])
def test_no_password_fits_no_hash(hashed: str) -> None:
    assert not is_password("", hashed)
    assert not is_password("anything at all", hashed)


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 1025])
def test_a_short_or_endless_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        hash_password(password)
    assert refused.value.code == "bad-password"


def test_a_key_is_read_back_and_never_shows_its_secret_by_accident() -> None:
    key = new_key()
    assert read_key(key.reveal()) == key
    assert key.secret not in repr(key)
    assert key.secret not in f"{key}"
    assert same_secret(key.secret, digest_secret(key.secret))
    assert not same_secret(key.secret[:-1] + "!", digest_secret(key.secret))


@pytest.mark.parametrize(
    "text", ["", "ec_", "ec_0123_x", "Bearer ec_0", "ec_" + "g" * 12 + "_" + "a" * 43]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert read_key(text) is None
