"""The tus protocol as a client of it meets it, and what becomes of an upload in a draft."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.commons.stories.drafting import METADATA
from tests.files import snow
from tests.web.access_node import WORD, Desk, desk
from tests.web.listening import free_port, listening

from earthcommons.web import create_app

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

TUS = {"tus-resumable": "1.0.0"}
BYTES = TUS | {"content-type": "application/offset+octet-stream"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("uploads"), upload_bytes=200_000)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def begin(client: TestClient, size: int, name: str = "") -> str:
    said = {"upload-metadata": f"filename {base64.b64encode(name.encode()).decode()}"}
    headers = TUS | {"upload-length": str(size)} | (said if name else {})
    answer = client.post("/api/uploads", headers=headers)
    assert answer.status_code == 201
    assert answer.headers["location"].startswith("http://127.0.0.1:8123/api/uploads/")
    assert "upload-expires" in answer.headers
    return str(answer.headers["location"])


def patch(client: TestClient, at: str, data: bytes, offset: int, **more: str) -> Any:
    headers = (
        BYTES
        | {"upload-offset": str(offset)}
        | {k.replace("_", "-"): v for k, v in more.items()}
    )
    return client.patch(at, content=data, headers=headers)


def sent(client: TestClient, data: bytes, name: str) -> str:
    at = begin(client, len(data), name)
    assert patch(client, at, data, 0).status_code == 204
    return at.rpartition("/")[2]


def test_the_server_says_what_it_speaks(node: Desk) -> None:
    answer = node.at().options("/api/uploads")
    assert (answer.status_code, answer.headers["tus-version"]) == (204, "1.0.0")
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "checksum", "expiration", "termination",
    }  # fmt: skip
    assert answer.headers["tus-max-size"] == "200000"
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1"


def test_bytes_arrive_in_pieces_and_a_restart_in_between(node: Desk) -> None:
    mei = node.at("mei")
    at = begin(mei, 6)
    assert patch(mei, at, b"abc", 0).headers["upload-offset"] == "3"
    node.app = create_app(node.node)
    mei = node.at("mei")
    head = mei.head(at, headers=TUS)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("3", "6")
    assert "no-store" in head.headers["cache-control"]
    assert patch(mei, at, b"def", 3).headers["upload-offset"] == "6"
    key = hashlib.sha256(b"abcdef").hexdigest() + ".upload"
    assert node.node.store.read(key) == b"abcdef"
    for client in (node.at(), mei, node.at("root")):
        assert client.get(f"/objects/{key}").status_code == 404


def test_bytes_may_come_with_the_creation(node: Desk) -> None:
    answer = node.at("mei").post(
        "/api/uploads", content=b"abc", headers=BYTES | {"upload-length": "5"}
    )
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "3")


def test_what_the_protocol_forbids_is_refused_and_changes_nothing(node: Desk) -> None:
    mei = node.at("mei")
    at = begin(mei, 6)
    patch(mei, at, b"ab", 0)
    wrong = base64.b64encode(b"0" * 32).decode()
    assert code(patch(mei, at, b"c", 1)) == (409, "offset-mismatch")
    assert code(patch(mei, at, b"c", 2, upload_checksum=f"sha256 {wrong}")) == (
        460, "checksum-mismatch",
    )  # fmt: skip
    assert code(patch(mei, at, b"c", 2, upload_checksum="md5 eA==")) == (400, "invalid-input")
    assert code(patch(mei, at, b"c", 2, upload_checksum="sha256 %")) == (400, "invalid-input")
    assert code(patch(mei, at, b"c", 2, content_type="text/plain")) == (415, "content-type")
    assert code(patch(mei, at, b"c" * 5, 2)) == (413, "too-large")
    assert code(mei.post("/api/uploads")) == (412, "tus-version")
    for length in ("", "-1", "1e3", "9" * 19):
        answer = mei.post("/api/uploads", headers=TUS | {"upload-length": length})
        assert code(answer) == (400, "invalid-input")
    too_long = TUS | {"upload-length": "200001"}
    assert code(mei.post("/api/uploads", headers=too_long)) == (413, "too-large")
    assert mei.head(at, headers=TUS).headers["upload-offset"] == "2"
    right = base64.b64encode(hashlib.sha256(b"cdef").digest()).decode()
    assert patch(mei, at, b"cdef", 2, upload_checksum=f"sha256 {right}").status_code == 204


def test_an_upload_is_one_accounts_business(node: Desk) -> None:
    mei = node.at("mei")
    at = begin(mei, 3)
    never = at.rpartition("/")[0] + "/" + "x" * 43
    for who in ("sam", "eve", "root"):
        other = node.at(who)
        assert patch(other, at, b"abc", 0).text == patch(other, never, b"abc", 0).text
        assert other.head(at, headers=TUS).status_code == 404
        assert other.delete(at, headers=TUS).status_code == 404
    for method in ("HEAD", "PATCH", "DELETE"):
        assert node.at().request(method, at, headers=BYTES).status_code == 401
    assert (
        node.at("eve").post("/api/uploads", headers=TUS | {"upload-length": "1"}).status_code
        == 403
    )
    assert mei.delete(at, headers=TUS).status_code == 204
    assert mei.head(at, headers=TUS).status_code == 404


def test_a_key_for_reading_neither_feeds_nor_ends_an_upload(node: Desk) -> None:
    at = begin(node.at("ann"), 4)
    reads = node.at("ann", "read")
    assert code(patch(reads, at, b"evil", 0)) == (403, "access-denied")
    assert code(reads.delete(at, headers=TUS)) == (403, "access-denied")
    assert node.at("ann").head(at, headers=TUS).headers["upload-offset"] == "0"
    hands_in = node.at("ann", "submit")
    assert patch(hands_in, at, b"good", 0).status_code == 204
    assert hands_in.delete(at, headers=TUS).status_code == 204


def test_an_upload_becomes_a_file_of_a_draft(node: Desk, tmp_path: Path) -> None:
    mei, data = node.at("mei"), snow(tmp_path / "s.tif").read_bytes()
    upload = sent(mei, data, "snow.tif")
    unfinished = begin(mei, 3).rpartition("/")[2]
    made = mei.post("/api/drafts", json={"collection": "snow", "item": "up"}).json()
    at = f"/api/drafts/{made['id']}/files"
    assert code(mei.post(at, json={"upload": unfinished, "name": "x"})) == (409, "unfinished")
    for name in ("../x", "/x", "a/../b", "a//b", "x\n"):
        sent_ = {"upload": upload, "name": name}
        assert code(mei.post(at, json=sent_)) == (400, "unsafe-path")
    assert node.at("sam").post(at, json={"upload": upload}).status_code in (403, 404)
    answer = mei.post(at, json={"upload": upload})
    assert answer.json()["files"] == [
        {"name": "snow.tif", "key": hashlib.sha256(data).hexdigest() + ".upload",
         "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    ]  # fmt: skip


def test_uploads_become_drafts_of_the_items_they_make(node: Desk, tmp_path: Path) -> None:
    mei = node.at("mei")
    uploads = [
        {
            "upload": sent(mei, snow(tmp_path / f"{n}.tif", n).read_bytes(), ""),
            "name": f"in/{n}.tif",
        }
        for n in (1, 2)
    ]
    uploads.append({"upload": sent(mei, b"<svg/>", "x.svg"), "name": "x.svg"})
    body = {
        "collection": "snow",
        "files": uploads,
        "metadata": {"licence": METADATA["licence"]},
    }
    answer = mei.post("/api/drafts/from-uploads", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert [draft["files"][0]["name"] for draft in made["drafts"]] == ["1.tif", "2.tif"]
    assert {draft["metadata"]["licence"] for draft in made["drafts"]} == {"CC-BY-4.0"}
    assert [each["source"] for each in made["refused"]] == ["x.svg"]
    taken = node.at("sam").post("/api/drafts/from-uploads", json=body)
    assert taken.status_code == 404
    assert WORD not in answer.text


def test_what_arrived_before_the_line_broke_counts_unless_it_has_a_checksum(
    tmp_path: Path,
) -> None:
    port, node = free_port(), desk(tmp_path)
    mei = node.at("mei")
    with listening(node.app, port):
        for checksum, counted in (("", 300_000), ("upload-checksum: sha256 eA==\r\n", 0)):
            at = begin(mei, 500_000)
            head = (
                f"PATCH {at.partition(':8123')[2]} HTTP/1.1\r\nhost: x\r\nupload-offset: 0\r\n"
                f"tus-resumable: 1.0.0\r\ncontent-length: 400000\r\n{checksum}"
                "content-type: application/offset+octet-stream\r\n"
                f"authorization: {mei.headers['authorization']}\r\n\r\n"
            )
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(head.encode() + b"x" * 300_000)
                time.sleep(0.3)
            until = time.monotonic() + 10
            while time.monotonic() < until:
                # A piece that is still being put down holds the upload.
                answer = patch(mei, at, b"", counted)
                if answer.status_code == 204:
                    break
                time.sleep(0.05)
            assert answer.headers["upload-offset"] == str(counted)


def test_headers_that_are_not_even_ascii_are_told_and_not_a_failure(node: Desk) -> None:
    client = node.at("mei")
    odd = {**TUS, "upload-length": "5", "upload-metadata": b"filename \xe9\xe9"}
    assert code(client.post("/api/uploads", headers=odd)) == (400, "invalid-input")
    at = begin(client, 5)
    sums = {**BYTES, "upload-offset": "0", "upload-checksum": b"sha256 \xe9"}
    assert code(client.patch(at, content=b"12345", headers=sums)) == (400, "invalid-input")
