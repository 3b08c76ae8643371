"""The Equal Earth projection and the world choropleth drawn with it."""

import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box

from earthcommons.errors import InvalidInputError
from earthcommons.render.equal_earth import equal_earth
from earthcommons.render.map_legend import wrap
from earthcommons.render.ramps import Legend
from earthcommons.render.world_map import DISCLAIMER, MapRegion, WorldMap, world_map_svg

SVG = "{http://www.w3.org/2000/svg}"
LEGEND = Legend(
    "degC", (0.0, 1.0, 2.0), ("#fddbc7", "#b2182b"), 2, {"en": "Warming", "zh": "升温"}
)


def region(name: str, west: float = 0, value: float | None = 1.5, **more: object) -> MapRegion:
    texts = {"en": name, "zh": f"地区{name}"}
    return MapRegion(name, texts, box(west, 0, west + 20, 20), value, **more)  # type: ignore[arg-type]


def picture(*regions: MapRegion, **more: object) -> WorldMap:
    return WorldMap({"en": "T"}, {"en": "D"}, regions, LEGEND, **more)  # type: ignore[arg-type]


def test_equal_earth_gives_the_values_of_the_formula_worked_by_hand() -> None:
    # On the equator theta is 0: x = 2 sqrt(3) lon / (3 * 1.340264). At the pole theta is 60°.
    x, y = equal_earth([0.0, 180.0, 0.0, 180.0], [0.0, 0.0, 90.0, 90.0])
    np.testing.assert_allclose(x, [0, 2 * math.sqrt(3) * math.pi / 4.020792, 0, 1.6035886483])
    np.testing.assert_allclose(x[1], 2.7066299837)
    np.testing.assert_allclose(y, [0, 0, 1.3173627592, 1.3173627592], rtol=1e-9)


@given(st.floats(-179, 178), st.floats(-88, 87))
def test_small_squares_keep_their_true_area_everywhere(lon: float, lat: float) -> None:
    h = 1e-4
    x, y = equal_earth([lon, lon + h, lon + h, lon], [lat, lat, lat + h, lat + h])
    drawn = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    r = math.radians
    true = r(h) * (math.sin(r(lat + h)) - math.sin(r(lat)))
    assert drawn == pytest.approx(true, rel=2e-3)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_projection_mirrors_about_both_axes(lon: float, lat: float) -> None:
    x, y = equal_earth(lon, lat)
    mirrored = equal_earth(-lon, -lat)
    np.testing.assert_allclose(mirrored, (-x, -y), atol=1e-12)


@pytest.mark.parametrize(("lon", "lat"), [(181.0, 0.0), (0.0, 91.0), (math.nan, 0.0)])
def test_coordinates_that_are_not_degrees_are_refused(lon: float, lat: float) -> None:
    with pytest.raises(InvalidInputError, match="longitudes"):
        equal_earth(lon, lat)


def test_value_missing_and_withheld_are_drawn_differently() -> None:
    text = world_map_svg(
        picture(region("a"), region("b", 30, None), region("c", 60, withheld=True)), "en"
    )
    shapes = {e.get("data-region"): e for e in ET.fromstring(text).iter(f"{SVG}path")}  # noqa: S314
    assert shapes["a"].get("fill") == "#b2182b"
    assert shapes["b"].get("fill") == "url(#ec-hatch)"
    assert shapes["c"].get("stroke-dasharray") is not None
    said = [shapes[key].findtext(f"{SVG}title") for key in "abc"]
    assert said == ["a: 1.5\u2009°C", "b: not observed", "c: withheld"]


def test_legend_names_only_states_the_map_shows_and_carries_unit_and_n() -> None:
    plain = world_map_svg(picture(region("a")), "en")
    assert "Warming (°C) · n = 2" in plain
    assert "not observed" not in plain
    assert DISCLAIMER["en"][:40] in plain
    line = LineString([(0, 0), (30, 10)])
    chinese = world_map_svg(picture(region("a", value=None), disputed_lines=(line,)), "zh")
    for words in ("升温（°C） · n = 2", "无观测", "有争议", DISCLAIMER["zh"]):
        assert words in chinese
    assert re.search(r'<path d="M[^"]*" fill="none"[^>]*stroke-dasharray="28 18"', chinese)


def test_a_state_too_small_to_see_is_drawn_as_a_dot() -> None:
    islet = MapRegion("i", {"en": "Islet"}, box(6.6, 0.2, 6.7, 0.3), 0.5)
    circles = list(ET.fromstring(world_map_svg(picture(islet), "en")).iter(f"{SVG}circle"))  # noqa: S314
    assert [c.get("data-region") for c in circles] == ["i"]


def test_names_cannot_break_out_of_the_document() -> None:
    evil = MapRegion('"><script>', {"en": "</title><script>x&"}, box(0, 0, 20, 20), 1.0)
    text = world_map_svg(picture(evil, highlight='"'), "en")
    assert "<script" not in text
    ET.fromstring(text)  # noqa: S314


def test_links_that_leave_the_host_are_refused() -> None:
    assert 'href="/en/places/a"' in world_map_svg(
        picture(region("a", href="/en/places/a")), "en"
    )
    for href in ("https://x.example", "//x.example", "/\\x.example", "javascript:x"):
        with pytest.raises(InvalidInputError, match="leaves this host"):
            world_map_svg(picture(region("a", href=href)), "en")


def test_an_empty_map_or_a_region_twice_is_refused() -> None:
    for regions in ((), (region("a"), region("a"))):
        with pytest.raises(InvalidInputError, match="distinct"):
            world_map_svg(picture(*regions), "en")
    with pytest.raises(InvalidInputError, match="empty"):
        world_map_svg(picture(MapRegion("e", {"en": "E"}, Polygon(), 1.0)), "en")


@given(st.text(alphabet="ab ，。边界", max_size=80))
def test_wrapping_keeps_every_sign_and_no_line_is_too_long(text: str) -> None:
    lines = wrap(text, 24)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line.startswith(("，", "。")) for line in lines[1:])
