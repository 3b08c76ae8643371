"""Serving: a taken port names its holder, and nothing listens where it may not."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import run_cli

from earthcommons.cli.serving import check_accounts, check_port, holder_of
from earthcommons.commons import make_node
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_free_port_is_accepted_and_stays_free(free: int) -> None:
    check_port("127.0.0.1", free)
    check_port("127.0.0.1", free)
    check_port("localhost", free)


def test_a_taken_port_names_the_process_that_holds_it(taken: int) -> None:
    assert holder_of(taken).startswith(f"process {os.getpid()} (")
    with pytest.raises(ConflictError, match=f"port {taken} is taken by process {os.getpid()} "):
        check_port("127.0.0.1", taken)


def test_the_holder_of_a_port_nobody_holds_is_not_guessed(free: int) -> None:
    assert holder_of(free) == "a process of another user"


def test_serve_and_demo_on_a_taken_port_end_with_4_and_build_nothing(
    taken: int, tmp_path: Path
) -> None:
    root = tmp_path / "node"
    demo = run_cli("demo", root, "--port", taken)
    assert (demo.code, root.exists()) == (4, False)
    assert f"taken by process {os.getpid()} (" in demo.err
    assert demo.err.rstrip().endswith("[port-taken]")
    run_cli("init", root)
    serve = run_cli("serve", "--node", root, "--port", taken)
    assert (serve.code, serve.out) == (4, "")


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", 65536, "need 1 to 65535"),
        ("127.0.0.1", -1, "need 1 to 65535"),
        ("192.0.2.1", 8765, "cannot listen on 192.0.2.1 port 8765"),
        ("no such host", 8765, "cannot listen on no such host"),
    ],
)
def test_an_address_that_cannot_be_had_is_not_called_taken(
    host: str, port: int, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said):
        check_port(host, port)


def test_ip_version_6_is_checked_as_such() -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        port = server.getsockname()[1]
        with pytest.raises(ConflictError, match=f"port {port} is taken by process"):
            check_port("::1", port)
    check_port("::1", port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "earth.example.org"])  # noqa: S104
def test_a13_a_public_address_without_anybody_who_can_sign_in_is_refused(
    tmp_path: Path, host: str
) -> None:
    root = tmp_path / "node"
    node = make_node(root, Settings(host=host, port=8765))
    refused = run_cli("serve", "--node", root)
    assert (refused.code, refused.out) == (2, "")
    assert "account add ID" in refused.err
    assert refused.err.rstrip().endswith("[no-accounts]")
    with acting_as(OPERATOR):
        node.catalog.people.add("ann", "Ann", issuer="https://id.example.org", subject="1")
        check_accounts(node)
        node.catalog.people.set_active("ann", active=False)
    with pytest.raises(InvalidInputError):
        check_accounts(node)
    node.catalog.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_a13_loopback_is_the_default_and_needs_no_account(tmp_path: Path, host: str) -> None:
    assert Settings().host == "127.0.0.1"
    node = make_node(tmp_path / "node", Settings(host=host))
    check_accounts(node)
    node.catalog.close()
