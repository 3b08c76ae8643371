"""A node's settings: from `node.toml`, overridden by `EARTHCOMMONS_…` of the environment."""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "S3Credentials",
    "Settings",
    "read_oidc_secret",
    "read_s3_credentials",
    "read_settings",
    "write_settings",
]

_FILE = "node.toml"
_BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*"
_PREFIX = "EARTHCOMMONS_"
_ORIGIN = r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?"
_KIND = {str: "text", int: "whole number", bool: "true or false", tuple: "list of texts"}
_RANGE = {
    "port": (1, 65535),
    "tile_cache_bytes": (0, 2**40),
    "store_cache_bytes": (0, 2**50),
    "upload_bytes": (0, 2**50),
    "upload_quota_bytes": (0, 2**50),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose.

    Attributes:
        name: how the node is called on its pages.
        host, port: where `serve` listens; loopback unless chosen otherwise.
        base_url: public address, used in links; empty means `http://host:port`.
        tile_cache_bytes: memory the tile service may keep.
        store_url: where objects are; empty means the node's folder, else `s3://bucket/prefix`.
        store_endpoint: address of the S3-compatible service; empty means Amazon's.
        store_cache_bytes: disk that copies of objects of an S3 store may take in the node's folder.
        upload_bytes: longest upload.
        upload_quota_bytes: room for all uploads of one account that no day has gone over.
        oidc_issuer: address of the identity provider people may sign in with; empty means none.
        oidc_client_id: name of this node at that provider.
        oidc_audience: what its access tokens must name as their audience; empty means the
            client's name.
        oidc_provision: whether a subject that nobody knows gets an account without any role.
        cors_origins: origins whose pages may read this node, each as `https://host`; `*` is all.
    """

    name: str = "Node A"
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    tile_cache_bytes: int = 64 * 2**20
    store_url: str = ""
    store_endpoint: str = ""
    store_cache_bytes: int = 20 * 2**30
    upload_bytes: int = 5 * 2**30
    upload_quota_bytes: int = 20 * 2**30
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_audience: str = ""
    oidc_provision: bool = False
    cors_origins: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address links are built on, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """What opens an S3 store; never shown."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)
    region: str


def read_settings(root: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the node in `root`.

    Raises:
        NotFoundError: the folder holds no `node.toml`.
        InvalidInputError: an unknown setting or a value of the wrong type; it is named.
    """
    file = root / _FILE
    if not file.exists():
        raise NotFoundError(
            f"{root} is no node: it has no {_FILE} (make one with `init` or `demo`)"
        )
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file.name}: {error}", code="bad-settings") from error
    known = {each.name: type(each.default) for each in fields(Settings)}
    given = os.environ if environment is None else environment
    for name in known:
        if (text := given.get(_PREFIX + name.upper())) is not None:
            values[name] = text
    settings = Settings(**{name: _typed(name, value, known) for name, value in values.items()})
    _check(settings)
    return settings


def write_settings(root: Path, settings: Settings) -> None:
    """Write `node.toml`, unless there is one already."""
    # Others of this machine read neither what is closed nor who has an account.
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = ["# Settings of this node; every line may be left out. See docs/settings.md."]
    for each in fields(Settings):
        value = getattr(settings, each.name)
        if value != each.default or each.name == "name":
            # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
            quoted = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            text = quoted if isinstance(value, str | tuple) else str(value).lower()
            lines.append(f"{each.name} = {text}")
    if not (root / _FILE).exists():
        (root / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_s3_credentials(environment: Mapping[str, str] | None = None) -> S3Credentials:
    """Return the credentials of an S3 store, which are never written to a file of the node.

    Raises:
        InvalidInputError: the environment holds none.
    """
    given = os.environ if environment is None else environment
    try:
        return S3Credentials(
            given["AWS_ACCESS_KEY_ID"],
            given["AWS_SECRET_ACCESS_KEY"],
            given.get("AWS_SESSION_TOKEN", ""),
            given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or "us-east-1",
        )
    except KeyError as error:
        raise InvalidInputError(
            f"an S3 store needs {error.args[0]} in the environment", code="bad-settings"
        ) from error


def read_oidc_secret(environment: Mapping[str, str] | None = None) -> str:
    """Return the secret of this node at its identity provider; empty for a public client."""
    given = os.environ if environment is None else environment
    return given.get(_PREFIX + "OIDC_SECRET", "")


def _typed(name: str, value: Any, known: dict[str, type]) -> Any:
    if name not in known:
        raise InvalidInputError(
            f"{_FILE}: no setting {name!r}; there are {', '.join(sorted(known))}",
            code="bad-settings",
        )
    wanted = known[name]
    if type(value) is wanted:
        return value
    if wanted is bool and value in ("true", "false"):
        return value == "true"
    if wanted is tuple:
        # The environment speaks text only: there commas stand between.
        found = [each.strip() for each in value.split(",")] if isinstance(value, str) else value
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            return tuple(each for each in found if each)
    # The environment speaks text only; a file that says 8000.5 or true means something else.
    if wanted is int and isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    raise InvalidInputError(
        f"{_FILE}: {name} = {value!r} is no {_KIND[wanted]}", code="bad-settings"
    )


def _check(settings: Settings) -> None:
    for name, (least, most) in _RANGE.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            raise InvalidInputError(
                f"{_FILE}: {name} = {value}: need {least} to {most}", code="bad-settings"
            )
    if settings.store_url and not re.fullmatch(_BUCKET, settings.store_url):
        raise InvalidInputError(
            f"{_FILE}: store_url = {settings.store_url[:90]!r}: need s3://bucket or"
            " s3://bucket/prefix; credentials come from the environment only",
            code="bad-settings",
        )
    if settings.store_endpoint and not re.fullmatch(
        r"https?://[^@/?#]+/?", settings.store_endpoint
    ):
        raise InvalidInputError(
            f"{_FILE}: store_endpoint: need https://host or http://host:port and nothing else",
            code="bad-settings",
        )
    if settings.oidc_issuer and not re.fullmatch(
        r"https://[^@?#\s]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/[^@?#\s]*)?",
        settings.oidc_issuer,
    ):
        raise InvalidInputError(
            f"{_FILE}: oidc_issuer: need https://host/path; its secret comes from the"
            " environment only",
            code="bad-settings",
        )
    if settings.oidc_issuer and not settings.oidc_client_id:
        raise InvalidInputError(
            f"{_FILE}: oidc_issuer needs oidc_client_id beside it", code="bad-settings"
        )
    for origin in settings.cors_origins:
        if origin != "*" and not re.fullmatch(_ORIGIN, origin):
            raise InvalidInputError(
                f"{_FILE}: cors_origins: {origin[:90]!r}: need https://host or"
                " https://host:port in small letters, or * for every origin",
                code="bad-settings",
            )
    if settings.base_url and not settings.base_url.startswith(("http://", "https://")):
        raise InvalidInputError(
            f"{_FILE}: base_url = {settings.base_url!r}: begin with https:// or http://",
            code="bad-settings",
        )
