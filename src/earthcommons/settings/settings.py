"""A node's settings: from `node.toml`, overridden by `EARTHCOMMONS_…` of the environment."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose.

    Attributes:
        name: how the node is called on its pages.
        host, port: where `serve` listens; loopback unless chosen otherwise.
        base_url: public address, used in links; empty means `http://host:port`.
        worldview: which table drew the borders.
        tile_cache_bytes: memory the tile service may keep.
    """

    name: str = "Node A"
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    worldview: str = "un"
    tile_cache_bytes: int = 64 * 2**20

    @property
    def url(self) -> str:
        """The address links are built on, without a slash at its end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


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
    for name in known:
        if (text := (environment or os.environ).get(_PREFIX + name.upper())) is not None:
            values[name] = text
    return Settings(**{name: _typed(name, value, known) for name, value in values.items()})


def write_settings(root: Path, settings: Settings) -> None:
    """Write `node.toml`, unless there is one already."""
    root.mkdir(parents=True, exist_ok=True)
    lines = ["# Settings of this node; every line may be left out. See docs/settings.md."]
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if value != field.default or field.name == "name":
            quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
            text = f'"{quoted}"' if isinstance(value, str) else str(value)
            lines.append(f"{field.name} = {text}")
    if not (root / _FILE).exists():
        (root / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _typed(name: str, value: Any, known: dict[str, type]) -> Any:
    if name not in known:
        raise InvalidInputError(
            f"{_FILE}: no setting {name!r}; there are {', '.join(sorted(known))}",
            code="bad-settings",
        )
    try:
        return known[name](value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{_FILE}: {name} = {value!r} is no {known[name].__name__}", code="bad-settings"
        ) from error
