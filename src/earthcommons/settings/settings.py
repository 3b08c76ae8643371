"""A node's settings: from `node.toml`, overridden by `EARTHCOMMONS_…` of the environment."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Settings", "read_settings", "write_settings"]

_FILE = "node.toml"
_PREFIX = "EARTHCOMMONS_"
_KIND = {str: "text", int: "whole number"}
_RANGE = {"port": (1, 65535), "tile_cache_bytes": (0, 2**40)}


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose.

    Attributes:
        name: how the node is called on its pages.
        host, port: where `serve` listens; loopback unless chosen otherwise.
        base_url: public address, used in links; empty means `http://host:port`.
        tile_cache_bytes: memory the tile service may keep.
    """

    name: str = "Node A"
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    tile_cache_bytes: int = 64 * 2**20

    @property
    def url(self) -> str:
        """The address links are built on, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")


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
    known = {field.name: type(field.default) for field in fields(Settings)}
    given = os.environ if environment is None else environment
    for name in known:
        if (text := given.get(_PREFIX + name.upper())) is not None:
            values[name] = text
    settings = Settings(**{name: _typed(name, value, known) for name, value in values.items()})
    _check(settings)
    return settings


def write_settings(root: Path, settings: Settings) -> None:
    """Write `node.toml`, unless there is one already."""
    root.mkdir(parents=True, exist_ok=True)
    lines = ["# Settings of this node; every line may be left out. See docs/settings.md."]
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if value != field.default or field.name == "name":
            # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
            quoted = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            text = quoted if isinstance(value, str) else str(value)
            lines.append(f"{field.name} = {text}")
    if not (root / _FILE).exists():
        (root / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _typed(name: str, value: Any, known: dict[str, type]) -> Any:
    if name not in known:
        raise InvalidInputError(
            f"{_FILE}: no setting {name!r}; there are {', '.join(sorted(known))}",
            code="bad-settings",
        )
    wanted = known[name]
    if isinstance(value, wanted) and not isinstance(value, bool):
        return value
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
    if settings.base_url and not settings.base_url.startswith(("http://", "https://")):
        raise InvalidInputError(
            f"{_FILE}: base_url = {settings.base_url!r}: begin with https:// or http://",
            code="bad-settings",
        )
