"""A bucket whose service fails: a put is durable or refused, and never only said to be done."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.trials import some

from earthcommons.errors import IntegrityError, UpstreamError
from earthcommons.model.canonical import digest_of
from earthcommons.store import bucket, s3
from earthcommons.store.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.fake_s3 import FakeS3

    from earthcommons.store.bucket import Bucket

DATA = b"value" * 1000
TREE = {"zarr.json": b"{}", "c/0": b"chunk" * 500}


@pytest.fixture
def opened(faulty: Bucket, tmp_path: Path) -> Callable[[], S3Store]:
    """Each open is a process of its own with nothing at hand."""
    count = iter(range(1000))
    return lambda: S3Store(faulty, tmp_path / f"process-{next(count)}")


def put_both(store: S3Store) -> list[str]:
    keys = [store.put_bytes(DATA, ".bin")]
    with store.stage() as folder:
        for name, data in TREE.items():
            (folder / "t" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "t" / name).write_bytes(data)
        return [*keys, store.put_tree(folder / "t", ".zarr")]


def held(service: FakeS3, key: str) -> bool:
    """Whether the service holds an object whole, looked at behind the store's back."""
    if key.endswith(".bin"):
        return service.objects.get(f"n/objects/{key[:2]}/{key}") == DATA
    parts = [digest_of(data) for data in TREE.values()]
    return f"n/trees/{key[:2]}/{key}" in service.objects and all(
        digest_of(service.objects.get(f"n/parts/{part[:2]}/{part}", b"")) == part
        for part in parts
    )


def test_a_request_that_goes_wrong_once_is_made_good_or_told(
    service: FakeS3, opened: Callable[[], S3Store], capsys: pytest.CaptureFixture[str]
) -> None:
    put_both(opened())
    requests = len(service.asked)
    assert requests >= 12
    kinds = ("cut", "lost", "500", "503", "taken")
    trials = [(at, kind) for at in range(1, requests + 1) for kind in kinds]
    ends = Counter[str]()
    for at, kind in some(trials, 10):
        service.objects.clear()
        service.asked.clear()
        service.fault = lambda _, __, n, at=at, kind=kind: kind if n == at else ""  # type: ignore[misc]
        store = opened()
        try:
            keys = put_both(store)
        except UpstreamError as error:
            ends[f"{kind}: {error.code}"] += 1
            keys = put_both(store)
        else:
            ends[f"{kind}: made good"] += 1
        assert all(held(service, key) for key in keys), f"{kind} at request {at}"
        assert sorted(opened().all_keys()) == sorted(keys)
        for key in keys:
            opened().verify(key)
    with capsys.disabled():
        sys.stdout.write(f"\n{requests} requests: {dict(sorted(ends.items()))}\n")


def test_a_large_object_that_goes_in_parts_is_whole_or_not_there_at_all(
    service: FakeS3, opened: Callable[[], S3Store], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(s3, "_ONE_PUT", 1000)
    # Parts are of 5 MiB, the last of what is left.
    large = b"0123456789abcdef" * (11 * 2**16)
    name = f"n/objects/{digest_of(large)[:2]}/{digest_of(large)}.bin"

    def put(store: S3Store) -> None:
        (tmp_path / "large").write_bytes(large)
        store.put_file(tmp_path / "large", ".bin")

    store = opened()
    store.self_test()
    service.asked.clear()
    put(store)
    requests = len(service.asked)
    # Is it there, begin, three parts, complete.
    assert requests == 6
    assert service.objects[name] == large
    ends = Counter[str]()
    kinds = ("cut", "lost", "500", "503")
    trials = [(at, kind) for at in range(1, requests + 1) for kind in kinds]
    for at, kind in some(trials, 8):
        store = opened()
        store.self_test()
        service.objects.clear()
        service.uploads.clear()
        service.asked.clear()
        service.fault = lambda _, __, n, at=at, kind=kind: kind if n == at else ""  # type: ignore[misc]
        try:
            put(store)
        except UpstreamError as error:
            ends[f"{kind}: {error.code}"] += 1
            assert service.objects.get(name, large) == large
            put(opened())
        else:
            ends[f"{kind}: made good"] += 1
        assert service.objects[name] == large, f"{kind} at request {at}"
    with capsys.disabled():
        sys.stdout.write(f"\n{requests} requests: {dict(sorted(ends.items()))}\n")


@pytest.mark.parametrize("kind", ["cut", "500", "taken"])
def test_a_service_that_keeps_failing_is_told_and_nothing_is_said_to_be_there(
    service: FakeS3, opened: Callable[[], S3Store], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = {"max_retries": 2, "retry_timeout": timedelta(seconds=5)}
    monkeypatch.setattr(bucket, "_PATIENCE", patience)
    store = opened()
    store.self_test()
    service.fault = lambda method, name, _: kind if method == "PUT" else ""
    with pytest.raises(UpstreamError) as told:
        store.put_bytes(DATA, ".bin")
    assert told.value.code == "store-unavailable"
    assert service.objects == {}
    assert list(store.all_keys()) == []
    service.fault = lambda *_: ""
    assert held(service, store.put_bytes(DATA, ".bin"))


def test_a_name_held_with_other_bytes_is_not_taken_for_ours(
    service: FakeS3, opened: Callable[[], S3Store]
) -> None:
    store = opened()
    store.self_test()
    key = digest_of(DATA) + ".bin"
    name = f"n/objects/{key[:2]}/{key}"

    def meanwhile(method: str, asked: str, _: int) -> str:
        # Between our question and our write another writer leaves half of it.
        if method == "PUT" and asked == name:
            service.objects.setdefault(name, DATA[:9])
        return ""

    service.fault = meanwhile
    with pytest.raises(UpstreamError):
        store.put_bytes(DATA, ".bin")
    service.fault = lambda *_: ""
    assert store.put_bytes(DATA, ".bin") == key
    assert held(service, key)


def test_an_answer_that_breaks_off_is_never_taken_for_the_object(
    service: FakeS3, opened: Callable[[], S3Store]
) -> None:
    keys = put_both(opened())
    reader = opened()
    service.fault = lambda method, *_: "short" if method == "GET" else ""
    for key in keys:
        with pytest.raises((UpstreamError, IntegrityError)):
            reader.path(key)
    service.fault = lambda *_: ""
    assert dict(reader.suspects()) == {}, "a broken line is no damage"
    assert reader.read(keys[0]) == DATA
    reader.verify(keys[1])


def test_a_service_that_lists_late_is_not_written_to(
    service: FakeS3, opened: Callable[[], S3Store]
) -> None:
    service.fault = lambda method, name, _: "late" if (method, name) == ("GET", "") else ""
    with pytest.raises(UpstreamError) as told:
        put_both(opened())
    assert told.value.code == "store-unsafe"
    assert service.objects == {}


def test_a_listing_that_came_late_leaves_a_tree_its_parts(
    service: FakeS3, opened: Callable[[], S3Store]
) -> None:
    """A sweep that does not see the newest tree must not take its parts: they are young."""
    store = opened()
    keys = put_both(store)
    service.fault = lambda method, name, _: "late" if (method, name) == ("GET", "") else ""
    store.sweep(_noon() - timedelta(days=7), remove=True)
    assert held(service, keys[1])


def _noon() -> datetime:
    """The time the service says of everything."""
    return datetime(2026, 11, 22, 12, tzinfo=UTC)
