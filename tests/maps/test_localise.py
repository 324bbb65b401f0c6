"""A map page asks nobody outside for anything."""

from __future__ import annotations

import re
from pathlib import Path

import folium
import pytest

from dispatch.domain.errors import SourceError
from maps.base_map import BaseMap
from maps.localise import ASSETS, area_rings, localise
from maps.overview_map import overview_map
from tests.maps import cells, overview

NODE_MODULES = Path(__file__).parents[2] / "node_modules"


def test_folium_page_is_pointed_at_local_files_and_loses_what_is_not_needed() -> None:
    page = localise(folium.Map(tiles=None).get_root().render(), assets_url="/assets/")
    assert '<script src="/assets/leaflet/dist/leaflet.js"></script>' in page
    assert 'href="/assets/leaflet/dist/leaflet.css"' in page
    assert not re.search(r"bootstrap|awesome|glyphicons|cdn", page)


def test_every_linked_file_is_an_asset_that_npm_installed() -> None:
    page = overview_map(overview(), base=BaseMap.NONE, assets_url="/assets")
    linked = set(re.findall(r'(?:src|href)="/assets/([^"]+)"', page))
    assert linked
    assert linked <= set(ASSETS)
    if NODE_MODULES.is_dir():
        assert all((NODE_MODULES / path).is_file() for path in ASSETS.values())


@pytest.mark.parametrize(
    "part",
    [
        '<script src="https://d3js.example/d3.v4.min.js"></script>',
        '<link rel="stylesheet" href="http://a.example/x.css"/>',
        "<img alt='' src='//a.example/x.png'>",
        "<style>b{background:url(https://a.example/x.png)}</style>",
        "<style>@import 'https://a.example/x.css';</style>",
        '<b style="background:url(//a.example/x.woff2)"></b>',
        '<script>L.tileLayer("https://tile.example/{z}.png")</script>',
        '<script>fetch("https://a.example/x.json")</script>',
        '<script>icon({iconUrl: "https://a.example/x.png"})</script>',
    ],
)
def test_an_outside_file_is_refused_by_name(part: str) -> None:
    with pytest.raises(SourceError, match="example"):
        localise(f"<html>{part}</html>", assets_url="/a", base=BaseMap.GSI)


def test_links_and_texts_may_name_other_hosts() -> None:
    text = '<a href="https://a.example/">出典</a> https://a.example/x.js'
    assert localise(text, assets_url="/a") == text


def test_tiles_pass_only_when_switched_on() -> None:
    tiles = '<script>L.tileLayer("https://cyberjapandata.gsi.go.jp/xyz")</script>'
    assert localise(tiles, assets_url="/a", base=BaseMap.GSI) == tiles
    with pytest.raises(SourceError, match="cyberjapandata"):
        localise(tiles, assets_url="/a")


def test_assets_may_lie_on_a_named_host_of_ours() -> None:
    page = folium.Map(tiles=None).get_root().render()
    assert "https://maps.example/a/leaflet/dist/leaflet.js" in localise(
        page, assets_url="https://maps.example/a"
    )


def test_rings_are_steps_that_lead_back_to_the_place() -> None:
    square = {
        "type": "Polygon",
        "coordinates": [[[135.5, 34.7], [135.6, 34.7], [135.6, 34.8], [135.5, 34.7]]],
    }
    ((ring,),) = area_rings([square])
    corners = [(sum(ring[0 : i + 1 : 2]), sum(ring[1 : i + 2 : 2])) for i in (0, 2, 4)]
    # five decimals: 34.7° is 3 470 000
    assert set(corners) == {
        (3470000, 13550000),
        (3470000, 13560000),
        (3480000, 13560000),
    }


def test_things_that_are_no_areas_have_no_rings() -> None:
    assert area_rings([{"type": "Point", "coordinates": [135.5, 34.7]}]) == [[]]
    assert area_rings([]) == []
    assert len(area_rings(cells(5, seed=3))) == 5
