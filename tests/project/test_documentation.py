"""What is declared is documented and tested, once, under its own name."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import fields
from importlib.util import find_spec

import pytest
from tests.project.conftest import ROOT, SOURCE

from earthcommons import errors
from earthcommons.cli.errors import exit_code
from earthcommons.errors import CommonsError, IntegrityError
from earthcommons.indicators import INDICATOR_KEYS, all_indicators
from earthcommons.monitor import WATCHES
from earthcommons.settings import Settings
from earthcommons.web.errors import status_of

DOCS = ROOT / "docs"
ERRORS = [getattr(errors, name) for name in errors.__all__]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("key", INDICATOR_KEYS)
def test_every_indicator_has_a_page_and_a_test_that_name_it(key: str) -> None:
    text = page(f"indicators/{key}.md")
    assert text.startswith("# ")
    assert key in text
    named = [
        file.name
        for file in (ROOT / "tests" / "indicators").glob("test_*.py")
        if f'"{key}"' in file.read_text(encoding="utf-8")
    ]
    assert named, f"no test module in tests/indicators names {key}"


def test_every_indicator_is_listed_once_and_no_page_is_left_over() -> None:
    found = all_indicators()
    assert [indicator.key for indicator in found] == list(INDICATOR_KEYS)
    assert len({id(indicator) for indicator in found}) == len(INDICATOR_KEYS)
    listing = (SOURCE / "indicators" / "__init__.py").read_text(encoding="utf-8")
    assert [listing.count(f'"{key}":') for key in INDICATOR_KEYS] == [1] * len(INDICATOR_KEYS)
    pages = {file.stem for file in (DOCS / "indicators").glob("*.md")}
    assert pages == set(INDICATOR_KEYS)


def test_every_watch_is_documented() -> None:
    text = page("watches.md")
    assert [rule.watch.key for rule in WATCHES if rule.watch.key not in text] == []


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default_and_is_used(field: object) -> None:
    name, default = field.name, field.default  # type: ignore[attr-defined]
    shown = f'"{default}"' if isinstance(default, str) else str(default)
    row = f"| `{name}` | `EARTHCOMMONS_{name.upper()}` | `{shown}` |"
    assert row in page("settings.md")
    assert re.search(rf"\b{name}\b", inspect.getdoc(Settings) or "")
    used = "url" if name == "base_url" else name
    reads = [
        module
        for module in SOURCE.rglob("*.py")
        if "settings" not in module.parts
        and re.search(rf"settings\.{used}\b", module.read_text(encoding="utf-8"))
    ]
    assert reads, f"nothing reads the setting {name}"


def test_no_setting_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", page("settings.md"), re.MULTILINE))
    assert named == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_tree_below_its_parent(kind: type[CommonsError]) -> None:
    lines = (errors.__doc__ or "").splitlines()
    depth = {
        name: len(line) - len(line.lstrip("│├└─ "))
        for line in lines
        if (name := re.sub(r"^[│├└─ ]+", "", line).split(" ")[0]).endswith("Error")
    }
    assert kind.__name__ in depth
    if kind is not CommonsError:
        parent = next(base for base in kind.__mro__[1:] if base in ERRORS)
        assert depth[kind.__name__] > depth[parent.__name__]
        named = [line for line in lines if kind.__name__ in line]
        builtin = [base.__name__ for base in kind.__bases__ if base not in ERRORS]
        assert all(f"({base})" in named[0] for base in builtin)


def test_every_error_class_is_public() -> None:
    made = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, CommonsError)
    }
    assert made == set(errors.__all__)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_an_exit_code_and_a_status(kind: type[CommonsError]) -> None:
    error = (
        IntegrityError("k", expected="a", found="b")
        if kind is IntegrityError
        else kind("words")
    )
    if kind is CommonsError:
        assert (exit_code(error), status_of(error)) == (1, 500)
        return
    assert exit_code(error) in range(2, 8)
    assert status_of(error) in range(400, 504)
    assert status_of(error) != 500
    assert re.fullmatch("[a-z-]+", error.code)


def test_every_code_of_the_door_is_explained() -> None:
    raised = set()
    for folder in ("ingest", "model"):
        for module in (SOURCE / folder).glob("*.py"):
            text = module.read_text(encoding="utf-8")
            raised |= set(re.findall(r'code="([a-z-]+)"', text)) | set(
                re.findall(r'code = "([a-z-]+)"', text)
            )
    table = page("ingest.md").partition("## What is refused")[2]
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE))
    # An indicator's parameter has nothing to do with a file.
    assert raised - explained - {"unknown-parameter"} == set()
    kinds = {kind.code for kind in ERRORS}
    assert explained - raised - kinds == set()


def test_relative_links_of_the_documentation_lead_somewhere() -> None:
    broken = []
    for file in [*DOCS.rglob("*.md"), ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (file.parent / target.partition("#")[0]).exists():
                broken.append(f"{file.name}: {target}")
    assert broken == []


def test_every_floor_says_what_it_knows_and_what_it_offers() -> None:
    floors = [path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()]
    assert len(floors) >= 18
    for floor in sorted(floors):
        package = importlib.import_module(f"earthcommons.{floor}")
        assert (package.__doc__ or "").strip(), floor
        for name in getattr(package, "__all__", ()):
            # A floor may offer modules, which become attributes only when something imports them.
            offered = hasattr(package, name) or find_spec(f"{package.__name__}.{name}")
            assert offered, f"{floor}.{name}"
