"""A dataset's whole life from the command line alone: who may, does; who may not, is told."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.cli.conftest import Ended, run_cli
from tests.files import snow

if TYPE_CHECKING:
    from pathlib import Path

METADATA = """
title = { en = "Snow depth", zh = "雪深" }
description = { en = "Depth of snow.", zh = "雪的深度。" }
period = "2015-11/2016-03"
licence = "CC-BY-4.0"
attribution = "Snow Survey"
nature = "observation"
derivation = "Weekly soundings."
[[variable]]
name = "depth"
unit = "cm"
[[creator]]
name = "Mei Wang"
family = "Wang"
given = "Mei"
"""


def test_a_dataset_is_submitted_reviewed_restricted_versioned_cited_recalled_and_retired(
    tmp_path: Path,
) -> None:
    node = tmp_path / "node"
    (tmp_path / "m.toml").write_text(METADATA, encoding="utf-8")

    def run(*words: object, code: int = 0, as_: str = "") -> Ended:
        who = ("--as", as_) if as_ else ()
        ended = run_cli(*who, *words, "--node", node)
        assert ended.code == code, (words, ended.out, ended.err)
        return ended

    run_cli("init", node)
    run("group", "add", "hydro", "--title", "Hydrology")
    for name, role in (("mei", "contributor"), ("sam", "reviewer"), ("zhu", "steward")):
        run("account", "add", name, "--name", name.title())
        run("account", "grant", name, f"{role}:hydro")
    run("account", "add", "eve", "--name", "Eve")

    # Submit and review.
    winter = snow(tmp_path / "snow.tif", 0)
    begun = run(
        "draft", "start", "snow/s2015", winter, "--metadata", tmp_path / "m.toml", "--group",
        "hydro", "--json", as_="mei",
    ).json()  # fmt: skip
    assert [lack for lack in begun["lacks"] if lack["level"] == "required"] == []
    run("draft", "submit", begun["id"], as_="mei")
    refused = run("draft", "accept", begun["id"], as_="mei", code=5)
    assert "may not review" in refused.err
    run("draft", "show", begun["id"], as_="eve", code=3)
    shown = run("draft", "show", begun["id"], as_="sam").out
    assert "seen        geotiff · EPSG:" in shown
    assert "description en: " in shown
    run("draft", "comment", begun["id"], "--text", "Fine.", as_="sam")
    assert "published" in run("draft", "accept", begun["id"], as_="sam").out

    # Restrict: seen by nobody but staff, then found by all with its bytes for one group.
    run("access", "set", "snow", "--find", "group:basin", as_="sam", code=5)
    run("access", "set", "snow", "--find", "steward", "--why", "Under check.", as_="zhu")
    run("show", "snow/s2015", as_="eve", code=3)
    assert run("search", "--json", as_="public").json() == []
    assert len(run("search", "--json", as_="zhu").json()) == 1
    run("access", "set", "snow", "--fetch", "licence:cc-by-nc-4.0", as_="zhu")
    seen = run("show", "snow/s2015", as_="eve").json()
    assert seen["ec:withheld"]["data"] == ["licence:cc-by-nc-4.0"]

    # A new version, and how to cite the first.
    again = run(
        "draft", "start", "snow/s2015", snow(tmp_path / "snow2.tif", 5), "--metadata",
        tmp_path / "m.toml", "--replaces", "--json", as_="mei",
    ).json()  # fmt: skip
    run("draft", "submit", again["id"], as_="mei")
    run("draft", "accept", again["id"], as_="sam")
    listed = run("versions", "snow/s2015", "--json").json()["versions"]
    assert [v["state"] for v in listed] == ["past", "current"]
    said = run("cite", "snow/s2015", "--style", "csl", "--version", 1).json()
    assert (said[0]["version"], said[0]["author"]) == (
        "1",
        [{"family": "Wang", "given": "Mei"}],
    )
    assert listed[0]["digest"] in said[0]["note"]
    assert "set base_url in node.toml" in run("cite", "snow/s2015").err

    # Something is wrong: a notice, a recall, the end.
    run("erratum", "snow/s2015", "--text", "Two gauges were swapped.", as_="zhu")
    run("recall", "snow/s2015", "--reason", "Two gauges were swapped.", as_="eve", code=5)
    nothing = run("recall", "snow/s2015", "--dry-run", as_="zhu")
    assert nothing.out == "nothing published that you may see rests on it\n"
    recalled = run(
        "recall", "snow/s2015", "--reason", "Two gauges were swapped.", "--json", as_="zhu"
    ).json()
    assert recalled["about"]["state"] == "corrected"
    assert run("recall", "show", recalled["id"], "--json").json() == recalled
    told = f"recalled by {recalled['id']} {recalled['made']} (version 2): Two gauges"
    assert told in run("versions", "snow/s2015").out
    run("withdraw", "snow/s2015", "--reason", "retired", "--note", "See 2016.", as_="zhu")
    gone = run("show", "snow/s2015", as_="eve", code=3)
    assert "was withdrawn (" in gone.err
    assert "; retired; See 2016.)" in gone.err
    twice = run("withdraw", "snow/s2015", "--reason", "error", as_="zhu", code=3)
    assert re.search(r"was withdrawn \(\d{4}-\d\d-\d\d; retired; See 2016\.\)", twice.err)
    run("erratum", "snow/s2015", "--text", "Late.", as_="zhu", code=3)
    assert run("search", "--json", as_="zhu").json() == []
    notes = run("versions", "snow/s2015", "--json").json()
    assert [v["state"] for v in notes["versions"]] == ["past", "past", "withdrawn"]
    assert [each["id"] for each in notes["recalled"]] == [recalled["id"]]
    assert notes["errata"][0]["text"]["en"] == "Two gauges were swapped."

    # Who did what is in the log, and the log is whole.
    log = run("audit", "log", "--json").json()
    assert [line["who"] for line in log if line["action"] == "access-set"] == ["zhu", "zhu"]
    assert {"draft-published", "erratum", "recall", "withdraw"} <= {x["action"] for x in log}
    head = run("audit", "verify").out.split("head ")[1].strip()
    assert run("audit", "verify", "--head", head).code == 0
    assert json.dumps(log)
