"""The page around a map: it opens quiet and closes with files of our own host only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import folium
import numpy as np
import shapely
from branca.element import Element
from shapely.geometry import shape

from dispatch.domain.errors import SourceError
from maps.base_map import BaseMap
from maps.markup import POPUP_JS, MapScript, safe, script_data
from maps.style import CSS, EDGE, LAND

MAX_ZOOM = 19
TILE_HOST = "cyberjapandata.gsi.go.jp"
_TILE_URL = f"https://{TILE_HOST}/xyz/pale/{{z}}/{{x}}/{{y}}.png"
_TILE_CREDIT = (
    '<a href="https://maps.gsi.go.jp/development/ichiran.html" target="_top">'
    "地理院タイル</a>"
)

_LEAFLET = "leaflet/dist"
_CLUSTER = "leaflet.markercluster/dist"
_IMAGES = ("layers", "layers-2x", "marker-icon", "marker-icon-2x", "marker-shadow")
# Name of the file that folium 0.20 asks a CDN for → file of the npm packages.
_LOCAL_FILES: Mapping[str, str] = MappingProxyType(
    {
        "leaflet.js": f"{_LEAFLET}/leaflet.js",
        "leaflet.css": f"{_LEAFLET}/leaflet.css",
        "jquery-3.7.1.min.js": "jquery/dist/jquery.min.js",
        "leaflet.markercluster.js": f"{_CLUSTER}/leaflet.markercluster.js",
        "MarkerCluster.css": f"{_CLUSTER}/MarkerCluster.css",
    }
)
# Not needed by our maps: no bootstrap markup, no icon fonts, our own cluster look.
_DROPPED = frozenset(
    {
        "bootstrap.bundle.min.js",
        "bootstrap.min.css",
        "bootstrap-glyphicons.css",
        "all.min.css",
        "leaflet.awesome-markers.js",
        "leaflet.awesome-markers.css",
        "leaflet.awesome.rotate.min.css",
        "MarkerCluster.Default.css",
    }
)
ASSETS: Mapping[str, str] = MappingProxyType(
    {
        path: path
        for path in (
            *_LOCAL_FILES.values(),
            *(f"{_LEAFLET}/images/{name}.png" for name in _IMAGES),
        )
    }
)
"""Path under `assets_url` → path under node_modules, for serving or copying."""

_TAG = re.compile(
    r'<(?:script src|link rel="stylesheet" href)="(https?://[^"]+)"'
    r"\s*/?>(?:</script>)?"
)
_OUTSIDE = r"((?:https?:)?//[^\s\"'<>)]+)"
_REFERENCES = (
    re.compile(
        r"<(?:script|link|img|iframe|source|image|use|object|embed|audio|video|base)\b"
        rf"[^>]*?\b(?:src|href|data|srcset)\s*=\s*[\"']?{_OUTSIDE}",
        re.IGNORECASE,
    ),
    re.compile(rf"L\.(?:tileLayer|imageOverlay)[\w.]*\(\s*[\"']{_OUTSIDE}"),
    re.compile(rf"(?:fetch|import|\$\.ajax|\$\.getJSON)\(\s*[\"'`]{_OUTSIDE}"),
    re.compile(rf"(?:\.src|iconUrl\"?|shadowUrl\"?)\s*[=:]\s*[\"']{_OUTSIDE}"),
)
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>|\bstyle=\"([^\"]*)\"", re.DOTALL)
_STYLE_REFERENCE = re.compile(rf"(?:url\(|@import)\s*[\"']?{_OUTSIDE}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WardOutline:
    """Name and boundary of one ward; `geometry` is GeoJSON-like, lon/lat degrees."""

    name: str
    geometry: Mapping[str, Any]


def localise(html: str, *, assets_url: str, base: BaseMap = BaseMap.NONE) -> str:
    """
    Point every script and sheet of a folium page at our own files.

    Parameters
    ----------
    html
        A rendered page.
    assets_url
        Where the files of `ASSETS` are served, no trailing slash needed.
    base
        `GSI` allows the tile host, nothing else.

    Raises
    ------
    SourceError
        Naming the first outside file that neither the table nor `base` knows.
    """
    root = safe(assets_url.rstrip("/"))

    def point(match: re.Match[str]) -> str:
        name = match[1].rsplit("/", 1)[-1]
        if name in _DROPPED:
            return ""
        local = _LOCAL_FILES.get(name)
        return (
            match[0] if local is None else match[0].replace(match[1], f"{root}/{local}")
        )

    page = _TAG.sub(point, html)
    for url in _outside_references(page, root=root):
        if base is BaseMap.GSI and url.startswith(f"https://{TILE_HOST}/"):
            continue
        message = f"map page asks for an outside file: {url}"
        raise SourceError(message)
    return re.sub(r"\n\s*(?=\n)", "", re.sub(r"\n[ \t]+", "\n", page))


def _outside_references(page: str, *, root: str) -> list[str]:
    """Every address on another host that a browser would fetch by itself."""
    found = [m[1] for pattern in _REFERENCES for m in pattern.finditer(page)]
    for block in _STYLE.finditer(page):
        css = block[1] or block[2] or ""
        found += [m[1] for m in _STYLE_REFERENCE.finditer(css)]
    return [url for url in found if not url.startswith(f"{root}/")]


def new_map(*, base: BaseMap, wards: Sequence[WardOutline]) -> folium.Map:
    """Open a map: background, wards and their names, metric scale, Japanese titles."""
    # Where to begin before the view is fitted; a city without areas has no ward.
    start = _label_place(wards[0].geometry) if wards else (0.0, 0.0)
    page = folium.Map(
        location=start,
        zoom_start=12,
        tiles=None,
        zoom_control=False,
        min_zoom=9,
        font_size="14px",
    )
    # Without a tile layer Leaflet knows no limit and MarkerCluster refuses to start.
    page.options["maxZoom"] = MAX_ZOOM
    if base is BaseMap.NONE:
        page.options["zoomSnap"] = 0.25  # vectors may fill the frame; tiles would blur
    if base is BaseMap.GSI:
        folium.TileLayer(
            _TILE_URL, attr=_TILE_CREDIT, control=False, max_native_zoom=18, max_zoom=19
        ).add_to(page)
    MapScript(POPUP_JS + _FRAME_JS).add_to(page)
    fill = LAND if base is BaseMap.NONE else ""
    data = script_data([area_rings([w.geometry for w in wards]), fill])
    labels = script_data([[w.name, *_label_place(w.geometry)] for w in wards])
    MapScript(f"kd.wards(map,{data},{labels});").add_to(page)
    return page


def fit_map(page: folium.Map, places: Sequence[tuple[float, float]]) -> None:
    """Show all of these (lon, lat) beside the panel; nothing to do without any."""
    if places:
        lons, lats = [p[0] for p in places], [p[1] for p in places]
        corners = [[min(lats), min(lons)], [max(lats), max(lons)]]
        MapScript(f"kd.fit(map,{script_data(corners)});").add_to(page)


def close_map(
    page: folium.Map,
    *,
    title: str,
    attribution: Sequence[str],
    panel: str,
    assets_url: str,
    base: BaseMap,
) -> str:
    """Add panel and sources, render in Japanese, and localise."""
    root: Any = page.get_root()
    root.title = safe(title)
    root.html.add_child(Element(panel), name="kd_panel")
    credits_ = script_data([safe(line) for line in attribution])
    MapScript(f"kd.close(map,{credits_});").add_to(page)
    html = root.render()
    html = html.replace("<html>", '<html lang="ja">', 1)
    # Last, so that it wins over leaflet.css.
    html = html.replace("</head>", f"<style>{CSS}</style></head>", 1)
    # A page that cannot be enlarged fails JIS X 8341-3; the empty icon spares a 404.
    html = re.sub(
        r'<meta name="viewport"[^>]*>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">',
        html,
        count=1,
    )
    return localise(html, assets_url=assets_url, base=base)


# 8 m at Osaka: under a pixel up to zoom 14, and neighbours keep their shared edge.
_TOLERANCE_DEG = 0.00008
_SCALE = 100_000  # five decimals, about one metre


def area_rings(geometries: Sequence[Mapping[str, Any]]) -> list[list[list[int]]]:
    """
    Areas as short integers: per area its rings, per ring lat, lon and then steps.

    Boundaries are thinned together, so that neighbours neither gap nor overlap.
    """
    shapes = np.array([shape(dict(g)) for g in geometries])
    if len(shapes) and all(s.geom_type in {"Polygon", "MultiPolygon"} for s in shapes):
        shapes = shapely.coverage_simplify(shapes, _TOLERANCE_DEG)
    return [
        [
            _ring(ring)
            for part in shapely.get_parts([area])
            for ring in _part_rings(part)
        ]
        for area in shapes
    ]


def _part_rings(part: Any) -> list[Any]:  # noqa: ANN401 - shapely is loosely typed here
    """Outer ring and holes of one polygon; nothing for any other thing."""
    if part.geom_type != "Polygon" or part.is_empty:
        return []
    return [part.exterior, *part.interiors]


def _ring(ring: Any) -> list[int]:  # noqa: ANN401
    """Latitude and longitude of the first corner, then the step to each next one."""
    corners = np.rint(shapely.get_coordinates(ring)[:-1, ::-1] * _SCALE).astype(int)
    steps = np.vstack([corners[:1], np.diff(corners, axis=0)])
    return [int(v) for v in steps.ravel()]


def _label_place(geometry: Mapping[str, Any]) -> tuple[float, float]:
    """Latitude and longitude of a point inside the area, for its name."""
    point = shapely.point_on_surface(shape(dict(geometry)))
    return (round(point.y, 4), round(point.x, 4))


_FRAME_JS = f"""
kd.path=function(r){{
 var a=0,o=0,out=[];
 for(var i=0;i<r.length;i+=2){{
  a+=r[i];o+=r[i+1];out.push([a/{_SCALE},o/{_SCALE}]);}}
 return out;}};
