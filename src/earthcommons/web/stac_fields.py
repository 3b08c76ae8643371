"""The fields extension: which members of an item a client wants to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Fields"]

_ALWAYS = ("type", "id", "collection", "links")
_DEFAULT = (
    "stac_version",
    "geometry",
    "bbox",
    "assets",
    "properties.datetime",
    "properties.start_datetime",
    "properties.end_datetime",
)
_MOST = 200


@dataclass(frozen=True, slots=True)
class Fields:
    """Paths to keep and to leave out; what is named in both is kept.

    With nothing to keep, everything is kept but what is left out; with a list of things to keep
    that is empty, what a map needs is. `id`, `type`, `collection` and `links` are always there: an
    item without them is none.

    Source:
        STAC API fields extension 1.0.0, include and exclude semantics.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    @property
    def narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.keep or self.drop)

    @classmethod
    def of_text(cls, text: str | None) -> Fields:
        """Return the fields written `a,+b,-c`; None where the parameter was not given.

        Raises:
            InvalidInputError: over 200 of them.
        """
        if text is None:
            return cls()
        if not text.strip():
            return cls(_DEFAULT)
        names = [part.strip() for part in text.split(",") if part.strip("+- ")]
        keep = [name.lstrip("+ ") for name in names if not name.startswith("-")]
        return cls._checked(keep, [name[1:] for name in names if name.startswith("-")])

    @classmethod
    def of_body(cls, value: Any) -> Fields:
        """Return the fields of `{"include": […], "exclude": […]}`.

        Raises:
            InvalidInputError: of another form, or over 200 of them.
        """
        if not isinstance(value, dict) or set(value) - {"include", "exclude"}:
            raise InvalidInputError('fields is {"include": […], "exclude": […]}')
        stated = [value.get(name) for name in ("include", "exclude")]
        lists = [[] if names is None else names for names in stated]
        if not all(isinstance(names, list) for names in lists):
            raise InvalidInputError("fields holds lists of names")
        if not lists[0] and ("include" in value or not lists[1]):
            lists[0] = [name for name in _DEFAULT if name not in lists[1]]
        return cls._checked(*lists)

    @classmethod
    def _checked(cls, keep: Iterable[Any], drop: Iterable[Any]) -> Fields:
        kept, dropped = tuple(keep), tuple(drop)
        if len(kept) + len(dropped) > _MOST or not all(
            isinstance(n, str) for n in kept + dropped
        ):
            raise InvalidInputError(f"fields takes at most {_MOST} names")
        return cls(kept, dropped)

    def of(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the item with the members wanted."""
        if not self.keep and not self.drop:
            return item
        needed = [name for name in _ALWAYS if name in item]
        found = item if not self.keep else _kept(item, (*needed, *self.keep))
        for path in self.drop:
            if path in _ALWAYS:
                continue
            found = _without(found, path.split("."))
            # `-properties,+properties.gsd` keeps the one property.
            for kept in self.keep:
                if kept == path or kept.startswith(f"{path}."):
                    _copy(item, found, kept.split("."))
        return found


def _kept(item: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        _copy(item, found, path.split("."))
    return found


def _copy(source: Any, target: dict[str, Any], path: list[str]) -> None:
    head, *rest = path
    if not isinstance(source, dict) or head not in source:
        return
    if not rest:
        target[head] = source[head]
        return
    inner = target.setdefault(head, {})
    if isinstance(inner, dict):
        _copy(source[head], inner, rest)


def _without(value: Any, path: list[str]) -> Any:
    head, *rest = path
    if not isinstance(value, dict) or head not in value:
        return value
    if not rest:
        return {name: inner for name, inner in value.items() if name != head}
    return {**value, head: _without(value[head], rest)}
