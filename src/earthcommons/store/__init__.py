"""Bytes under keys, with digests: staged, synced, verified, renamed into place, never changed.

Knows keys and digests; leaves meaning to the floors above.
"""

from earthcommons.store.local import LocalStore
from earthcommons.store.objects import ObjectStore, digest_in, file_digest, split_key

__all__ = ["LocalStore", "ObjectStore", "digest_in", "file_digest", "split_key"]