kd.area=function(rings,style){{ return L.polygon(rings.map(kd.path),style);}};
kd.room=window.innerWidth<480?24:window.innerWidth<=640?200:272;
L.Popup.mergeOptions({{ autoPanPaddingTopLeft:[56,16],
 autoPanPaddingBottomRight:[kd.room,32]}});
kd.fit=function(map,corners){{
 map.fitBounds(corners,{{ paddingTopLeft:[56,24],animate:false,maxZoom:16,
  paddingBottomRight:[kd.room,32]}});}};
kd.wards=function(map,data,labels){{
 map.createPane('kdWards').style.zIndex=250;
 map.createPane('kdEdges').style.zIndex=350;
 map.createPane('kdNames').style.zIndex=450;
 map.getPane('kdNames').style.pointerEvents='none';
 data[0].forEach(function(rings){{
  if(data[1])kd.area(rings,{{ pane:'kdWards',interactive:false,stroke:false,
   fillColor:data[1],fillOpacity:1}}).addTo(map);
  kd.area(rings,{{ pane:'kdEdges',interactive:false,weight:1.5,fill:false,
   color:'{EDGE}'}}).addTo(map);}});
 labels.forEach(function(w){{
  L.marker([w[1],w[2]],{{ pane:'kdNames',interactive:false,keyboard:false,
   icon:L.divIcon({{ className:'kd-ward',iconSize:[110,18],html:kd.say(w[0])}})
   }}).addTo(map);}});}};
kd.close=function(map,credits){{
 L.control.zoom({{ zoomInTitle:'拡大',zoomOutTitle:'縮小'}}).addTo(map);
 L.control.scale({{ metric:true,imperial:false}}).addTo(map);
 map.on('popupopen',function(e){{
  var x=e.popup.getElement().querySelector('.leaflet-popup-close-button');
  if(x)x.setAttribute('aria-label','閉じる');}});
 map.attributionControl.setPrefix(false);
 credits.forEach(function(c){{ map.attributionControl.addAttribution(c);}});
 map.getContainer().setAttribute('aria-label','地図');
 map.getContainer().setAttribute('role','region');
 var panel=document.getElementById('kd-panel'),box=L.control({{ position:'topright'}});
 L.DomEvent.disableClickPropagation(panel).disableScrollPropagation(panel);
 box.onAdd=function(){{ return panel;}};
 box.addTo(map);
 var corner=panel.parentNode;
 if(corner.firstChild!==panel)corner.insertBefore(panel,corner.firstChild);
 if(window.innerWidth<=640)panel.open=false;}};
"""
