"""One number of every indicator, followed from its value to the provider's file and back."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.commons.capsules import recompute

from earthcommons.cube import asset_key
from earthcommons.indicators import INDICATOR_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.conftest import Place

ONE_OF_EACH: dict[str, tuple[str, str, dict[str, str]]] = {
    "tree-cover": ("BRA", "2008", {"measure": "level"}),
    "green-cover-by-elevation": ("IND", "2008", {"elevation": "3500-4500"}),
    "land-use": ("BRA", "2005", {"measure": "area", "use": "cropland"}),
    "warming": ("m49:202", "2036/2066", {"measure": "change", "scenario": "ssp126"}),
    "night-lights": ("KEN", "2020/2024", {"measure": "change-newly-lit"}),
    "land-cover-share": ("STP", "2020", {"class": "trees", "measure": "share"}),
    "sst-anomaly": ("ec:ocean", "2016-01", {"measure": "anomaly"}),
    "sea-ice-extent": ("ec:arctic", "2012-09", {"measure": "anomaly"}),
    "lake-ice-duration": ("ec:lake-mendota", "1851/1860", {"measure": "mean"}),
    "stream-nitrate": ("ec:quebrada-sonadora", "1991-03", {"measure": "monthly-median"}),
    "trout-abundance": (
        "ec:mack-creek", "2019",
        {"measure": "condition", "species": "cutthroat-trout", "treatment": "clear-cut"},
    ),
}  # fmt: skip


def observation(place: Place, key: str) -> str:
    region, period, dims = ONE_OF_EACH[key]
    row = place.one(key, region, period, **dims)
    assert row["value"] is not None, row
    return str(row["id"])


@pytest.mark.parametrize("key", INDICATOR_KEYS)
def test_a_number_is_traced_verified_twice_and_recomputed_without_the_platform(
    demo: Place, tmp_path: Path, key: str
) -> None:
    id_ = observation(demo, key)
    traced = demo.cli("trace", id_, "--json").json()
    assert traced == demo.get(f"/api/observations/{id_}/trace")
    assert set(traced) == {
        "observation", "run", "method", "parameters", "inputs", "regions", "recalls",
    }  # fmt: skip
    assert traced["inputs"]
    for used in traced["inputs"]:
        assert len(used["sha256"]) == len(used["received_sha256"]) == 64
        assert used["licence"]
        assert used["attribution"]
        assert all(file["name"] and file["source"] for file in used["providers_files"])
        assert used["providers_files"]
        assert demo.node.catalog.has_asset(used["href"])
    ours = demo.cli("verify", id_, "--json")
    assert (ours.code, ours.json()["agrees"], ours.json()["difference"]) == (0, True, 0.0)
    assert ours.json()["inputs_checked"] == len(traced["inputs"])
    second = demo.cli("verify", id_, "--independent", "--json")
    assert (second.code, second.json()["agrees"]) == (0, True)
    assert second.json()["route"] != ours.json()["route"]
    recomputed(demo, id_, tmp_path)


def recomputed(demo: Place, id_: str, folder: Path) -> None:
    file = folder / "capsule.zip"
    assert demo.cli("export", id_, "--capsule", file).code == 0
    served = demo.http.get(f"/api/observations/{id_}/capsule")
    assert served.content == file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    ended = recompute(folder)
    assert (ended.returncode, ended.stdout.splitlines()[-1:]) == (0, ["agrees"]), ended


def test_one_flipped_byte_of_an_input_stops_verify_and_scrub_with_exit_code_6(
    copied: Place, flip: Callable[[Path], None]
) -> None:
    id_ = observation(copied, "trout-abundance")
    other = observation(copied, "lake-ice-duration")
    used = copied.cli("trace", id_, "--json").json()["inputs"][0]
    item = copied.node.catalog.get("item", used["item"])
    key = asset_key(item, used["asset"])
    flip(copied.node.store.path(key))
    ended = copied.cli("verify", id_)
    assert ended.code == 6
    assert f"{key}: expected digest {used['sha256']}" in ended.err
    assert ended.err.rstrip().endswith("[asset-corrupt]")
    scrubbed = copied.cli("scrub")
    assert scrubbed.code == 6
    assert "1 damaged" in scrubbed.out
    assert copied.http.post(f"/api/observations/{id_}/verify").status_code == 502
    assert copied.cli("verify", other).code == 0


def test_a_flipped_byte_of_a_record_is_found_by_rebuild(
    copied: Place, flip: Callable[[Path], None]
) -> None:
    key = next(iter(copied.node.store.all_keys(".record")))
    flip(copied.node.store.path(key))
    copied.node.catalog.close()
    ended = copied.cli("rebuild")
    assert ended.code == 6
    assert key in ended.err
    assert copied.get("/health")["status"] == "ok"
