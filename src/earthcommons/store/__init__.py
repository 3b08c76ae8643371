"""Bytes under keys, with digests: staged, synced, verified, renamed into place, never changed.

Knows keys, digests and which objects are suspect; leaves meaning to the floors above.
"""

from earthcommons.store.local import LocalStore, sync_folder, sync_tree
from earthcommons.store.objects import (
    ObjectStore,
    digest_in,
    digest_of_path,
    file_digest,
    files_of_tree,
    is_full,
    split_key,
    storing,
    tree_manifest,
)
from earthcommons.store.suspects import SuspectList, corrupt
from earthcommons.store.turns import Turns, open_lock

__all__ = [
    "LocalStore",
    "ObjectStore",
    "SuspectList",
    "Turns",
    "corrupt",
    "digest_in",
    "digest_of_path",
    "file_digest",
    "files_of_tree",
    "is_full",
    "open_lock",
    "split_key",
    "storing",
    "sync_folder",
    "sync_tree",
    "tree_manifest",
]
