"""Every refusal a person can meet is said in both languages, by the line that raises it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.portal import Person, community

import earthcommons
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.web import create_app
from earthcommons.web.refusals import refusal, refusal_of
from earthcommons.web.word_refusals import CODES
from earthcommons.web.word_refusals_said import SAID

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCE = Path(earthcommons.__file__).parent
_DOCS = _SOURCE.parents[1] / "docs"
_HAN = re.compile(r"[\u4e00-\u9fff]")
_FACT = re.compile(r"\{[^{}]*\}")
# Where a person at the portal is refused something.
_MET = (
    "web/pages/account.py", "web/pages/drafts.py", "web/pages/draft_form.py",
    "web/pages/publish.py", "web/pages/forms.py", "web/pages/rules.py", "web/pages/steward.py",
    "web/pages/operators.py", "web/pages/data.py", "web/pages/record.py", "web/pages/router.py",
    "web/parameters.py", "commons/stories/submitting.py", "commons/stories/reviewing.py",
    "commons/stories/draft_files.py", "commons/stories/withdrawing.py", "policy/decision.py",
    "policy/label.py", "catalog/people.py", "catalog/credentials.py", "trust/secrets.py",
    "model/period.py", "model/unit.py", "model/declaration.py",
)  # fmt: skip
# Raised to programs alone: parameters of the API, and parts that no form leaves out.
_PROGRAMS = {
    "bbox {}: need four numbers",
    "datetime is open at both ends",
    "datetime {} runs backwards",
    "datetime {}: write 2015-11-01T00:00:00Z",
    "a draft has no part {}",
    "a rule has no part {}",
    "a draft has no field {}; there are {}",
    "{} does not convert to {}",
    "{}: declare a licence",
    # A file and what is wrong with it: the second part is told by itself.
    "{}: {}",
}


def _plain(node: ast.expr) -> str:
    """Return a message as it is raised, a fact as {}."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _raised() -> Iterator[tuple[str, str, str]]:
    """Yield file, code and message of every error that is made in the source."""
    for file in sorted(_SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
                called = "Error"
            if called.endswith("Error") or called == "_wrong":
                code = next((k.value for k in node.keywords if k.arg == "code"), None)
                stated = code.value if isinstance(code, ast.Constant) else ""
                yield str(file.relative_to(_SOURCE)), str(stated), _plain(node.args[0])


def test_every_code_of_the_door_and_of_pages_is_said_in_both_languages() -> None:
    text = (_DOCS / "ingest.md").read_text("utf-8").partition("## What is refused")[2]
    codes = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    met = {
        code
        for file, code, _ in _raised()
        if code
        and file.startswith(("web/", "ingest/", "commons/stories/", "model/", "catalog/"))
    }
    programs = {"bad-line", "mixed-types", "reserved-name", "schema-version", "backup-runs"}
    assert len(codes) > 30
    assert not sorted((set(codes) | met) - programs - set(CODES))
    for code, (english, chinese) in CODES.items():
        assert english.endswith("."), code
        assert chinese.endswith("。"), code
        assert _HAN.search(chinese), code
        assert not _HAN.search(english), code


def test_every_message_of_the_table_is_one_that_is_raised() -> None:
    raised = {message for _, _, message in _raised()}
    stale = [said for said in SAID if _FACT.sub("{}", said) not in raised]
    assert not stale


def test_every_message_a_person_meets_at_a_form_is_in_the_table() -> None:
    known = {_FACT.sub("{}", said) for said in SAID}
    lacking = {
        (file, message)
        for file, _, message in _raised()
        if file in _MET and message and message not in known and message not in _PROGRAMS
    }
    assert not sorted(lacking)


@pytest.mark.parametrize("english", sorted(SAID))
def test_both_languages_of_a_message_have_the_same_facts(english: str) -> None:
    named = set(_FACT.findall(english))
    assert set(_FACT.findall(SAID[english])) <= named
    # `kind` of a record stands in no Chinese sentence: its name says it.
    assert named - set(_FACT.findall(SAID[english])) <= {"{kind}", "{what}"}
    facts = {each[1:-1]: f"f{n}" for n, each in enumerate(sorted(named))}
    facts |= {"type": "number"} if "type" in facts else {}
    said = refusal("invalid-input", english.format(**facts), "zh")
    assert _HAN.search(said.text)
    assert said.more == ""


def test_the_file_row_and_column_of_a_refusal_stand_in_the_chinese_sentence() -> None:
    message = "gauges.csv: row 12, column 'depth': '3,5' is no number"
    said = refusal("malformed", message, "zh")
    assert said.text == "gauges.csv：第 12 行、列“depth”：“3,5”不是数值。"
    comma = refusal("malformed", message + ": write days as 2020-05-31", "zh")
    assert comma.text.endswith("不是数值，请写作 2020-05-31。")
    unknown = refusal("malformed", "gauges.csv: row 12, column 'depth': burnt", "zh")
    assert unknown.text == (
        "文件已损坏、不完整，或不符合其格式（gauges.csv，第 12 行，列“depth”）。"
    )
    assert unknown.more == "gauges.csv: row 12, column 'depth': burnt"


def test_what_a_draft_lacks_is_told_in_chinese_for_each_standard() -> None:
    said = refusal(
        "incomplete",
        "the draft is not complete: attach a file (STAC 1.1, Earth Commons);"
        " name who made the data (DataCite 4.6)",
        "zh",
    )
    assert said.text == (
        "草稿尚不完整：请附上文件（STAC 1.1, Earth Commons）；请列出数据作者（DataCite 4.6）。"
    )
    units = refusal("incomplete", "a.csv: declare licence, unit of depth", "zh")
    assert units.text == "a.csv：请声明：许可协议、depth 的单位。"


def test_english_is_told_as_it_was_raised() -> None:
    said = refusal_of(InvalidInputError("say why"), "en")
    assert (said.text, said.more) == ("say why", "")
    wide = refusal_of(NotFoundError("nobody expects this"), "en")
    assert (wide.text, wide.more) == ("nobody expects this", "")


@given(st.sampled_from(sorted(CODES)), st.text(max_size=60))
def test_no_message_is_lost_and_none_is_told_in_english_alone(code: str, message: str) -> None:
    chinese, english = (refusal(code, message, lang) for lang in ("zh", "en"))
    assert _HAN.search(chinese.text)
    assert message in (chinese.more, chinese.text) or not chinese.more
    assert message in (english.text, english.more)


def test_a_problem_document_is_told_in_the_language_asked_for(tmp_path: Path) -> None:
    node = community(tmp_path)
    app = create_app(node)
    mei = Person(node, "mei", app)
    asked = {"accept-language": "zh"}
    body = {"collection": "../up", "item": "a"}
    chinese = mei.http.post("/api/drafts", json=body, headers=asked).json()
    english = mei.http.post("/api/drafts", json=body).json()
    assert chinese["type"] == english["type"] == "urn:earthcommons:problem:bad-id"
    assert _HAN.search(chinese["detail"])
    assert "“../up”" in chinese["detail"]
    assert not _HAN.search(english["detail"])
    page = mei.open("/zh/nowhere", 404)
    assert "没有此页面" in page.text
    assert "there is no page" not in page.text
    for address in ("/zh/data?year=x", "/zh/data?bbox=1,2", "/zh/data?nothing=1"):
        assert _HAN.search(mei.open(address, 400).text.split("发生了什么：")[1][:10])
    node.catalog.close()
