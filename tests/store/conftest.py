"""A bucket of a service that fails when told to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.store.fake_s3 import FakeS3

from earthcommons.store import bucket
from earthcommons.store.bucket import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def service() -> Iterator[FakeS3]:
    with FakeS3() as running:
        yield running


@pytest.fixture
def faulty(service: FakeS3, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Where its objects are. As many tries as ever, with shorter waits between them."""
    wait = {"init_backoff": timedelta(milliseconds=2), "max_backoff": timedelta(milliseconds=9)}
    patience = {**bucket._PATIENCE, "backoff": {**wait, "base": 2}}
    monkeypatch.setattr(bucket, "_PATIENCE", patience)
    return Bucket("bucket", "n", service.url, key_id="id", secret="secret")  # noqa: S106
