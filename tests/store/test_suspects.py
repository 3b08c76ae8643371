"""The list of suspects, and what happens when it cannot be read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import CommonsError, IntegrityError, InvalidInputError
from earthcommons.store import LocalStore, SuspectList

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a" * 64 + ".bin"
DAMAGES = [b"{", b"null", b"[]", b'{"x": 1}', b"", b"\xff", b'{"a": {}}', b"[" * 100_000]


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_is_good_while_the_list_cannot_be_read(tmp_path: Path, damage: bytes) -> None:
    store = LocalStore(tmp_path)
    key = store.put_bytes(b"value", ".bin")
    store.mark(KEY, "0" * 64)
    assert store.read(key) == b"value"
    (tmp_path / "suspect.json").write_bytes(damage)
    for ask in (store.path, store.read, store.verify, LocalStore(tmp_path).read):
        with pytest.raises(IntegrityError) as told:
            ask(key)
        assert told.value.code == "suspects-unreadable"
        assert "suspect.json" in str(told.value)
        assert "scrub" in str(told.value)
    with pytest.raises(IntegrityError):
        store.mark(key, "0" * 64)
    assert (tmp_path / "suspect.json").read_bytes() == damage


@given(damage=st.binary(max_size=60))
def test_whatever_the_file_holds_it_is_a_list_or_refused(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes
) -> None:
    file = tmp_path_factory.mktemp("list") / "suspect.json"
    file.write_bytes(damage)
    said = ""
    try:
        assert all(isinstance(each, str) for each in SuspectList(file).all().values())
    except CommonsError as error:
        said = error.code
    assert said in ("", "suspects-unreadable")


def test_the_list_is_written_anew_when_all_was_read_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "suspect.json"
    file.write_bytes(b"{")
    listed, other = SuspectList(file), SuspectList(file)
    with suppress(InvalidInputError), listed.anew():
        listed.mark(KEY, "0" * 64)
        listed.mark("no key", "0" * 64)
    assert file.read_bytes() == b"{"
    with listed.anew() as needed:
        assert needed
        assert listed.mark(KEY, "0" * 64)
        assert not listed.mark(KEY, "0" * 64)
        with pytest.raises(IntegrityError, match=r"suspect\.json"):
            other.check("b" * 64)
    assert other.all() == listed.all() == {KEY: "0" * 64}
    with listed.anew() as needed:
        assert not needed
        assert listed.clear(KEY)
        assert other.all() == {}
