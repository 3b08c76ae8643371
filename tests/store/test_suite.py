"""The shipped suite on a folder and on a bucket of moto's S3 server, on loopback."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from earthcommons.cli.serving import serve_node
from earthcommons.commons import make_node, open_node
from earthcommons.errors import InvalidInputError, NotFoundError, UpstreamError
from earthcommons.store import LocalStore, s3
from earthcommons.store.bucket import Bucket
from earthcommons.store.s3 import S3Store
from earthcommons.testing.store_suite import StoreSuite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from earthcommons.store import ObjectStore


class TestLocalStore(StoreSuite):
    @pytest.fixture
    def again(self, tmp_path: Path) -> Callable[[], ObjectStore]:
        return lambda: LocalStore(tmp_path)

    @pytest.fixture
    def store(self, again: Callable[[], ObjectStore]) -> ObjectStore:
        return again()

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[str], None]:
        def flip(key: str) -> None:
            place = tmp_path / "objects" / key[:2] / key
            file = place / "c" / "0" if place.is_dir() else place
            file.chmod(0o644)
            file.write_bytes(b"\0" + file.read_bytes()[1:])

        return flip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def remote(server: str, request: pytest.FixtureRequest) -> Any:
    """A client of an empty bucket of its own."""
    name = f"bucket-{abs(hash(request.node.nodeid)) % 10**9}"
    client = boto3.client(
        "s3", region_name="us-east-1", endpoint_url=server,
        aws_access_key_id="id", aws_secret_access_key="secret",  # noqa: S106 - moto takes any
    )  # fmt: skip
    client.create_bucket(Bucket=name)
    client.bucket = name
    return client


@pytest.fixture
def bucket(server: str, remote: Any) -> Bucket:
    return Bucket(remote.bucket, "node/one", server, "us-east-1", "id", "secret")


class TestS3Store(StoreSuite):
    @pytest.fixture
    def again(self, tmp_path: Path, bucket: Bucket) -> Callable[[], ObjectStore]:
        """Each opens with an empty cache, and shares the list of suspects of one node."""
        count = iter(range(1000))

        def make() -> ObjectStore:
            root = tmp_path / f"n{next(count)}"
            root.mkdir()
            store = S3Store(bucket, root)
            store._suspects = s3.SuspectList(tmp_path / "suspect.json")
            return store

        return make

    @pytest.fixture
    def store(self, again: Callable[[], ObjectStore]) -> ObjectStore:
        return again()

    @pytest.fixture
    def damage(self, remote: Any) -> Callable[[str], None]:
        def flip(key: str) -> None:
            listed = remote.list_objects_v2(Bucket=remote.bucket)["Contents"]
            parts = [e["Key"] for e in listed if "/parts/" in e["Key"]]
            wanted = parts if key.endswith(".zarr") else [f"node/one/objects/{key[:2]}/{key}"]
            for name in wanted:
                body = remote.get_object(Bucket=remote.bucket, Key=name)["Body"].read()
                remote.put_object(Bucket=remote.bucket, Key=name, Body=b"\0" + body[1:])

        return flip


def test_the_self_test_passes_and_leaves_nothing_behind(
    bucket: Bucket, tmp_path: Path, remote: Any
) -> None:
    S3Store(bucket, tmp_path).self_test()
    assert "Contents" not in remote.list_objects_v2(Bucket=remote.bucket)


def test_a_service_that_ignores_the_condition_is_not_written_to(
    bucket: Bucket, tmp_path: Path, remote: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    put = obstore.put
    # As a service that does not know If-None-Match: the second write goes through.
    monkeypatch.setattr(obstore, "put", lambda store, name, data, **_: put(store, name, data))
    store = S3Store(bucket, tmp_path)
    with pytest.raises(UpstreamError) as told:
        store.put_bytes(b"value", ".bin")
    assert told.value.code == "store-unsafe"
    make_node(tmp_path / "node").catalog.close()
    node = replace(open_node(tmp_path / "node"), store=store)
    with pytest.raises(UpstreamError) as told:
        serve_node(node)
    assert told.value.code == "store-unsafe"
    node.catalog.close()
    listed = remote.list_objects_v2(Bucket=remote.bucket).get("Contents", [])
    assert listed == []


def test_a_copy_damaged_on_the_local_disk_is_fetched_again(
    bucket: Bucket, tmp_path: Path
) -> None:
    key = S3Store(bucket, tmp_path / "a").put_bytes(b"value", ".bin")
    place = S3Store(bucket, tmp_path / "a").path(key)
    place.chmod(0o644)
    place.write_bytes(b"valuf")
    later = S3Store(bucket, tmp_path / "a")
    assert later.path(key).read_bytes() == b"value"
    later.path(key).chmod(0o644)
    later.path(key).write_bytes(b"valuf")
    assert later.read(key) == b"value"
    assert dict(later.suspects()) == {}


def test_what_a_bucket_gives_is_compared_before_it_is_read(
    bucket: Bucket, tmp_path: Path, remote: Any
) -> None:
    key = S3Store(bucket, tmp_path / "a").put_bytes(b"value", ".bin")
    remote.put_object(
        Bucket=remote.bucket, Key=f"node/one/objects/{key[:2]}/{key}", Body=b"valuf"
    )
    from earthcommons.errors import IntegrityError

    with pytest.raises(IntegrityError):
        S3Store(bucket, tmp_path / "b").path(key)
    assert not [p for p in (tmp_path / "b" / "cache").rglob("*") if p.name == key]


def test_copies_unused_for_longest_give_way(bucket: Bucket, tmp_path: Path) -> None:
    store = S3Store(bucket, tmp_path, cache_bytes=250)
    keys = []
    for n in range(4):
        keys.append(store.put_bytes(bytes([n]) * 100, ".bin"))
        time.sleep(0.02)
    held = {p.name for p in (tmp_path / "cache" / "store" / "objects").glob("??/*")}
    assert held == set(keys[-2:])
    assert store.read(keys[0]) == bytes([0]) * 100


def test_a_half_written_tree_is_not_there(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Store(bucket, tmp_path)
    with store.stage() as folder:
        (folder / "t").mkdir()
        for n in range(3):
            (folder / "t" / f"{n}").write_bytes(bytes([n]))
        upload, left = store._upload, 3

        def failing(name: str, source: Path, *, over: bool = False) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise UpstreamError("cut off")
            upload(name, source, over=over)

        monkeypatch.setattr(store, "_upload", failing)
        with pytest.raises(UpstreamError):
            store.put_tree(folder / "t", ".zarr")
        assert list(store.all_keys()) == []
        monkeypatch.undo()
        key = store.put_tree(folder / "t", ".zarr")
    assert list(store.all_keys()) == [key]


def test_a_node_keeps_its_objects_in_the_bucket_its_settings_name(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from earthcommons.commons.node import rebuild_catalog
    from earthcommons.model import Record
    from earthcommons.model.party import OPERATOR
    from earthcommons.settings import Settings

    settings = Settings(
        store_url=f"s3://{bucket.name}/node/two", store_endpoint=bucket.endpoint
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidInputError, match="AWS_ACCESS_KEY_ID"):
        make_node(tmp_path / "node", settings)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-value")
    node = make_node(tmp_path / "node", settings)
    with node.catalog.transaction() as tx:
        tx.put(Record("offer", "offer-1", {"id": "offer-1"}))
    assert not (tmp_path / "node" / "objects").exists()
    assert rebuild_catalog(node) == 1
    again = open_node(tmp_path / "node")
    assert again.catalog.get("offer", "offer-1", OPERATOR) == {"id": "offer-1"}
    written = [p for p in (tmp_path / "node").rglob("*") if p.is_file()]
    assert not [p for p in written if b"a-secret-value" in p.read_bytes()]
    again.catalog.close()


def test_a_bucket_of_a_process_without_network_is_refused_in_time() -> None:
    """The credentials are given, never asked of a service on the network."""
    code = (
        "from pathlib import Path; import tempfile\n"
        "from earthcommons.store.bucket import Bucket\n"
        "from earthcommons.store.s3 import S3Store\n"
        "from earthcommons.errors import UpstreamError\n"
        "s = S3Store(Bucket('bucket', '', 'http://127.0.0.1:1', key_id='i', secret='s'),"
        " Path(tempfile.mkdtemp()))\n"
        "try: s.put_bytes(b'x', '')\nexcept UpstreamError as e: print(e.code)\n"
    )
    started = time.monotonic()
    ended = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
    )  # fmt: skip
    assert ended.stdout.strip() == "store-unavailable", ended.stderr
    assert time.monotonic() - started < 60


def test_an_object_that_is_not_in_the_bucket_is_unavailable(
    bucket: Bucket, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError) as told:
        S3Store(bucket, tmp_path).path("b" * 64 + ".tif")
    assert told.value.code == "asset-unavailable"
