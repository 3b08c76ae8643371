"""Uploads: any chopping gives the same object; interruptions, restarts and strangers do not."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.commons import Node, make_node, open_node
from earthcommons.commons.stories import uploading
from earthcommons.commons.stories.uploading import (
    begin_upload,
    check_file_name,
    drop_upload,
    expire_uploads,
    find_upload,
    finished_key,
    receive,
)
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
)
from earthcommons.model import PUBLIC, Party
from earthcommons.policy import acting_as, moment
from earthcommons.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

MEI = Party("mei", frozenset({"contributor:hydro"}))
SAM = Party("sam", frozenset({"reviewer:hydro"}))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = make_node(tmp_path / "node", Settings(upload_bytes=1000, upload_quota_bytes=1500))
    with acting_as(MEI):
        yield made
    made.catalog.close()


def send(
    node: Node, id_: str, data: bytes, offset: int, checksum: tuple[str, bytes] | None = None
) -> int:
    with receive(node, id_, offset, checksum) as piece:
        piece.write(data)
        return piece.close(whole=True).offset


class _Sender:
    """Sends some bytes in pieces that may break, be sent again, or arrive damaged."""

    def __init__(self, node: Node, data: bytes) -> None:
        self.node, self.data = node, data
        self.id = begin_upload(node, len(data)).id

    def step(self, size: int, kind: str) -> None:
        at = find_upload(self.node, self.id).offset
        part = self.data[at : at + size]
        right = hashlib.sha256(part).digest()
        if kind == "wrong place":
            with pytest.raises(ConflictError), receive(self.node, self.id, at + 1):
                pass
        elif kind == "damaged":
            bad = bytes(byte ^ 1 for byte in part) or b"x"
            with pytest.raises((InvalidInputError, RefusedFileError)):
                send(self.node, self.id, bad, at, checksum=("sha256", right))
        elif kind == "died":
            # The process ends with bytes written that nobody counted.
            if at < len(self.data):
                with receive(self.node, self.id, at) as piece:
                    piece.write(part)
            assert find_upload(self.node, self.id).offset == at
        else:
            whole = kind != "broken"
            checksum = ("sha256", right) if kind == "checked" else None
            with receive(self.node, self.id, at, checksum) as piece:
                piece.write(part)
                piece.close(whole=whole)


KINDS = ["plain", "checked", "broken", "damaged", "wrong place", "died"]
STEPS = st.lists(st.tuples(st.integers(0, 90), st.sampled_from(KINDS)), max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), STEPS)
def test_any_chopping_with_resends_gives_the_same_object(
    data: bytes, steps: list[tuple[int, str]]
) -> None:
    with TemporaryDirectory() as folder, acting_as(MEI):
        node = make_node(Path(folder))
        sender = _Sender(node, data)
        for size, kind in steps:
            sender.step(size, kind)
        while find_upload(node, sender.id).offset < len(data):
            sender.step(150, "plain")
        key, _ = finished_key(node, sender.id)
        assert key == hashlib.sha256(data).hexdigest() + ".upload"
        assert node.store.read(key) == data
        node.catalog.close()


def test_an_upload_goes_on_after_a_restart(node: Node) -> None:
    id_ = begin_upload(node, 6, "a.tif").id
    send(node, id_, b"abc", 0)
    again = open_node(node.root)
    assert find_upload(again, id_).offset == 3
    send(again, id_, b"def", 3)
    assert finished_key(again, id_) == (
        hashlib.sha256(b"abcdef").hexdigest() + ".upload",
        "a.tif",
    )
    again.catalog.close()


def test_a_stop_between_the_last_byte_and_the_object_loses_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = begin_upload(node, 3).id

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(node.store), "put_file", stop)
        with pytest.raises(KeyboardInterrupt):
            send(node, id_, b"abc", 0)
    with monkeypatch.context() as patch:
        patch.setattr(uploading, "_write", stop)
        with pytest.raises(KeyboardInterrupt):
            finished_key(node, id_)
    stands = find_upload(node, id_)
    assert (stands.offset, stands.finished) == (3, False)
    key, _ = finished_key(node, id_)
    assert node.store.read(key) == b"abc"


def test_two_pieces_at_once_are_one_too_many(node: Node) -> None:
    id_ = begin_upload(node, 6).id
    with receive(node, id_, 0) as piece:
        with pytest.raises(ConflictError), receive(node, id_, 0):
            pass
        with pytest.raises(ConflictError):
            drop_upload(node, id_)
        piece.write(b"abc")
        piece.close(whole=True)
    assert find_upload(node, id_).offset == 3


def test_only_who_began_an_upload_sees_it(node: Node) -> None:
    id_ = begin_upload(node, 3).id
    send(node, id_, b"abc", 0)
    for other in (SAM, PUBLIC):
        with acting_as(other):
            for act in (find_upload, drop_upload, finished_key):
                with pytest.raises(NotFoundError) as never:
                    act(node, "x" * 43)
                with pytest.raises(NotFoundError) as refused:
                    act(node, id_)
                assert str(refused.value) == str(never.value)
            with pytest.raises(NotFoundError), receive(node, id_, 3):
                pass
    assert not node.catalog.has_asset(f"/objects/{finished_key(node, id_)[0]}")


@pytest.mark.parametrize(
    "name",
    ["a/b", "a\\b", "..", "a\0b", "a\nb", "a\x85b", "a\u2028b", "\u202efdp.exe", "a\u200fb",
     "\u2066a", "\ufeffa", "x" * 201],
)  # fmt: skip
def test_a_name_that_leaves_its_folder_or_shows_another_is_refused(
    node: Node, name: str
) -> None:
    with acting_as(MEI), pytest.raises(InvalidInputError):
        begin_upload(node, 3, name)
    with pytest.raises(InvalidInputError):
        # Folders may be in the name of a draft's file.
        check_file_name("a/../b" if name == "a/b" else name)


@pytest.mark.parametrize("said", ["", "{", "[]", "null", "{}", '{"expires": 1}', '{"id": "a"}'])
def test_a_state_that_cannot_be_read_keeps_nobody_from_uploading(node: Node, said: str) -> None:
    broken = begin_upload(node, 3)
    (node.root / "uploads" / broken.id / "state.json").write_text(said)
    with pytest.raises(NotFoundError):
        find_upload(node, broken.id)
    assert begin_upload(node, 3).offset == 0
    assert not (node.root / "uploads" / broken.id).exists()


@pytest.mark.parametrize("id_", ["", "..", "../../x", "a" * 42, "a" * 43 + "/", "begin.lock"])
def test_a_name_that_is_no_uploads_leads_nowhere(node: Node, id_: str) -> None:
    with pytest.raises(NotFoundError):
        find_upload(node, id_)


@pytest.mark.parametrize(
    "party",
    [PUBLIC, Party("eve"), Party("eve", groups=frozenset({"hydro"})),
     Party("mei", MEI.roles, scopes=frozenset({"read"}))],
)  # fmt: skip
def test_who_contributes_to_nothing_uploads_nothing(node: Node, party: Party) -> None:
    with acting_as(party), pytest.raises(AccessDeniedError):
        begin_upload(node, 3)
    assert not (node.root / "uploads").exists()


def test_an_account_has_room_for_so_much_and_a_removed_upload_gives_it_back(
    node: Node,
) -> None:
    with pytest.raises(RefusedFileError) as refused:
        begin_upload(node, 1001)
    assert refused.value.code == "too-large"
    first = begin_upload(node, 1000)
    with pytest.raises(RefusedFileError):
        begin_upload(node, 501)
    with acting_as(SAM):
        begin_upload(node, 1000)
    drop_upload(node, first.id)
    begin_upload(node, 501)


def test_more_bytes_than_stated_do_not_count(node: Node) -> None:
    id_ = begin_upload(node, 3).id
    with pytest.raises(RefusedFileError), receive(node, id_, 0) as piece:
        piece.write(b"abcd")
    assert find_upload(node, id_).offset == 0
    with pytest.raises(ConflictError):
        finished_key(node, id_)


def test_what_nobody_goes_on_with_is_forgotten_after_a_day(node: Node) -> None:
    id_ = begin_upload(node, 3).id
    at = moment()
    with acting_as(MEI, at + timedelta(hours=20)):
        send(node, id_, b"a", 0)
        assert expire_uploads(node) == 0
    with acting_as(MEI, at + timedelta(hours=43)):
        assert find_upload(node, id_).offset == 1
    with acting_as(MEI, at + timedelta(hours=45)):
        with pytest.raises(NotFoundError):
            find_upload(node, id_)
        assert expire_uploads(node) == 1
    assert [place.name for place in (node.root / "uploads").iterdir() if place.is_dir()] == []
