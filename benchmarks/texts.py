"""Questions of free text over the synthetic items: words of one item to words of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from items import COLLECTIONS, FIRST, LAST

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    _Draw = Callable[[random.Random], str]

__all__ = ["TextQuestion", "text_questions"]

_TOPICS = ("forest", "wetland", "river", "lake", "coast", "glacier", "cropland", "savanna")
# Every title has `scene near station…`, every id `scene-00…`, every collection `scenes-…`.
_ALL = ("scene", "scenes", "near", "station", "sce", "sta", "s", "n", "0")


@dataclass(frozen=True)
class TextQuestion:
    """One class of questions; `further` asks for the page after the first."""

    name: str
    path: _Draw
    further: bool = False


def text_questions(count: int) -> list[TextQuestion]:
    """Return the classes of questions that free text over `count` items is measured with."""
    ask = "/search?limit=10&q={}".format
    longer = "/search?limit=100&q={}".format

    def number(rng: random.Random, cut: int) -> str:
        return f"{rng.randrange(count):08d}"[: 8 - cut]

    words: dict[str, _Draw] = {
        "1 item": lambda r: number(r, 0),
        "100 items": lambda r: number(r, 2),
        "0.1 %": lambda r: f"station{r.randrange(100, 1000)}",
        "1 %": lambda r: f"station{r.randrange(10, 100)}",
        "11 %": lambda r: f"station{r.randrange(1, 10)}",
        "12.5 %": lambda r: r.choice(_TOPICS),
        "100 %": lambda r: r.choice(_ALL),
    }
    pairs: dict[str, _Draw] = {
        "12.5 % and 100 %": lambda r: f"{words['12.5 %'](r)}+{words['100 %'](r)}",
        "0.1 % and 100 %": lambda r: f"{words['0.1 %'](r)}+{words['100 %'](r)}",
        "12.5 % and 12.5 %, no item": lambda r: "+".join(r.sample(_TOPICS, 2)),
        "12.5 % or 0.1 %": lambda r: f"{words['12.5 %'](r)},{words['0.1 %'](r)}",
    }
    tails: dict[str, _Draw] = {
        "box 30x20": lambda r: _box(r, 30, 20),
        "box 5x5": lambda r: _box(r, 5, 5),
        "1 year": lambda r: _when(r, 365),
        "1 collection": lambda r: f"collections=scenes-{r.randrange(COLLECTIONS):02d}",
        "by cloud cover": lambda r: (
            f"sortby={r.choice('+-').replace('+', '%2B')}eo:cloud_cover"
        ),
    }
    found = [TextQuestion(name, _joined(ask, word)) for name, word in (words | pairs).items()]
    for share in ("0.1 %", "12.5 %", "100 %"):
        word = words[share]
        for name, tail in tails.items():
            found.append(TextQuestion(f"{share}, {name}", _joined(ask, word, tail)))
        found.append(TextQuestion(f"{share}, page 2", _joined(ask, word), further=True))
        found.append(TextQuestion(f"{share}, page of 100", _joined(longer, word)))
    return found


def _joined(ask: Callable[[str], str], word: _Draw, tail: _Draw | None = None) -> _Draw:
    def path(rng: random.Random) -> str:
        asked = ask(word(rng))
        return asked if tail is None else f"{asked}&{tail(rng)}"

    return path


def _box(rng: random.Random, wide: float, high: float) -> str:
    west, south = rng.uniform(-180, 180 - wide), rng.uniform(-80, 80 - high)
    return f"bbox={west:.4f},{south:.4f},{west + wide:.4f},{south + high:.4f}"


def _when(rng: random.Random, days: int) -> str:
    first = FIRST + timedelta(days=rng.randrange((LAST - FIRST).days - days))
    last = first + timedelta(days=days)
    return f"datetime={first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}"
