"""Passwords and keys: made here, kept only as digests, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = [
    "KeyText",
    "digest_secret",
    "hash_password",
    "is_password",
    "new_key",
    "new_token",
    "read_key",
    "same_secret",
]

PASSWORD_LEAST, PASSWORD_MOST = 12, 1024
_KEY = re.compile(r"ec_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as its holder has it: a public name and a secret. Its text never shows the secret."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyText(name={self.name!r})"

    def reveal(self) -> str:
        """Return the one string the holder keeps."""
        return f"ec_{self.name}_{self.secret}"


def new_key() -> KeyText:
    """Return a new key with 256 bits of secret."""
    return KeyText(secrets.token_hex(6), new_token())


def new_token() -> str:
    """Return 256 random bits as 43 letters, digits, dashes and underscores."""
    return secrets.token_urlsafe(32)


def read_key(text: str) -> KeyText | None:
    """Return the key a string states, or None when it is no key of ours."""
    found = _KEY.fullmatch(text)
    return KeyText(found[1], found[2]) if found else None


def digest_secret(secret: str) -> str:
    """Return the SHA-256 of a secret of high entropy; a password needs `hash_password`."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_secret(secret: str, digest: str) -> bool:
    """Return whether a secret has that digest, in a time that tells nothing."""
    return hmac.compare_digest(digest_secret(secret), digest)


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password, with its parameters and salt.

    Raises:
        InvalidInputError: shorter than 12 characters or longer than 1024 bytes (`bad-password`).
    """
    password = normalize("NFC", password)
    if len(password) < PASSWORD_LEAST:
        raise InvalidInputError(
            f"a password has {PASSWORD_LEAST} characters at least", code="bad-password"
        )
    if len(password.encode()) > PASSWORD_MOST:
        raise InvalidInputError(
            f"a password has {PASSWORD_MOST} bytes at most", code="bad-password"
        )
    return str(_hasher().hash(password))


def is_password(password: str, hashed: str) -> bool:
    """Return whether a password has that hash.

    An empty hash (no such account, or one that signs in elsewhere) costs the same time. One
    keyboard writes é as a letter, another as e and an accent: both are the same password.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password.encode()) > PASSWORD_MOST:
        return False
    # As it was typed too: hashes made before did not know of the other.
    for spelled in dict.fromkeys((normalize("NFC", password), password)):
        try:
            if _hasher().verify(hashed or _nobody(), spelled):
                return bool(hashed)
        except (VerificationError, InvalidHashError):
            continue
    return False


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    return str(_hasher().hash(new_token()))
