"""schemathesis reads the description, asks everything it allows and forbids, and compares."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.judged_node import OUT_OF_REACH, examples
from tests.web.listening import free_port, listening
from tests.web.matrix_node import build

from earthcommons.commons.stories import linking, submitting, uploading
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.openapi_table import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "missing_required_header", "unsupported_method", "allow_header_conformance", "ignored_auth",
)  # fmt: skip
# Where the judge is wrong, by operation: statuses it takes besides as a refusal.
OF_THE_JUDGE: dict[str, dict[str, list[int]]] = {
    # tus 1.0.0 asks for 412 where `Tus-Resumable` names no version the server speaks, and 413 says
    # that there are more bytes than were stated; 460 is its word for a wrong checksum.
    "/api/uploads": {
        "negative_data_rejection": [400, 401, 403, 412, 413, 415, 460],
        "missing_required_header": [400, 401, 403, 412],
    },
    "/api/uploads/{id}": {
        "negative_data_rejection": [400, 401, 403, 404, 409, 412, 413, 415, 460],
        "missing_required_header": [400, 401, 403, 412],
    },
}
# It knows no way to write tus's media type: the bytes are sent as they are. What it makes up it
# asks in every way; beside that it is given one request for each operation that succeeds.
HOOKS = """
import json, pathlib, schemathesis
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
here = pathlib.Path(__file__).parent
given = json.loads((here / "given.json").read_text())
met = here / "met.txt"

@schemathesis.hook
def before_add_examples(context, examples):
    one = given.get(context.operation.label)
    if one is None:
        return
    body = {"body": one["body"]} if "body" in one else {}
    if isinstance(body.get("body"), str):
        body["body"] = body["body"].encode()
    examples.append(context.operation.Case(
        path_parameters=one.get("path"), headers=one.get("headers"), query=one.get("query"),
        media_type=one.get("media", "application/json") if body else None, **body,
    ))

@schemathesis.hook
def after_call(context, case, response):
    with met.open("a") as out:
        print(response.status_code, case.operation.label, file=out)
"""


DESCRIPTION = "GET /openapi.json"


@dataclass(frozen=True)
class Served:
    """Where the node is, a steward's key, names for the parameters of a path, whole requests."""

    url: str
    key: str
    names: dict[str, dict[str, Any]]
    given: dict[str, dict[str, Any]]

    def named(self, path: str) -> dict[str, Any]:
        """Return names of things that are there."""
        places = [at for at in self.names if path.startswith(at)]
        found = self.names[max(places, key=len)] if places else {}
        return {name: found[name] for name in re.findall(r"{(\w+)}", path) if name in found}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = build(tmp_path_factory.mktemp("judged"))
    node = world.node
    with acting_as(OPERATOR):
        node.catalog.people.add("judge", "Judge", issuer="https://id.example", subject="judge")
        for role in ("contributor", "reviewer", "steward"):
            node.catalog.people.grant("judge", f"{role}:hydro")
        key = node.catalog.credentials.issue_key(
            "judge", ("read", "submit", "steward", "admin"), 1
        )
    party = node.catalog.credentials.by_key(key)
    assert party is not None
    with acting_as(party):
        upload = uploading.begin_upload(node, 10, "f.bin").id
        token, _ = linking.give_link(node, "zqopenedcoll/zqopenedras", "data", 3600)
        draft = submitting.start_draft(node, "zqopenedcoll", "fresh")["id"]
    things = {kind: next(world.of(kind)).names for kind in {t.kind for t in world.things}}
    item: dict[str, Any] = things["item"] | {"version": 1}
    rule = "/api/records/{kind}/{name}"
    names: dict[str, dict[str, Any]] = {
        "/stac/collections/": item,
        "/tiles/": item | {"z": 0, "x": 0, "y": 0},
        "/api/citation/": item,
        rule: item,
        # What is withdrawn here is looked for nowhere else.
        f"{rule}/withdraw": {"kind": "item", "name": "zqpastcoll/zqpastras"},
        f"{rule}/recall": {"kind": "item", "name": "zqpastcoll/zqpastcub"},
        "/api/observations/": things["observation"],
        "/api/reports/": things["report"],
        "/reports/": things["report"] | {"lang": "en"},
        "/api/indicators/": {"key": "warming"},
        "/api/needs/": things["need"],
        "/api/drafts/": {"id": draft},
        "/api/recalls/": things["recall"],
        "/objects/{key}": things["object"],
        "/objects/{key}/": things["part"],
        "/l/": {"token": token},
        "/api/uploads/": {"id": upload},
    }
    port = free_port()
    with listening(create_app(node), port):
        url = f"http://127.0.0.1:{port}"
        given = examples(world, url, key.reveal(), tmp_path_factory.mktemp("given") / "files")
        yield Served(url, key.reveal(), names, given)
    world.close()
    node.catalog.close()


@pytest.mark.parametrize("who", ["public", "steward"])
def test_every_answer_is_one_the_description_states(
    served: Served, tmp_path: Path, who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "given_hooks.py").write_text(HOOKS)
    # Who may not would be refused what the other is to be given.
    (tmp_path / "given.json").write_text(json.dumps(served.given if who == "steward" else {}))
    (tmp_path / "st.toml").write_text(_settings(served))
    asked = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis as s; s()",
        "--config-file", "st.toml", "run", f"{served.url}/openapi.json",
        "--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--no-shrink",
        "--max-examples", "2", "--checks", ",".join(CHECKS), "--no-color",
    ]  # fmt: skip
    if who == "steward":
        asked += ["-H", f"Authorization: Bearer {served.key}"]
    done = subprocess.run(  # noqa: S603 (the judge, as it is installed)
        asked, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "NO_PROXY": "*"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # All but the description itself, which it has read.
    operations = {f"{method.upper()} {path}" for method, path in OPERATIONS} - {DESCRIPTION}
    assert f"Tested: {len(operations)}" in done.stdout
    met = _met(tmp_path / "met.txt")
    with capsys.disabled():
        print(  # noqa: T201
            f"\nschemathesis as {who}: {len(met & operations)} of {len(operations)} operations"
            " answered with success"
        )
    if who == "steward":
        assert operations - met == set(OUT_OF_REACH)


def _met(file: Path) -> set[str]:
    """Return the operations that were once answered with success."""
    lines = (line.split(" ", 1) for line in file.read_text().splitlines())
    return {operation for status, operation in lines if status.startswith(("2", "3"))}


def _settings(served: Served) -> str:
    """Return the judge's configuration: names that are there, and where it is wrong."""
    lines = ['hooks = "given_hooks"', "continue-on-failure = true"]
    for path in sorted({path for _, path in OPERATIONS}):
        names = {f"path.{name}": value for name, value in served.named(path).items()}
        checks = {
            check: {"expected-statuses": statuses}
            for check, statuses in OF_THE_JUDGE.get(path, {}).items()
        }
        if names or checks:
            lines += ["[[operations]]", f"include-path = {json.dumps(path)}"]
            lines += [f"parameters = {_toml(names)}", f"checks = {_toml(checks)}"]
        if checks:
            # There it takes a header nobody knows for a fault; RFC 9110, 5.1: it is passed over.
            lines += ["generation = { allow-extra-parameters = false }"]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k)} = {_toml(v)}' for k, v in value.items())} }}"
    return json.dumps(value)
