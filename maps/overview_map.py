"""The city's overview map: open consultations per district and one by one."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import folium
from folium.plugins import FastMarkerCluster

from dispatch.domain.catalogue import Urgency
from maps.base_map import BaseMap
from maps.localise import (
    WardOutline,
    area_rings,
    close_map,
    fit_map,
    new_map,
)
from maps.markup import Data, MapScript, column, panel_html, safe_path, script_data
from maps.road_layers import closure_layer, road_script
from maps.road_lines import MapClosure
from maps.style import (
    FILL,
    HAIRLINE,
    RAMP,
    SIGN_RANK,
    SIGNS,
    UNCERTAIN_FROM_M,
    class_labels,
    class_of,
    class_starts,
    closed_svg,
    sign_svg,
)

NO_DATA = -2  # class of a district whose count is not known; drawn hatched
_DEGREE_STEPS = 100_000  # five decimals, about one metre
_TEXTS = (
    "chart_id",
    "chart_number",
    "category",
    "place_text",
    "due_text",
    "office",
    "status_text",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrictShape:
    """
    One district with its open consultations (校区ごとの未完了件数).

    `open_count` is None where unknown; `oldest_text` is as 「11月2日受付(20日前)」.
    """

    id: str
    name: str
    ward_name: str
    geometry: Mapping[str, Any]
    open_count: int | None
    oldest_text: str = ""
    oldest_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One open consultation; nothing in it is about a person."""

    chart_id: str
    chart_number: str
    lon: float
    lat: float
    urgency: Urgency
    category: str
    place_text: str
    due_text: str
    office: str
    status_text: str
    radius_m: float = 0.0
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewData:
    """
    All that the overview map shows, in words ready to show.

    `approximate`: boundaries are estimates. `chart_url_prefix`: path on this host
    before the chart's id, or empty for no link.
    """

    city_name: str
    date_text: str
    districts: tuple[DistrictShape, ...]
    wards: tuple[WardOutline, ...]
    items: tuple[OpenItem, ...]
    attribution: tuple[str, ...]
    approximate: bool
    district_word: str = "校区"
    closures: tuple[MapClosure, ...] = ()
    chart_url_prefix: str = "/c/"


def overview_map(data: OverviewData, *, base: BaseMap, assets_url: str) -> str:
    """
    Draw the overview as one HTML page (全市の地図).

    Parameters
    ----------
    data
        Districts, wards and open items.
    base
        What lies underneath; `GSI` is the only one that fetches from outside.
    assets_url
        Where the files of `maps.localise.ASSETS` are served.

    Raises
    ------
    InvalidInputError
        When `chart_url_prefix` leaves this host.
    SourceError
        When the page would ask for an outside file.
    """
    safe_path(data.chart_url_prefix)
    page = new_map(base=base, wards=data.wards)
    starts = class_starts([d.open_count or 0 for d in data.districts])
    MapScript(f"({_DISTRICTS_JS})(map,{_district_data(data, starts)});").add_to(page)
    cluster = FastMarkerCluster(
        data=[],
        callback=f"({_MARKER_JS})({_marker_data(data)})",
        icon_create_function=_CLUSTER_JS,
        control=False,
        max_cluster_radius=56,
        show_coverage_on_hover=False,
        animate=False,
    )
    # One empty row a marker: the callback counts, and reads the packed columns.
    cluster.data = [[]] * len(data.items)
    cluster.add_to(page)
    if data.closures:
        road_script().add_to(page)
        closure_layer(data.closures).add_to(page)
        folium.LayerControl(collapsed=False).add_to(page)
    fit_map(page, [(item.lon, item.lat) for item in data.items])
    return close_map(
        page,
        title=f"{data.city_name} 未完了の相談",
        attribution=data.attribution,
        panel=_panel(data, starts),
        assets_url=assets_url,
        base=base,
    )


