"""A dataset's whole life from the portal alone, by forms without scripts, refusals in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.files import snow
from tests.web.portal import Person, community

from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web import create_app

if TYPE_CHECKING:
    from pathlib import Path

FACTS: dict[str, Any] = {
    "title__en": "Snow depth", "title__zh": "雪深", "description__en": "Depth of snow.",
    "description__zh": "雪的深度。", "period": "2015-11/2016-03", "licence_choice": "CC-BY-4.0",
    "attribution": "Snow Survey", "nature": "observation", "derivation": "Weekly soundings.",
    "creators": "Wang, Mei\nSnow Survey", "unit__0": "cm", "keywords": "snow, 雪",
    "themes": ["inlandWaters"], "sdg": ["6", "13"],
}  # fmt: skip
AT = "/en/data/snow/s2015"


def test_a_dataset_is_submitted_reviewed_restricted_versioned_cited_recalled_and_retired(
    tmp_path: Path,
) -> None:
    node = community(tmp_path)
    app = create_app(node)
    mei, sam, zhu, eve = (Person(node, name, app) for name in ("mei", "sam", "zhu", "eve"))
    anybody = Person(node, "", app)

    # Who has no role is told what it takes; who is not signed in is sent to sign in.
    assert "Sign in" in anybody.open("/en/publish", 401).text
    assert "contributes to no group yet" in eve.open("/en/publish").text

    # A folder of mixed files: one draft, one refusal with its rule.
    page = mei.open("/en/publish")
    page = mei.send(
        page, "/publish", new_collection="snow", group="hydro",
        files=[("s2015.tif", snow(tmp_path / "a.tif").read_bytes()), ("notes.tif", b"II*\0junk")],
    )  # fmt: skip
    assert "Drafts begun: 1. Files refused: 1." in page.text
    draft = next(link for link in page.links if "/drafts/drf-" in link)

    # What is missing keeps it back, and what was entered stays in the form.
    page = mei.open(draft)
    assert "describe the data in two sentences" in page.text
    page = mei.send(
        page, draft, button=("then", "submit"), status=400, **(FACTS | {"title__en": ""})
    )
    assert 'lang="en" rows="4">Depth of snow.</textarea>' in page.html
    page = mei.send(page, draft, button=("then", "submit"), **FACTS)
    assert "The draft is with the reviewers." in page.text
    assert not [form for form in page.forms if form.action.endswith("/decision")]

    # Seen by author and reviewers alone; a reviewer speaks of a field and asks for changes.
    eve.open(draft, 404)
    anybody.open(draft, 401)
    page = sam.open("/en/drafts")
    assert page.text.index("To review") < page.text.index("Snow depth")
    page = sam.open(draft)
    assert "it can be submitted" not in page.text
    page = sam.send(page, "/comments", field="period", text="Which winter?")
    page = sam.send(page, "/decision", button=("decision", "changes"), text="Say which winter.")
    assert "changes asked for" in page.text
    page = mei.open(draft)
    assert "Which winter?" in page.text
    page = mei.send(
        page, draft, button=("then", "submit"), description__en="Depth of snow, winter 2015."
    )
    page = sam.send(sam.open(draft), "/decision", button=("decision", "accept"))
    assert "Accepted and published." in page.text
    assert "Depth of snow, winter 2015." in anybody.open(AT).text
    assert "雪深" in anybody.open("/zh/data/snow/s2015").text

    # Restrict: what the rule will mean is said before it holds.
    eve.open(f"{AT}/rule", 403)
    page = zhu.send(zhu.open(f"{AT}/rule"), "/rule", rule_find="steward", why="Under check.")
    assert "It may be found by staff only." in page.text
    assert anybody.open(AT).status == 200
    page = zhu.send(page, "/rule", button=("sure", "yes"))
    assert "The rule is in force." in page.text
    for person in (eve, anybody):
        person.open(AT, 404)
        assert "0 records match." in person.open("/en/data?q=snow").text
    assert "1 record matches." in zhu.open("/en/data?q=snow").text
    page = zhu.send(
        zhu.open(f"{AT}/rule"), "/rule", scope="collection", rule_find="open",
        rule_fetch="licence", rule_fetch_licence="cc-by-nc-4.0",
    )  # fmt: skip
    assert "every record of the collection (1 now)" in page.text
    zhu.send(page, "/rule", button=("sure", "yes"))
    zhu.send(
        zhu.send(zhu.open(f"{AT}/rule"), "/rule", rule_find="open"), "/rule",
        button=("sure", "yes"),
    )  # fmt: skip
    assert "withheld from you" in anybody.open(AT).text
    page = eve.open(AT)
    assert "who accepts CC-BY-NC-4.0" in page.text
    assert "/objects/" not in page.html
    page = eve.send(page, "/account/licences")
    assert "The licence is accepted" in page.text
    assert "/objects/" in page.html
    assert "EARTHCOMMONS_KEY" in page.html

    # A new version begins with what the present one says.
    eve_may_not = eve.http.post(f"{AT}/new-version")
    assert eve_may_not.status_code == 403
    page = mei.send(mei.open(AT), "/new-version")
    second = page.form("/comments").action.removesuffix("/comments")
    assert "replaces version" in page.text
    page = mei.send(
        page, "/files", files=[("s2015.tif", snow(tmp_path / "b.tif", 5).read_bytes())]
    )
    # The files are closed to contributors too, so their units are asked for again.
    mei.send(page, second, button=("then", "submit"), unit__0="cm")
    sam.send(sam.open(second), "/decision", button=("decision", "accept"))
    page = eve.open(f"{AT}?version=1")
    assert "You are reading version 1. The latest is version" in page.text
    said = eve.http.get(next(x for x in page.links if "style=csl" in x)).json()
    assert said[0]["version"] == "1"
    assert said[0]["author"][0] == {"family": "Wang", "given": "Mei"}

    # Something is wrong: a correction, a recall, the end.
    zhu.send(zhu.open(f"{AT}/erratum"), "/erratum", status=400, en="")
    zhu.send(
        zhu.open(f"{AT}/erratum"), "/erratum", en="Two gauges were swapped.", zh="两站互换。"
    )
    assert "Two gauges were swapped." in anybody.open(AT).text
    assert "两站互换。" in anybody.open("/zh/data/snow/s2015").text
    eve.open(f"{AT}/recall", 403)
    page = zhu.open(f"{AT}/recall")
    assert "Nothing published rests on it." in page.text
    page = zhu.send(page, "/recall", reason="Two gauges were swapped.")
    assert page.address.startswith("/en/recalls/rcl-")
    recall = page.address.partition("?")[0]
    assert "Two gauges were swapped." in anybody.open(recall).text
    assert "召回" in anybody.open(recall.replace("/en/", "/zh/")).text
    eve.open(f"{AT}/withdraw", 403)
    # A name that is none keeps what else stands in the form.
    page = zhu.send(
        zhu.open(f"{AT}/withdraw"), "/withdraw", status=400,
        reason="retired", note="See the winter of 2016.", successor="snow/s2061",
    )  # fmt: skip
    assert "what takes its place: there is no item 'snow/s2061'" in page.text
    assert "See the winter of 2016." in page.html
    page = zhu.send(
        zhu.open(f"{AT}/withdraw"),
        "/withdraw",
        reason="retired",
        note="See the winter of 2016.",
    )
    assert "This cannot be undone." in page.text
    page = zhu.send(page, "/withdraw", button=("sure", "yes"), status=410)
    assert "The record is withdrawn." in page.text
    page = anybody.open(AT, 410)
    assert "retired" in page.text
    assert "See the winter of 2016." in page.text
    assert recall in page.links
    assert "已撤回" in anybody.open("/zh/data/snow/s2015", 410).text
    assert "0 records match." in zhu.open("/en/data?q=snow").text

    # Who did what is in the log, and the log is whole.
    zhu.open("/en/audit", 403)
    page = Person(node, "root", app).open("/en/audit")
    assert "Verified now" in page.text
    with acting_as(OPERATOR):
        log = node.catalog.audit_log()
    assert [x.who for x in log if x.action == "access-set"] == ["zhu", "zhu", "zhu"]
    assert {"draft-published", "erratum", "recall", "withdraw"} <= {x.action for x in log}
