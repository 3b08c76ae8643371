"""Items as stac-geoparquet: what readers of others take, and what no column holds is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import shapely
from tests.commons.stories.test_bulk import item, lines, node_at

from earthcommons.catalog import ItemQuery
from earthcommons.commons.stories.bulk import export_items, import_items
from earthcommons.commons.stories.geoparquet import read_items
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node

pytestmark = pytest.mark.usefixtures("as_operator")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return node_at(tmp_path / "node")


@pytest.mark.filterwarnings("ignore::Warning")
def test_the_package_stac_geoparquet_reads_what_is_exported_and_writes_what_is_imported(
    node: Node, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq
    import stac_geoparquet.arrow as judge

    source = [item(n, gsd=10, title=f"t{n}") for n in range(4)]
    import_items(node, lines(tmp_path / "a.ndjson", source))
    export_items(node, tmp_path / "out.parquet", ItemQuery())
    table = pq.read_table(tmp_path / "out.parquet")
    found = {one["id"]: one for one in judge.stac_table_to_items(table)}
    for one in source:
        theirs = found[one["id"]]
        assert theirs["properties"]["title"] == one["properties"]["title"]
        assert theirs["bbox"] == one["bbox"]
        assert shapely.equals(
            shapely.from_geojson(orjson.dumps(theirs["geometry"])),
            shapely.from_geojson(orjson.dumps(one["geometry"])),
        )
    judge.to_parquet(judge.parse_stac_items_to_arrow(source), tmp_path / "theirs.parquet")
    assert [one["id"] for one in read_items(tmp_path / "theirs.parquet")] == [
        one["id"] for one in source
    ]
    assert import_items(node, tmp_path / "theirs.parquet", collection="d").added == 4


def test_values_of_several_kinds_are_refused_by_the_columns_and_the_items_name(
    node: Node, tmp_path: Path
) -> None:
    # Newest first: i00003 is of 2013, i00001 of 2011.
    source = [item(1, odd="x"), *(item(n, odd=n) for n in range(2, 9))]
    import_items(node, lines(tmp_path / "a.ndjson", source))
    with pytest.raises(InvalidInputError, match=r"'odd' .*'c/i00001'") as refused:
        export_items(node, tmp_path / "out.parquet", ItemQuery())
    assert refused.value.code == "mixed-types"
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("properties", "more", "code", "said"),
    [
        ({"expires": "never"}, {}, "mixed-types", "'expires' of item 'i00001' is 'never'"),
        ({"collection": "x"}, {}, "reserved-name", "'collection' of item 'i00001'"),
        ({"links": [1]}, {}, "reserved-name", "'links' of item"),
        ({"foo": 1}, {"foo": 2}, "reserved-name", "'foo' of item"),
    ],
)
def test_what_no_column_holds_is_refused_and_not_left_out(
    node: Node, tmp_path: Path, properties: dict[str, Any], more: Any, code: str, said: str
) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(1, **properties) | more]))
    with pytest.raises(InvalidInputError, match=said) as refused:
        export_items(node, tmp_path / "out.parquet", ItemQuery())
    assert refused.value.code == code


def test_a_property_of_one_item_is_not_a_member_of_another(node: Node, tmp_path: Path) -> None:
    source = [item(1) | {"foo": 2}, item(2, foo=1)]
    import_items(node, lines(tmp_path / "a.ndjson", source))
    with pytest.raises(InvalidInputError, match="'foo'"):
        export_items(node, tmp_path / "out.parquet", ItemQuery())


@pytest.mark.parametrize("value", [{}, {"a": {}, "b": 1}, [{}], [[{}], []], {"a": [{}]}])
def test_an_object_without_members_goes_out_and_comes_back(
    node: Node, tmp_path: Path, value: Any
) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(1, x=value), item(2)]))
    export_items(node, tmp_path / "out.parquet", ItemQuery())
    back = {one["id"]: one["properties"] for one in read_items(tmp_path / "out.parquet")}
    assert back["i00001"]["x"] == value
    assert "x" not in back["i00002"]


def test_heights_and_boxes_are_written_as_geoparquet_asks(node: Node, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    high = item(1) | {
        "geometry": {"type": "Point", "coordinates": [1, 2, 3]},
        "bbox": [1, 2, 3, 1, 2, 3],
    }
    import_items(node, lines(tmp_path / "a.ndjson", [high, item(2)]))
    export_items(node, tmp_path / "out.parquet", ItemQuery())
    table = pq.read_table(tmp_path / "out.parquet")
    # Newest first: i00002, then the point: little-endian, 1001 (ISO) and not 0x80000001.
    assert table["geometry"][1].as_py()[:5].hex() == "01e9030000"
    names = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")
    assert table.schema.field("bbox").type == pa.struct([(n, pa.float64()) for n in names])
    back = {one["id"]: one for one in read_items(tmp_path / "out.parquet")}
    assert (back["i00001"]["bbox"], back["i00001"]["geometry"]) == (
        high["bbox"], high["geometry"],
    )  # fmt: skip
    assert back["i00002"]["bbox"] == item(2)["bbox"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_readers_leave_out_no_item_that_lies_across_180_degrees(
    node: Node, tmp_path: Path, wrapped: bool
) -> None:
    geopandas = pytest.importorskip("geopandas")

    source = [item(1)]
    if wrapped:
        halves = [shapely.box(170, 0, 180, 5), shapely.box(-180, 0, -170, 5)]
        shape = orjson.loads(shapely.to_geojson(shapely.MultiPolygon(halves)))
        source.append(item(2) | {"geometry": shape, "bbox": [170, 0, -170, 5]})
    import_items(node, lines(tmp_path / "a.ndjson", source))
    export_items(node, tmp_path / "out.parquet", ItemQuery())
    if wrapped:
        # Refused by the reader, where it would have found nothing.
        with pytest.raises(ValueError, match="bbox"):
            geopandas.read_parquet(tmp_path / "out.parquet", bbox=(172, 1, 173, 2))
    else:
        west = item(1)["bbox"][0]
        found = geopandas.read_parquet(tmp_path / "out.parquet", bbox=(west, 1, west + 1, 2))
        assert list(found["id"]) == ["i00001"]


BOX = {"xmin": 1.0, "ymin": 2.0, "xmax": 1.0, "ymax": 2.0}


def foreign(path: Path, metadata: dict[str, str] | None = None, **columns: Any) -> Path:
    """Write a row as a partner's program may."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = {
        "id": ["a"], "type": ["Feature"], "stac_version": ["1.1.0"], "collection": ["c"],
        "geometry": [shapely.to_wkb(shapely.Point(1, 2))], "bbox": [BOX],
        "datetime": [datetime(2020, 1, 1, tzinfo=UTC)],
    }  # fmt: skip
    table = pa.table(plain | columns)
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


