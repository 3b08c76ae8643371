"""What every store of objects must do: one suite, handed a way to make a store."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from earthcommons.errors import IntegrityError, InvalidInputError, NotFoundError
from earthcommons.model.canonical import digest_of
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from earthcommons.store import ObjectStore

__all__ = ["StoreSuite"]

_STRANGE = ["../x", "ab", "A" * 64, "a" * 64 + "/x", "a" * 64 + ".x.y.z", ""]
_ABSENT = "a" * 64 + ".tif"


class StoreSuite:
    """Subclass it in a test module and give the fixtures `store`, `again` and `damage`.

    `store` is an empty store; `again` opens the same objects as another process would;
    `damage(key)` changes one byte of an object where it is kept, behind the store's back.
    """

    def test_bytes_are_found_under_their_digest_and_stored_once(
        self, store: ObjectStore
    ) -> None:
        # The digest of no bytes, as FIPS 180-4 gives it.
        key = store.put_bytes(b"", ".json")
        assert key == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.json"
        assert store.put_bytes(b"", ".json") == key
        assert list(store.all_keys()) == [key]
        assert store.read(key) == b""
        assert store.size(key) == 0

    def test_the_self_test_passes_and_leaves_nothing(self, store: ObjectStore) -> None:
        store.self_test()
        assert list(store.all_keys()) == []

    def test_what_one_process_put_another_reads(
        self, store: ObjectStore, again: Callable[[], ObjectStore]
    ) -> None:
        data = {store.put_bytes(bytes([n]) * n, f".s{n}"): bytes([n]) * n for n in range(1, 9)}
        other = again()
        assert {key: other.read(key) for key in other.all_keys()} == data
        assert {key: other.path(key).read_bytes() for key in data} == data
        for key in data:
            other.verify(key)

    def test_keys_come_in_order_and_by_suffix(self, store: ObjectStore) -> None:
        keys = [store.put_bytes(bytes([n]), ".a" if n % 3 else ".b") for n in range(30)]
        keys.append(_put_tree(store))
        assert list(store.all_keys()) == sorted(keys)
        assert list(store.all_keys(".b")) == sorted(key for key in keys if key.endswith(".b"))

    def test_a_staged_file_becomes_an_object(self, store: ObjectStore) -> None:
        with store.stage() as folder:
            (folder / "x").write_bytes(b"staged")
            key = store.put_file(folder / "x", ".bin")
        assert key == digest_of(b"staged") + ".bin"
        assert store.read(key) == b"staged"
        assert not folder.exists()

    def test_a_tree_is_named_by_its_files_and_read_as_a_folder(
        self, store: ObjectStore, again: Callable[[], ObjectStore]
    ) -> None:
        key = _put_tree(store)
        assert _put_tree(store) == key
        other = again()
        place = other.path(key)
        assert (place / "zarr.json").read_bytes() == b"{}"
        assert (place / "c" / "0").read_bytes() == b"chunk"
        assert other.size(key) == 7
        other.verify(key)

    def test_what_is_not_there_is_unavailable(self, store: ObjectStore) -> None:
        for ask in (store.path, store.read, store.verify, store.size):
            with pytest.raises(NotFoundError) as told:
                ask(_ABSENT)
            assert told.value.code == "asset-unavailable"

    @pytest.mark.parametrize("key", _STRANGE)
    def test_what_is_no_key_never_becomes_a_path(self, store: ObjectStore, key: str) -> None:
        for ask in (store.path, store.read, store.verify, store.size):
            with pytest.raises(InvalidInputError):
                ask(key)

    def test_a_flipped_byte_is_seen_and_not_served_again(
        self,
        store: ObjectStore,
        again: Callable[[], ObjectStore],
        damage: Callable[[str], None],
    ) -> None:
        for key in (store.put_bytes(b"value", ".bin"), _put_tree(store)):
            damage(key)
            other = again()
            with pytest.raises(IntegrityError) as told:
                other.verify(key)
            assert told.value.expected == digest_in(key)
            for ask in (other.path, again().path):
                with pytest.raises(IntegrityError) as told:
                    ask(key)
                assert told.value.code == "asset-corrupt"
            assert key in other.suspects()

    def test_a_good_copy_mends_and_a_bad_one_changes_nothing(
        self,
        store: ObjectStore,
        again: Callable[[], ObjectStore],
        damage: Callable[[str], None],
    ) -> None:
        key = store.put_bytes(b"value", ".bin")
        damage(key)
        other = again()
        with pytest.raises(IntegrityError):
            other.verify(key)
        with other.stage() as folder:
            (folder / "bad").write_bytes(b"valuf")
            with pytest.raises(IntegrityError):
                other.mend(key, folder / "bad")
            assert key in other.suspects()
            (folder / "good").write_bytes(b"value")
            other.mend(key, folder / "good")
        assert dict(other.suspects()) == {}
        assert again().read(key) == b"value"
        again().verify(key)

    def test_a_marked_object_is_refused_until_it_is_found_whole(
        self, store: ObjectStore
    ) -> None:
        key = store.put_bytes(b"value", ".bin")
        assert store.mark(key, "somebody said so")
        assert not store.mark(key, "again")
        with pytest.raises(IntegrityError):
            store.read(key)
        store.verify(key)
        assert store.read(key) == b"value"

    def test_writers_of_the_same_bytes_at_once_all_succeed(
        self, again: Callable[[], ObjectStore]
    ) -> None:
        keys: list[str] = []
        failed: list[BaseException] = []

        def write(store: ObjectStore) -> None:
            try:
                for n in range(6):
                    keys.append(store.put_bytes(bytes([n]) * 100, ".bin"))  # noqa: PERF401
                keys.append(_put_tree(store))
            except BaseException as error:
                failed.append(error)

        writers = [threading.Thread(target=write, args=(again(),)) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert failed == []
        assert len(keys) == 28
        store = again()
        assert list(store.all_keys()) == sorted(set(keys))
        for key in set(keys):
            store.verify(key)

    def test_a_stage_that_fails_leaves_nothing(self, store: ObjectStore) -> None:
        folders: list[Path] = []

        def fail() -> None:
            with store.stage() as folder:
                folders.append(folder)
                (folder / "x").write_bytes(b"x")
                raise NotFoundError("given up")

        with pytest.raises(NotFoundError):
            fail()
        assert not folders[0].exists()
        assert list(store.all_keys()) == []

    def test_an_object_is_discarded_unless_it_was_put_since(
        self, store: ObjectStore, again: Callable[[], ObjectStore]
    ) -> None:
        keys = [store.put_bytes(b"one", ".bin"), _put_tree(store)]
        other = again()
        started = datetime.now(UTC) - timedelta(hours=1)
        later = datetime.now(UTC) + timedelta(hours=1)
        assert dict(store.put_times()).keys() == set(keys)
        assert all(started < at < later for _, at in store.put_times())
        for key in keys:
            assert not other.discard(key, started)
            store.verify(key)
            assert other.discard(key, later)
            with pytest.raises(NotFoundError):
                again().path(key)
            with pytest.raises(NotFoundError):
                other.discard(key, later)
        assert list(store.all_keys()) == []
        assert [store.put_bytes(b"one", ".bin"), _put_tree(store)] == keys
        for key in keys:
            again().verify(key)

    def test_bytes_put_again_count_as_new(self, store: ObjectStore) -> None:
        keys = [store.put_bytes(b"one", ".bin"), _put_tree(store)]
        # The times of some services have whole seconds.
        time.sleep(1.1)
        between = datetime.now(UTC)
        time.sleep(0.01)
        assert [store.put_bytes(b"one", ".bin"), _put_tree(store)] == keys
        for key in keys:
            assert not store.discard(key, between)
            store.verify(key)

    def test_a_sweep_takes_what_no_object_needs(self, store: ObjectStore) -> None:
        kept, gone = store.put_bytes(b"one", ".bin"), _put_tree(store)
        later = datetime.now(UTC) + timedelta(hours=1)
        with store.stage() as folder:
            (folder / "x").write_bytes(b"left behind")
            assert store.sweep(datetime.now(UTC) - timedelta(hours=1), remove=True) == []
            found = store.sweep(later, remove=False)
            assert f"tmp/{folder.name}" in found
            assert (folder / "x").exists()
        store.discard(gone, later)
        store.sweep(later, remove=True)
        assert store.sweep(later, remove=True) == []
        store.verify(kept)
        assert _put_tree(store) == gone
        store.verify(gone)


def _put_tree(store: ObjectStore) -> str:
    with store.stage() as folder:
        (folder / "t" / "c").mkdir(parents=True)
        (folder / "t" / "zarr.json").write_bytes(b"{}")
        (folder / "t" / "c" / "0").write_bytes(b"chunk")
        return store.put_tree(folder / "t", ".zarr")
