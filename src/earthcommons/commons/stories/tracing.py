"""Where a number comes from: from the value back to the provider's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.indicators import find_indicator
from earthcommons.model.party import PUBLIC, Party
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["trace", "trace_lines"]


def trace(node: Node, observation_id: str, party: Party = PUBLIC) -> dict[str, Any]:
    """Return the evidence of one observation, each part as it is stored.

    Raises:
        NotFoundError: no visible observation has that id.
    """
    observation = node.catalog.observation(observation_id, party)
    run = node.catalog.get("run", observation["run"], party)
    indicator = find_indicator(observation["indicator"])
    inputs = []
    for ref in run["inputs"]:
        item = node.catalog.get("item", ref["item"], party)
        asset = item["assets"][ref["asset"]]
        inputs.append(
            {
                **ref,
                "title": item["properties"]["title"],
                "title_zh": item["properties"]["title_zh"],
                "href": asset["href"],
                "attribution": item["properties"]["ec:attribution"],
                "derivation": item["properties"].get("processing:lineage", ""),
                "received_sha256": item["assets"]["source"]["file:checksum"][4:],
                "providers_files": item["properties"]["ec:providers_files"],
            }
        )
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
    }


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
        f"{ref[named]} · sha256 {ref['sha256'][:12]}… · {ref['licence']}"
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