@pytest.mark.parametrize(
    "columns",
    [
        {"geometry": [b"\x01\x02garbage"]},
        {"geometry": [b""]},
        {"geometry": [bytes.fromhex("010800000000000000")]},
        {"bbox": [{**BOX, "z": 1.0}]},
        {"bbox": [{**BOX, "xmin": None}]},
        {"x": [b"\xff"]},
    ],
)
def test_a_row_that_makes_no_item_is_refused_by_its_number(
    node: Node, tmp_path: Path, columns: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match="line 1: ") as refused:
        import_items(node, foreign(tmp_path / "a.parquet", **columns))
    assert refused.value.code == "bad-line"
    assert node.catalog.count("item") == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("earthcommons:members", "{", "metadata"),
        ("earthcommons:members", "5", "metadata"),
        ("geo", "[]", "metadata"),
        ("geo", '{"columns":{"geometry":{"crs":{"id":{"authority":"EPSG","code":3857}}}}}',
         "coordinates in EPSG:3857"),
    ],
)  # fmt: skip
def test_a_file_that_says_of_itself_what_cannot_be_is_refused(
    node: Node, tmp_path: Path, name: str, value: str, said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        import_items(node, foreign(tmp_path / "a.parquet", {name: value}))
    assert refused.value.code == "malformed"


def test_longitude_and_latitude_by_any_of_their_names_are_taken(
    node: Node, tmp_path: Path
) -> None:
    geo = '{"columns":{"geometry":{"crs":{"id":{"authority":"EPSG","code":4326}}}}}'
    assert import_items(node, foreign(tmp_path / "a.parquet", {"geo": geo})).added == 1


def test_a_damaged_page_is_told_as_that(node: Node, tmp_path: Path) -> None:
    place = foreign(tmp_path / "a.parquet")
    data = bytearray(place.read_bytes())
    data[10:60] = b"\xff" * 50
    place.write_bytes(data)
    with pytest.raises(InvalidInputError, match="damaged") as refused:
        import_items(node, place)
    assert refused.value.code == "malformed"


def test_a_time_without_a_zone_is_no_local_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = foreign(tmp_path / "a.parquet", datetime=[datetime(2020, 1, 1)])  # noqa: DTZ001
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        (one,) = read_items(place)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert one["properties"]["datetime"] == "2020-01-01T00:00:00Z"


def test_without_boxes_no_column_of_boxes_is_named(node: Node, tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")

    bare = {k: v for k, v in item(1).items() if k != "bbox"} | {"geometry": None}
    import_items(node, lines(tmp_path / "a.ndjson", [bare]))
    export_items(node, tmp_path / "out.parquet", ItemQuery())
    assert len(geopandas.read_parquet(tmp_path / "out.parquet")) == 1
