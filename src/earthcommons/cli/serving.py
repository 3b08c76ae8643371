"""Serve a node; when the port is taken, say by whom."""

from __future__ import annotations

import errno
import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.errors import ConflictError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons import Node

__all__ = ["check_accounts", "check_port", "holder_of", "serve_demo", "serve_node"]

_LISTEN = "0A"
_LAST_PORT = 65535


def serve_demo(folder: Path, port: int) -> None:
    """Serve the demonstration node at once and build it meanwhile.

    Raises:
        ConflictError: the port is taken.
    """
    check_port("127.0.0.1", port)
    from earthcommons.commons import make_node
    from earthcommons.commons.demonstration.background import BackgroundBuild
    from earthcommons.settings import Settings

    node = make_node(folder, Settings(port=port))
    build = BackgroundBuild(folder)
    build.start()
    serve_node(node, port, build.progress)


def serve_node(
    node: Node,
    port: int | None = None,
    progress: Callable[[], tuple[int, int, str] | None] | None = None,
) -> None:
    """Serve a node until interrupted.

    Raises:
        ConflictError: the port is taken, or another server runs on the node.
        InvalidInputError: others on this machine can change the node or read its keys, or it
            would be public without anybody who can sign in (`no-accounts`).
        UpstreamError: the node's objects are in a store that writers cannot share.
    """
    from earthcommons.commons.guard import alone, check_modes

    check_modes(node.root)
    check_accounts(node)
    node.store.self_test()
    with alone(node.root, "earthcommons serve"):
        _serve_alone(node, port, progress)


def _serve_alone(
    node: Node, port: int | None, progress: Callable[[], tuple[int, int, str] | None] | None
) -> None:
    import dataclasses

    import uvicorn

    settings = dataclasses.replace(node.settings, port=port or node.settings.port)
    check_port(settings.host, settings.port)
    from earthcommons.web import create_app
    from earthcommons.web.log_lines import LOG_CONFIG

    app = create_app(dataclasses.replace(node, settings=settings), progress)
    print(f"{settings.name}: {settings.url}  (Ctrl+C ends it)", flush=True)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        log_config=LOG_CONFIG,
        access_log=False,
        server_header=False,
        # An address in a header is not believed; a proxy in front is the only client then.
        proxy_headers=False,
        limit_concurrency=200,
        timeout_keep_alive=20,
    )


def check_accounts(node: Node) -> None:
    """Return when the node listens on loopback only, or has somebody who can sign in.

    Raises:
        InvalidInputError: neither (`no-accounts`); the message says the way out.
    """
    from earthcommons.model.party import OPERATOR
    from earthcommons.policy import acting_as

    if _is_loopback(node.settings.host):
        return
    with acting_as(OPERATOR):
        if any(account.active for account in node.catalog.people.accounts()):
            return
    raise InvalidInputError(
        f"host {node.settings.host} can be reached by others and nobody can sign in: make an"
        " account first (earthcommons account add ID --name NAME --password --node"
        f" {node.root.name}; earthcommons account grant ID operator), or set host to 127.0.0.1",
        code="no-accounts",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_port(host: str, port: int) -> None:
    """Return when this process may listen there.

    Raises:
        ConflictError: somebody listens already; the message names the process where it can be
            seen.
        InvalidInputError: no such port, no address of this machine, or not allowed to this user.
    """
    if not 1 <= port <= _LAST_PORT:
        raise InvalidInputError(f"port {port}: need 1 to {_LAST_PORT}")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise InvalidInputError(
                f"cannot listen on {host} port {port}: {error.strerror}"
            ) from error
        raise ConflictError(
            f"port {port} is taken by {holder_of(port)}; choose another: make start PORT=8001",
            code="port-taken",
        ) from error


def holder_of(port: int) -> str:
    """Return which process listens on a port of this machine, as far as this user can see."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        lines = Path(table).read_text().splitlines()[1:] if Path(table).exists() else []
        for line in lines:
            cells = line.split()
            if int(cells[1].rpartition(":")[2], 16) == port and cells[3] == _LISTEN:
                inodes.add(f"socket:[{cells[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                if descriptor.readlink().name in inodes:
                    command = (
                        (process / "cmdline")
                        .read_bytes()
                        .replace(b"\0", b" ")
                        .decode(errors="replace")
                    )
                    return f"process {process.name} ({command.strip()[:80]})"
        except OSError:
            continue
    return "a process of another user"
