"""What a submission still lacks, and for which standard: said before anybody reviews it.

`required` keeps a submission back; `recommended` does not. The requirements are those of STAC 1.1
(item), DataCite 4.6 (mandatory and recommended properties), ISO 19115-1 (core metadata) and of
this platform, which publishes nothing without a licence, an attribution and the unit of each
variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.draft_variables import paired
from earthcommons.errors import InvalidInputError
from earthcommons.model.period import Period
from earthcommons.model.unit import check_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["WANTED", "Lack", "lacks"]


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is missing.

    Attributes:
        field: name of the field as the form and the draft have it.
        level: `required` or `recommended`.
        standards: who asks for it.
        en, zh: what to do.
    """

    field: str
    level: str
    standards: tuple[str, ...]
    en: str
    zh: str

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "field": self.field,
            "level": self.level,
            "standards": list(self.standards),
            "text": {"en": self.en, "zh": self.zh},
        }


# Properties of features are kept as they are: nobody is asked for their units.
_FEATURES = ("geojson", "geopackage", "shapefile", "dwca")
_STAC, _DATACITE, _ISO, _OWN = "STAC 1.1", "DataCite 4.6", "ISO 19115-1", "Earth Commons"

WANTED = (
    Lack("files", "required", (_STAC, _OWN), "attach a file", "请附上文件"),
    Lack("item", "required", (_STAC,), "give the item an id", "请为条目命名"),
    Lack("collection", "required", (_STAC, _OWN), "name a collection", "请指定数据集"),
    Lack(
        "title.en",
        "required",
        (_DATACITE, _ISO, _STAC),
        "write a title in English",
        "请填写英文标题",
    ),
    Lack(
        "title.zh",
        "recommended",
        (_OWN,),
        "write a title in Chinese: people search in it",
        "请填写中文标题，以便中文检索",
    ),
    Lack(
        "description.en",
        "required",
        (_ISO, _STAC),
        "describe the data in two sentences",
        "请用两句话描述数据",
    ),
    Lack(
        "description.zh",
        "recommended",
        (_OWN,),
        "describe the data in Chinese",
        "请填写中文描述",
    ),
    Lack(
        "period",
        "required",
        (_STAC, _ISO),
        "say what time the data is about, as 2015 or 2015-11/2016-01",
        "请说明数据的时间范围，如 2015 或 2015-11/2016-01",
    ),
    Lack(
        "licence",
        "required",
        (_STAC, _OWN),
        "choose a licence",
        "请选择许可协议",
    ),
    Lack(
        "attribution",
        "required",
        (_OWN,),
        "say how the source wants to be named",
        "请说明来源的署名方式",
    ),
    Lack(
        "variables",
        "required",
        (_OWN,),
        "declare the unit of each variable, as percent, degC, km2, 1, class or date",
        "请声明每个变量的单位，如 percent、degC、km2、1、class 或 date",
    ),
    Lack(
        "nature",
        "required",
        (_OWN,),
        "say whether it is an observation, a model, a reconstruction or derived",
        "请说明数据属于观测、模式、重建还是衍生",
    ),
    Lack(
        "creators",
        "required",
        (_DATACITE,),
        "name who made the data",
        "请列出数据作者",
    ),
    Lack(
        "contact",
        "recommended",
        (_ISO,),
        "name a point of contact",
        "请填写联系人",
    ),
    Lack(
        "keywords",
        "recommended",
        (_DATACITE, _ISO),
        "give some keywords",
        "请填写关键词",
    ),
    Lack(
        "themes",
        "recommended",
        (_ISO,),
        "choose a theme, so that it is found by facet",
        "请选择主题，以便分面检索",
    ),
    Lack(
        "derivation",
        "recommended",
        (_ISO, _STAC),
        "say how the data was made from its sources (lineage)",
        "请说明数据的加工过程（数据志）",
    ),
)


def lacks(draft: Mapping[str, Any]) -> list[Lack]:
    """Return what a draft lacks, required things first.

    Args:
        draft: body of a draft: `collection`, `item`, `files`, `metadata`, and `seen`, what a look
            into the files found.
    """
    found = [wanted for wanted in WANTED if not _has(draft, wanted.field)]
    return sorted(found, key=lambda lack: lack.level != "required")


def _has(draft: Mapping[str, Any], name: str) -> bool:
    metadata = draft.get("metadata") or {}
    if name in ("files", "item", "collection"):
        return bool(draft.get(name))
    if name == "variables":
        return _units_are_known(draft)
    if name == "period":
        return _is(Period.parse, metadata.get("period"))
    first, _, lang = name.partition(".")
    value = metadata.get(first)
    if lang:
        return bool(isinstance(value, dict) and str(value.get(lang, "")).strip())
    return bool(value)


def _units_are_known(draft: Mapping[str, Any]) -> bool:
    """Return whether each variable has a unit, and each unit declared is one."""
    rows = paired({"metadata": {}, **draft})
    declared = [unit for _, stated in rows if (unit := stated.get("unit"))]
    if not all(_is(lambda text: check_unit(text, ""), unit) for unit in declared):
        return False
    return (draft.get("seen") or {}).get("format") in _FEATURES or all(
        seen.get("unit") or stated.get("unit") for seen, stated in rows if seen
    )


def _is(read: Callable[[str], object], value: object) -> bool:
    """Return whether a text can be read as what it should be."""
    try:
        read(str(value or ""))
    except InvalidInputError:
        return False
    return True