def _district_data(data: OverviewData, starts: Sequence[int]) -> str:
    """Rings, class and tooltip of every district."""
    rows: list[Data] = []
    shapes = area_rings([d.geometry for d in data.districts])
    for district, rings in zip(data.districts, shapes, strict=True):
        count = district.open_count
        rank = NO_DATA if count is None else class_of(count, starts)
        known = "資料なし" if count is None else f"未完了 {count:,}件"
        lines = [f"{district.ward_name} {district.name}", known]
        if district.oldest_text:
            lines.append(f"最も古いもの {district.oldest_text}")
        rows.append([rank, "\n".join(lines), rings])
    return script_data([RAMP, rows])


def _marker_data(data: OverviewData) -> str:
    """Pack [prefix, Δlat, Δlon, 2 · rank + overdue, radius, texts …], by column."""
    items = data.items
    lats = [0, *(round(item.lat * _DEGREE_STEPS) for item in items)]
    lons = [0, *(round(item.lon * _DEGREE_STEPS) for item in items)]
    return script_data(
        [
            data.chart_url_prefix,
            [after - before for before, after in pairwise(lats)],
            [after - before for before, after in pairwise(lons)],
            [2 * SIGN_RANK[item.urgency] + item.overdue for item in items],
            [round(i.radius_m) * (i.radius_m > UNCERTAIN_FROM_M) for i in items],
            *(column([getattr(item, name) for item in items]) for name in _TEXTS),
        ]
    )


def _panel(data: OverviewData, starts: Sequence[int]) -> str:
    """Title, chips and legend with counts."""
    signs = Counter(item.urgency for item in data.items)
    urgent = [
        (sign_svg(sign, size=20), sign.label, f"{signs[sign.urgency]:,}件")
        for sign in SIGNS
        if signs[sign.urgency] or sign.urgency is not Urgency.D
    ]
    overdue = sum(item.overdue for item in data.items)
    if overdue:
        mark = '<span class="kd-over" aria-hidden="true">▲</span>'
        urgent.append((mark, "期限超過", f"{overdue:,}件"))
    if any(item.radius_m > UNCERTAIN_FROM_M for item in data.items):
        ring = '<span class="kd-swatch kd-ring"></span>'
        urgent.append((ring, "場所が不確か", ""))
    closed = [(closed_svg(size=20), "通行規制", f"{len(data.closures):,}件")]
    return panel_html(
        title=f"{data.city_name} 未完了の相談",
        lines=(data.date_text, f"計 {len(data.items):,}件"),
        chips=("境界は近似",) if data.approximate else (),
        sections=(
            ("緊急度", urgent),
            ("道路", closed if data.closures else ()),
            (f"{data.district_word}ごとの件数", _district_rows(data, starts)),
        ),
    )


def _district_rows(
    data: OverviewData, starts: Sequence[int]
) -> list[tuple[str, str, str]]:
    """Legend rows of the choropleth: swatch, words, number of districts."""
    ranks = Counter(
        NO_DATA if d.open_count is None else class_of(d.open_count, starts)
        for d in data.districts
    )
    classes = [(-1, "", "0件")]
    classes += [(i, RAMP[i], label) for i, label in enumerate(class_labels(starts))]
    rows = []
    for rank, colour, label in classes:
        look = f"background:{colour};opacity:{FILL}" if colour else ""
        swatch = f'<span class="kd-swatch" style="{look}"></span>'
        rows.append((swatch, label, f"{ranks[rank]:,}{data.district_word}"))
    if ranks[NO_DATA]:
        hatch = '<span class="kd-swatch kd-hatch"></span>'
        rows.append((hatch, "資料なし", f"{ranks[NO_DATA]:,}{data.district_word}"))
    return rows if data.districts else []


