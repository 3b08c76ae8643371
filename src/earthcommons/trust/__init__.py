"""Pure cryptography: passwords, keys, chains of digests.

Knows no accounts, no database and no request; the libraries behind it are argon2 and hashlib.
"""

from earthcommons.trust.chain import ChainLink, extend, first_break
from earthcommons.trust.secrets import (
    KeyText,
    digest_secret,
    hash_password,
    is_password,
    new_key,
    new_token,
    read_key,
    same_secret,
)

__all__ = [
    "ChainLink",
    "KeyText",
    "digest_secret",
    "extend",
    "first_break",
    "hash_password",
    "is_password",
    "new_key",
    "new_token",
    "read_key",
    "same_secret",
]
