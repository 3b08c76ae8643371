"""Units that are told by their spelling alone, without the table of all units.

Reading that table takes as long as taking in a small file. Nearly every file says `degC`, `mm/day`
or `kg m-2 s-1`: names from a short list, with whole powers, as a product. Of anything else this
module says nothing; `unit` then asks the table.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["Plain", "plain_unit", "spelled"]

Plain = tuple[int, frozenset[tuple[str, int]]]

# What the table calls a unit, and how files spell it; a test asks the table about each.
_SPELLINGS = {
    "meter": "m meter metre meters metres",
    "nanometer": "nm", "micrometer": "um µm micrometer", "millimeter": "mm millimeter",
    "centimeter": "cm", "kilometer": "km", "hectare": "ha hectare hectares",
    "liter": "L l liter litre", "milliliter": "mL ml",
    "gram": "g gram", "nanogram": "ng", "microgram": "ug µg", "milligram": "mg",
    "kilogram": "kg kilogram", "teragram": "Tg", "petagram": "Pg", "metric_ton": "t tonne tonnes",
    "mole": "mol mole", "millimole": "mmol", "micromole": "umol µmol",
    "second": "s sec second seconds", "minute": "min minute minutes", "hour": "h hr hour hours",
    "day": "d day days", "month": "month months", "year": "yr year years",
    "kelvin": "K kelvin",
    "pascal": "Pa", "hectopascal": "hPa", "kilopascal": "kPa",
    "joule": "J", "kilojoule": "kJ", "megajoule": "MJ",
    "watt": "W watt", "nanowatt": "nW", "milliwatt": "mW", "kilowatt": "kW", "megawatt": "MW",
    "newton": "N", "siemens": "S", "microsiemens": "uS", "millisiemens": "mS",
    "radian": "rad radian", "steradian": "sr steradian",
    "degree": "degree degrees deg", "percent": "percent %", "ppm": "ppm",
    "person": "person persons people",
}  # fmt: skip
# In a product they mean a difference of temperatures: another unit.
_ALONE = {"degree_Celsius": "degC degree_C degrees_C degree_Celsius degrees_Celsius celsius"}
_NAME_OF = {text: name for name, texts in _SPELLINGS.items() for text in texts.split()}
_ALONE_OF = {text: name for name, texts in _ALONE.items() for text in texts.split()}
_ALLOWED = re.compile(r"[A-Za-z0-9µ%°^*/().,_ -]{1,60}")
_SCALE = re.compile(r"10\^(-?\d{1,2})")
_POWER = re.compile(r"(?<=[A-Za-zµ])(-?\d+)\b")
_PRODUCT = re.compile(r"(?<=[\w)])[ .](?=[A-Za-z])")
_FACTOR = re.compile(r"([A-Za-zµ%]+)(?:\*\*(-?[1-9]))?")
_SIGN = re.compile(r"((?<!\*)\*(?!\*)|/)")


def plain_unit(text: str) -> Plain | None:
    """Return a unit as power of ten and powers of named units, or None where it is not plain.

    Plain units that are equal here are one unit; those that are not may still be (`L` and `dm3`).
    """
    if (said := spelled(text)) is None:
        return None
    exponent, product = said
    if product in _ALONE_OF:
        return exponent, frozenset({(_ALONE_OF[product], 1)})
    if not product:
        return exponent, frozenset()
    powers: Counter[str] = Counter()
    parts = ["*", *_SIGN.split(product)]
    for sign, factor in zip(parts[::2], parts[1::2], strict=True):
        found = _FACTOR.fullmatch(factor)
        if found is None or found[1] not in _NAME_OF:
            return None
        powers[_NAME_OF[found[1]]] += int(found[2] or 1) * (1 if sign == "*" else -1)
    return exponent, frozenset((name, power) for name, power in powers.items() if power)


def spelled(text: str) -> tuple[int, str] | None:
    """Return the power of ten before a unit and the unit as the table spells it: `m**2/s`.

    None where the text has characters that no unit has, or too many.
    """
    if not _ALLOWED.fullmatch(text):
        return None
    head, _, tail = text.partition(" ")
    exponent = 0
    if power := _SCALE.fullmatch(head):
        exponent, text = int(power.group(1)), tail
    product = _POWER.sub(r"**\1", text.replace("^", "").replace("°", "deg"))
    if product in ("%", "1"):
        return exponent, {"%": "percent", "1": ""}[product]
    return exponent, _PRODUCT.sub("*", product)