_DISTRICTS_JS = (
    (
        """function(map,data){
 function hatch(path){
  var svg=path.ownerSVGElement;
  if(!svg.querySelector('#kdHatch'))svg.insertAdjacentHTML('afterbegin',
   '<defs><pattern id="kdHatch" width="6" height="6" patternUnits='+
   '"userSpaceOnUse" patternTransform="rotate(45)">'+
   '<path d="M0 0V6" stroke="HAIRLINE" stroke-width="2"/></pattern></defs>');
  path.style.fill='url(#kdHatch)';}
 var pane=map.createPane('kdDistricts');
 pane.style.zIndex=300;
 map.on('zoomend',function(){pane.style.opacity=map.getZoom()<16?1:.4;});
 var ink={weight:.7,color:'HAIRLINE'};
 data[1].forEach(function(d){
  var rank=d[0],on=rank>=0;
  var area=kd.area(d[2],Object.assign({pane:'kdDistricts',fillOpacity:
   on?FILL:rank===-2?.9:.01,fillColor:on?data[0][rank]:'#fff'},ink));
  area.bindTooltip(kd.say(d[1]),{sticky:true});
  area.on('mouseover',function(){
   area.setStyle({weight:2.5,color:'#333'}).bringToFront();});
  area.on('mouseout',function(){area.setStyle(ink);}).addTo(map);
  if(rank===-2)hatch(area.getElement());});}"""
    )
    .replace("HAIRLINE", HAIRLINE)
    .replace("FILL", str(FILL))
)

_MARKER_JS = """function(d){
 var lat=0,lon=0,n=0,signs=SIGNS,svgs=SVGS,ring=null;
 var icons=svgs.map(function(svg,i){return L.divIcon({className:'kd-sign',
  html:svg+(i%2?'<i class="kd-over">▲</i>':''),iconSize:[26,26]});});
 kd.signs=signs;kd.svgs=svgs;
 function show(m){
  var k=m.kd,s=signs[m.kdSign>>1],r=d[4][k],word=d.slice(5).map(function(column){
   return kd.word(column,k);});
  return kd.popup(word[2],m.kdSign%2?'▲ 期限超過':'',[
   ['番号',word[1]],['緊急度',s[0]+' '+s[1]],['場所',word[3]],['期限',word[4]],
   ['担当',word[5]],['状態',word[6]],['位置',r?'不確か(半径 約'+r+'m)':'']],
   'カルテを開く',d[0]&&d[0]+encodeURIComponent(word[0]));}
 function closed(){if(ring){ring.remove();ring=null;}}
 function opened(e){
  var m=e.target,r=d[4][m.kd];
  closed();
  if(r)ring=L.circle(m.getLatLng(),{radius:r,color:'#333',weight:2,
   dashArray:'6 5',fill:false,interactive:false}).addTo(m._map);}
 return function(){
  var k=n++,sign=d[3][k],s=signs[sign>>1];
  lat+=d[1][k];lon+=d[2][k];
  var m=L.marker([lat/1e5,lon/1e5],{icon:icons[sign],
   title:s[0]+' '+s[1]+' '+kd.word(d[7],k)});
  m.kd=k;m.kdSign=sign;
  return m.bindPopup(show,{minWidth:220,maxWidth:300})
   .on('popupopen',opened).on('popupclose',closed);};}"""
_MARKER_JS = _MARKER_JS.replace(
    "SIGNS", script_data([[s.letter, s.label, s.colour] for s in SIGNS])
).replace("SVGS", script_data([sign_svg(s, size=26) for s in SIGNS for _ in range(2)]))

_CLUSTER_JS = """function(cluster){
 var all=cluster.getAllChildMarkers(),worst=9;
 all.forEach(function(m){worst=Math.min(worst,m.kdSign>>1);});
 var s=kd.signs[worst],n=all.length,size=n<10?32:n<100?36:n<1000?42:48;
 var box=kd.el('div',n.toLocaleString('ja'),'kd-cluster');
 box.style.width=box.style.height=size+'px';box.style.borderColor=s[2];
 if(worst<2)box.insertAdjacentHTML('beforeend',
  kd.svgs[worst*2].replace(/26"/g,'20"'));
 box.appendChild(kd.el('span','件、最も急ぐもの '+s[0],'kd-sr'));
 return L.divIcon({className:'',html:box,iconSize:[size,size]});}"""
