"""One bucket of a service: written once, read whole, its failures told in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.errors import NotFoundError, UpstreamError
from earthcommons.model.canonical import digest_of
from earthcommons.store.bucket import Bucket, OpenBucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.fake_s3 import FakeS3

# The time the service says of everything.
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_first_to_write_a_name_is_told_so_and_the_second_that_it_did_not(
    service: FakeS3, faulty: Bucket
) -> None:
    opened = OpenBucket(faulty)
    assert opened.create("parts/a", b"first") is True
    assert opened.create("parts/a", b"second") is False
    assert service.objects == {"n/parts/a": b"first"}
    assert (opened.read("parts/a"), opened.length("parts/a")) == (b"first", 5)
    assert opened.last_put("parts/a") == NOON
    assert list(opened.names("parts/")) == [("parts/a", NOON)]
    opened.delete("parts/a")
    assert opened.length("parts/a") is None
    assert list(opened.names("parts/")) == []


def test_what_has_no_name_here_is_not_found_by_the_key_that_was_asked_for(
    faulty: Bucket, tmp_path: Path
) -> None:
    opened = OpenBucket(faulty)
    asks: list[Callable[[], object]] = [
        lambda: opened.read("objects/ab/abc", "abc"),
        lambda: opened.last_put("objects/ab/abc", "abc"),
        lambda: opened.stream("objects/ab/abc", tmp_path / "to"),
    ]
    for ask in asks:
        with pytest.raises(NotFoundError, match="object abc is not in the store") as told:
            ask()
        assert told.value.code == "asset-unavailable"


def test_a_writer_whose_answer_was_lost_does_not_say_that_it_wrote(
    service: FakeS3, faulty: Bucket
) -> None:
    opened = OpenBucket(faulty)
    service.fault = lambda method, _, n: "lost" if (method, n) == ("PUT", 1) else ""
    assert opened.create("a", b"ours") is False
    assert service.objects == {"n/a": b"ours"}


def test_whatever_bytes_go_in_come_back(service: FakeS3, faulty: Bucket) -> None:
    opened = OpenBucket(faulty)

    @settings(max_examples=50, deadline=None)
    @given(st.binary(max_size=4000))
    def goes_in_and_out(data: bytes) -> None:
        service.objects.clear()
        assert opened.create("a", data)
        assert opened.read("a") == data

    goes_in_and_out()


def test_a_stream_is_written_as_it_comes_and_its_digest_returned(
    faulty: Bucket, tmp_path: Path
) -> None:
    opened, data = OpenBucket(faulty), b"0123456789abcdef" * 2**17
    (tmp_path / "from").write_bytes(data)
    assert opened.replace("a", tmp_path / "from") is True
    assert opened.stream("a", tmp_path / "to") == digest_of(data)
    assert (tmp_path / "to").read_bytes() == data


def test_it_is_asked_once_in_a_process_whether_it_keeps_its_promises(
    service: FakeS3, faulty: Bucket
) -> None:
    opened = OpenBucket(faulty)
    opened.ready()
    asked = len(service.asked)
    opened.ready()
    assert len(service.asked) == asked > 0
    assert service.objects == {}, "the self-test leaves nothing behind"


@pytest.mark.parametrize("fault", ["late", "short"])
def test_a_service_that_breaks_its_promises_stays_untrusted(
    service: FakeS3, faulty: Bucket, fault: str
) -> None:
    opened = OpenBucket(faulty)
    service.fault = lambda method, *_: fault if method == "GET" else ""
    for _ in range(2):
        with pytest.raises(UpstreamError):
            opened.ready()
    service.fault = lambda *_: ""
    opened.ready()


def test_a_service_that_lists_late_is_named_unsafe(service: FakeS3, faulty: Bucket) -> None:
    service.fault = lambda method, name, _: "late" if (method, name) == ("GET", "") else ""
    with pytest.raises(UpstreamError, match="does not list what was written") as told:
        OpenBucket(faulty).self_test()
    assert told.value.code == "store-unsafe"


def test_a_service_that_is_not_there_is_an_upstream_error_without_secrets() -> None:
    nowhere = Bucket("bucket", "", "http://127.0.0.1:1", "us-east-1", "ID", "SECRET")
    with pytest.raises(UpstreamError) as told:
        OpenBucket(nowhere).length("a")
    assert told.value.code == "store-unavailable"
    assert "SECRET" not in f"{told.value!r}{told.value.__cause__!r}"
    assert "SECRET" not in repr(nowhere)
