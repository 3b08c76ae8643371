"""An evidence capsule: one zip that recomputes a number without the platform."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.computing import workbench
from earthcommons.commons.stories.tracing import trace, trace_lines
from earthcommons.errors import AccessDeniedError, InvalidInputError
from earthcommons.model.canonical import digest_of
from earthcommons.model.observation import Observation

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.indicators.workbench import Cells
    from earthcommons.model.party import Party

__all__ = ["capsule"]

_SCRIPT = '''

def main():
    """Recompute the value of observation.json from the tables beside this file."""
    import csv
    import hashlib
    import json
    import sys
    from pathlib import Path

    here = Path(__file__).parent
    for line in (here / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        if hashlib.sha256((here / name).read_bytes()).hexdigest() != digest:
            sys.exit(f"{name}: the bytes are not those of the capsule")
    recipe = json.loads((here / "formula.json").read_text(encoding="utf-8"))
    tables = {}
    for name in recipe["tables"]:
        with (here / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    stored = json.loads((here / "observation.json").read_text(encoding="utf-8"))
    computed = evaluate(recipe["formula"], tables)
    difference = abs(computed - stored["value"])
    agrees = difference <= 1e-9 * max(1.0, abs(stored["value"]))
    print(f"stored    {stored['value']!r} {stored['unit']}")
    print(f"computed  {computed!r} {stored['unit']}")
    print("agrees" if agrees else f"DIFFERS by {difference!r}")
    sys.exit(0 if agrees else 6)


if __name__ == "__main__":
    main()
'''


def capsule(node: Node, observation_id: str, party: Party | None = None) -> bytes:
    """Return a zip with the cells, weights and values of an observation and a script over them.

    The script uses Python's standard library only. The same observation gives the same bytes.

    Raises:
        NotFoundError: no visible observation has that id.
        InvalidInputError: it has no value, or its indicator declares no cells.
        AccessDeniedError: the party may not fetch an input, whose cells the capsule would hold.
    """
    found = trace(node, observation_id, party)
    closed = [ref for ref in found["inputs"] if not ref["href"]]
    if closed:
        raise AccessDeniedError(
            f"{len(closed)} of {len(found['inputs'])} inputs are not open to you, and a capsule"
            " holds their cells; the number can still be verified here"
        )
    observation = Observation.from_json(found["observation"])
    bench = workbench(node, observation.indicator)
    if observation.value is None:
        raise InvalidInputError(f"there is no value to recompute: {observation.reason}")
    if bench.indicator.cells is None:
        raise InvalidInputError(f"{observation.indicator} declares no cells")
    cells: Cells = bench.indicator.cells(bench, found["parameters"], observation)
    script = files("earthcommons.kernels").joinpath("formula.py").read_text(encoding="utf-8")
    members = {
        "README.txt": _readme(found, cells),
        "observation.json": _json(found["observation"]),
        "trace.json": _json(found),
        "formula.json": _json({"formula": cells.formula, "tables": sorted(cells.tables)}),
        "recompute.py": (script + _SCRIPT).encode(),
        **{f"{name}.csv": _csv(rows) for name, rows in cells.tables.items()},
    }
    sums = "".join(f"{digest_of(data)}  {name}\n" for name, data in sorted(members.items()))
    return _zip(members | {"SHA256SUMS": sums.encode()})


def _readme(found: dict[str, Any], cells: Cells) -> bytes:
    lines = [
        "Evidence capsule of one number. Run:  python3 recompute.py",
        "一个数值的证据包。运行：python3 recompute.py",
        "",
        *(f"{head}: {text}" for head, text in trace_lines(found, "en")),
        "",
        *(f"{head}：{text}" for head, text in trace_lines(found, "zh")),
        "",
        f"Last step: {cells.explanation['en']}.",
        f"最后一步：{cells.explanation['zh']}。",
        "",
        f"Attribution: {'; '.join(sorted({ref['attribution'] for ref in found['inputs']}))}",
        "",
    ]
    return "\n".join(lines).encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _csv(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    names = list(rows[0]) if rows else ["value"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {k: repr(v) if isinstance(v, float) else v for k, v in row.items()} for row in rows
    )
    return text.getvalue().encode()


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(members.items()):
            # A fixed date: the capsule says nothing about when it was written.
            archive.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()
