"""How to cite a dataset: one set of facts, written as text, BibTeX, RIS and CSL-JSON.

Source:
    DataCite Metadata Schema 4.6, recommended citation; CSL 1.0.2 data schema (type `dataset`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from earthcommons.errors import InvalidInputError

__all__ = ["STYLES", "Citation", "Creator", "cite"]

STYLES = {
    "text": "text/plain; charset=utf-8",
    "bibtex": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "csl": "application/vnd.citationstyles.csl+json",
}


@dataclass(frozen=True, slots=True)
class Creator:
    """A person (family and given name) or an organisation (name alone)."""

    name: str
    family: str = ""
    given: str = ""

    @property
    def inverted(self) -> str:
        """`Family, Given`, or the organisation's name."""
        return f"{self.family}, {self.given}" if self.given else self.family or self.name


@dataclass(frozen=True, slots=True)
class Citation:
    """What is cited.

    Attributes:
        key: name that is stable over versions, as `collection/item`.
        year, date: when this version was published (`date` as YYYY-MM-DD).
        url: landing page of the record on its node, for a person.
        record_url: the record itself, for a program; empty where there is none.
        doi: without a scheme; empty when there is none.
        digest: SHA-256 of the cited record: what makes the citation checkable; empty where who
            asks sees a part of it only.
    """

    key: str
    title: str
    creators: tuple[Creator, ...]
    publisher: str
    year: int
    date: str
    version: int
    url: str
    digest: str
    doi: str = ""
    language: str = "en"
    record_url: str = ""

    @property
    def address(self) -> str:
        """The DOI as an address where there is one, else the landing page on the node."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url


def cite(citation: Citation, style: str) -> str:
    """Return a citation in one of `STYLES`.

    Raises:
        InvalidInputError: there is no such style (`unknown-style`).
    """
    match style:
        case "text":
            return _text(citation)
        case "bibtex":
            return _bibtex(citation)
        case "ris":
            return _ris(citation)
        case "csl":
            return _csl(citation)
        case _:
            raise InvalidInputError(
                f"style {style[:20]!r}: one of {', '.join(STYLES)}", code="unknown-style"
            )


def _text(c: Citation) -> str:
    if c.language.startswith("zh"):
        who = "，".join(creator.name for creator in c.creators)
        return (
            f"{who}（{c.year}）：{c.title}（第 {c.version} 版）[数据集]。{c.publisher}。"
            f"{c.address}" + (f"（记录摘要 sha256:{c.digest[:16]}）" if c.digest else "")
        )
    who = "; ".join(creator.inverted for creator in c.creators).rstrip(".")
    return (
        f"{who} ({c.year}): {c.title} (version {c.version}) [data set]. {c.publisher}."
        f" {c.address}" + (f" (record sha256:{c.digest[:16]})" if c.digest else "")
    )


def _bibtex(c: Citation) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "-", c.key).strip("-") or "dataset"
    authors = " and ".join(
        f"{_tex(creator.inverted)}" if creator.given else "{" + _tex(creator.name) + "}"
        for creator in c.creators
    )
    fields = {
        "author": authors,
        "title": "{" + _tex(c.title) + "}",
        "year": str(c.year),
        "publisher": _tex(c.publisher),
        "version": str(c.version),
        **({"doi": _tex(c.doi)} if c.doi else {}),
        "url": _tex(c.address),
        **({"note": f"sha256:{c.digest}"} if c.digest else {}),
    }
    lines = ",\n".join(f"  {key} = {{{value}}}" for key, value in fields.items())
    return f"@dataset{{{name}-v{c.version},\n{lines}\n}}\n"


def _ris(c: Citation) -> str:
    rows = [
        ("TY", "DATA"),
        *(("AU", creator.inverted) for creator in c.creators),
        ("TI", c.title),
        ("PY", str(c.year)),
        ("DA", c.date.replace("-", "/")),
        ("PB", c.publisher),
        ("ET", str(c.version)),
        *([("DO", c.doi)] if c.doi else []),
        ("UR", c.address),
        # Related records: the one for programs.
        *([("L3", c.record_url)] if c.record_url else []),
        *([("N1", f"sha256:{c.digest}")] if c.digest else []),
        ("LA", c.language),
        ("ER", ""),
    ]
    # One line a field: what breaks a line within a value would begin another field.
    return "".join(f"{tag}  - {' '.join(value.split())}\r\n" for tag, value in rows)


def _csl(c: Citation) -> str:
    names = [
        {"family": creator.family, "given": creator.given}
        if creator.given
        else {"literal": creator.name}
        for creator in c.creators
    ]
    issued = [int(part) for part in c.date.split("-")]
    value = {
        "id": f"{c.key}@{c.version}",
        "type": "dataset",
        "title": c.title,
        "author": names,
        "issued": {"date-parts": [issued]},
        "publisher": c.publisher,
        "version": str(c.version),
        "URL": c.address,
        **({"note": f"sha256:{c.digest}"} if c.digest else {}),
        "language": c.language,
        **({"DOI": c.doi} if c.doi else {}),
        # What CSL has no word for (CSL 1.0.2, `custom`).
        **({"custom": {"record": c.record_url}} if c.record_url else {}),
    }
    return json.dumps([value], ensure_ascii=False, indent=1) + "\n"


_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "$": r"\$",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(char, char) for char in " ".join(text.split()))
