"""Where a number comes from: from the value back to the provider's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.marks import may_know, recalls_of
from earthcommons.errors import GoneError, NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["trace", "trace_lines", "without_closed_inputs"]


def trace(node: Node, observation_id: str, party: Party | None = None) -> dict[str, Any]:
    """Return the evidence of one observation, each part as it is stored.

    Raises:
        NotFoundError: no visible observation has that id.
    """
    observation = node.catalog.observation(observation_id, party)
    run = node.catalog.get("run", observation["run"], party)
    indicator = find_indicator(observation["indicator"])
    inputs = [_input(node, ref, party) for ref in run["inputs"]]
    return {
        "observation": observation,
        "run": {key: run[key] for key in ("id", "code_version", "output")},
        "method": {
            "id": run["method"],
            "version": run["method_version"],
            "title": indicator.title.as_json(),
            "nature": indicator.nature,
            "not_said": indicator.not_said.as_json(),
            "source": indicator.source,
            "independent_route": indicator.independent_route,
        },
        "parameters": run["parameters"],
        "inputs": inputs,
        "regions": run["regions"],
        "recalls": recalls_of(node, "run", run["id"]),
    }


def _input(node: Node, ref: dict[str, Any], party: Party | None) -> dict[str, Any]:
    """Return what the party may know of an input: all, all but its bytes, or its digest alone."""
    try:
        item = node.catalog.get("item", ref["item"], party)
    except NotFoundError as error:
        # The steward released what is computed from it, not what it is; or it was withdrawn.
        gone = isinstance(error, GoneError)
        return {
            **dict.fromkeys(("item", "href", "licence", "attribution", "derivation"), ""),
            "asset": ref["asset"],
            "sha256": ref["sha256"],
            "title": "withdrawn since" if gone else "withheld by its owner",
            "title_zh": "其后已撤回" if gone else "由其所有者限制访问",
            "received_sha256": "",
            "providers_files": [],
            "withheld": True,
        }
    assets = item["assets"]
    return {
        **ref,
        "title": item["properties"]["title"],
        "title_zh": item["properties"]["title_zh"],
        "href": assets.get(ref["asset"], {}).get("href", ""),
        "attribution": item["properties"]["ec:attribution"],
        "derivation": item["properties"].get("processing:lineage", ""),
        "received_sha256": assets.get("source", {}).get("file:checksum", "")[4:],
        "providers_files": item["properties"]["ec:providers_files"],
    }


def without_closed_inputs(node: Node, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a run with its closed inputs by digest alone; others as they are.

    What is computed can be open where what it was computed from is not.
    """
    if kind != "run":
        return body
    closed = {"item": "", "licence": ""}
    inputs = [
        ref if may_know(node, "item", ref["item"]) else {**ref, **closed}
        for ref in body.get("inputs", ())
    ]
    return {**body, "inputs": inputs}


def trace_lines(found: dict[str, Any], lang: str = "en") -> list[tuple[str, str]]:
    """Return the trace in six lines for people: (heading, text)."""
    from earthcommons.render.format import period_text, value_text
    from earthcommons.render.reasons import reason_text

    zh = lang.startswith("zh")
    row, method = found["observation"], found["method"]
    digits = find_indicator(row["indicator"]).digits
    value = (
        (
            f"未给出（{reason_text(row['reason'], lang)}）"
            if zh
            else f"not given ({row['reason']})"
        )
        if row["value"] is None
        else value_text(row["value"], row["unit"], digits, lang)
    )
    when = period_text(str(Period.parse(row["period"])), lang)
    parameters = "; ".join(f"{name} = {v}" for name, v in sorted(found["parameters"].items()))
    none = "无参数" if zh else "no parameters"
    named = "title_zh" if zh else "title"
    inputs = "; ".join(
        " · ".join(
            part
            for part in (ref[named], f"sha256 {ref['sha256'][:12]}…", ref["licence"])
            if part
        )
        for ref in found["inputs"]
    )
    files = "; ".join(
        f"{file['name']} · {file['source']} · sha256 {file['sha256'][:12]}…"
        for ref in found["inputs"]
        for file in ref["providers_files"]
    )
    absent = "（不在本样本包内）" if zh else " (not in this pack)"
    regions = found["regions"]
    heads = (
        ("数值", "方法", "输入数据", "区域集", "运行", "提供方文件")
        if zh
        else ("Value", "Method", "Inputs", "Regions", "Run", "Provider's file")
    )
    texts = (
        f"{value} · {row['region']} · {when}",
        (
            f"{method['title']['zh' if zh else 'en']} · {method['id']}@{method['version']} · "
            f"{parameters or none}"
        ),
        inputs,
        f"{regions['id']}@{regions['version']} · sha256 {regions['sha256'][:12]}…",
        f"{found['run']['id']} · earthcommons {found['run']['code_version']}",
        f"{files}{absent}",
    )
    return list(zip(heads, texts, strict=True))
