"""Roads in the browser: the teams' lines with their arrows, and the closures."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Sequence

import folium

from dispatch.domain.travel import TravelLevel, level_text
from maps.markup import Data, MapScript, closures_row, script_data
from maps.road_lines import (
    MapClosure,
    MapLeg,
    Path,
    drawable,
    packed,
    sign_place,
)
from maps.style import CLOSED, LAND, TeamStyle, closed_svg

LANES = 4
"""So many teams have their own place beside each other on one road."""


def road_script() -> MapScript:
    """Give the browser what the lines need: once a page, before them."""
    return MapScript(_ROADS_JS + "kd.roads(map);")


def team_lines(
    paths: Sequence[Path] | Sequence[MapLeg],
    *,
    style: TeamStyle,
    lane: int,
    words: str,
) -> MapScript:
    """
    Lines and arrows of one team, to be added to its layer.

    Parameters
    ----------
    paths
        Legs, or plain paths that are drawn as a road's.
    style, lane
        Look of the team; its place among those who share a road, from 0.
    words
        What the line says under the pointer; data.
    """
    legs = [p if isinstance(p, MapLeg) else _as_road(p) for p in paths]
    roads = [leg.path for leg in legs if not leg.is_straight]
    straights = [leg.path for leg in legs if leg.is_straight]
    look: list[Data] = [style.colour, style.edge, style.dash, lane % LANES]
    said: list[Data] = [words, f"{words} {level_text(TravelLevel.STRAIGHT_LINE)}"]
    lines: list[Data] = [
        [packed(path) for path in drawable(part)] for part in (roads, straights)
    ]
    return MapScript(f"kd.route(map,{script_data([look, said, lines])});")


def _as_road(path: Path) -> MapLeg:
    return MapLeg(path=path, level=TravelLevel.ROAD)


def closure_layer(closures: Sequence[MapClosure]) -> folium.FeatureGroup:
    """Every closure: striped line, sign and popup, as one layer (通行規制)."""
    layer = folium.FeatureGroup(name=closures_row(len(closures)))
    rows: list[Data] = [_closure_data(closure) for closure in closures]
    MapScript(f"kd.closures(map,{script_data(rows)});").add_to(layer)
    return layer


def _closure_data(closure: MapClosure) -> list[Data]:
    """Pack [name, reason, until, lines, rings, place of the sign or nothing]."""
    ring = closure.ring or ()
    place = sign_place(closure)
    return [
        closure.name,
        closure.reason_text,
        closure.until_text,
        [packed(path) for path in drawable(closure.lines)],
        [packed(ring)] if closure.encloses else [],
        None if place is None else [round(place[1], 5), round(place[0], 5)],
    ]


# kd.Line is drawn left of its road by pixels, as one drives here: the two directions
# of a road and two teams on it lie side by side. At small scales the step is smaller,
# or the line would seem to follow the next road. Corners are mitred; where the way
# turns back both ends are kept, since a mitre would run off. kd.Arrows turns the same
# line into arrowheads, one in the middle or one every 150 pixels, at each scale anew.
# Both rest on inner names of Leaflet 1.9 (_rings, _parts, _setPath), whose version
# the lock file fixes and the browser tests watch.
_ROADS_JS = (
    """
kd.shift=function(points,by){
 var out=[],before=null;
 for(var i=1;i<points.length;i++){
  var a=points[i-1],b=points[i],far=a.distanceTo(b);
  if(!far)continue;
  var side=L.point(b.y-a.y,a.x-b.x).divideBy(far);
  if(before){
   var bend=before.x*side.x+before.y*side.y;
   if(bend>.2)out[out.length-1]=
    a.add(before.add(side).multiplyBy(by/(1+bend)));
   else out.push(a.add(side.multiplyBy(by)));}
  else out.push(a.add(side.multiplyBy(by)));
  out.push(b.add(side.multiplyBy(by)));
  before=side;}
 return out;};
kd.Line=L.Polyline.extend({
 _clipPoints:function(){
  var room=Math.max(.5,Math.min(1,(this._map.getZoom()-10)/5));
  var by=(3+4*this.options.lane)*room;
  this._parts=this._rings.map(function(ring){
   return kd.shift(L.LineUtil.simplify(ring,2),by);});},
 _simplifyPoints:function(){}});
kd.along=function(points,far){
 for(var i=1;i<points.length;i++){
  var step=points[i-1].distanceTo(points[i]);
  if(far<=step||i===points.length-1)
   return points[i-1].add(points[i].subtract(points[i-1]).multiplyBy(far/step));
  far-=step;}};
kd.Arrows=kd.Line.extend({
 _updatePath:function(){
  var d='',seen=this._renderer._bounds;
  this._parts.forEach(function(points){
   var all=0;
   for(var i=1;i<points.length;i++)all+=points[i-1].distanceTo(points[i]);
   if(all<40)return;
   var n=Math.max(1,Math.floor(all/150));
   for(var k=0;k<n;k++){
    var s=all*(k+.5)/n,a=kd.along(points,s-5),b=kd.along(points,s+5);
    var far=a.distanceTo(b),at=a.add(b).divideBy(2);
    if(!far||!seen.contains(at))continue;
    var u=b.subtract(a).divideBy(far);
    d+=[[8,0],[-7,7],[-3,0],[-7,-7]].map(function(c,j){
     return (j?'L':'M')+(at.x+u.x*c[0]-u.y*c[1]).toFixed(1)+' '+
      (at.y+u.y*c[0]+u.x*c[1]).toFixed(1);}).join('')+'Z';}});
  this._renderer._setPath(this,d||'M0 0');}});
kd.roads=function(map){
 [['kdAreas',380],['kdCasing',390],['kdArrows',410],['kdClosed',420]].forEach(
  function(p){map.createPane(p[0]).style.zIndex=p[1];});};
kd.route=function(layer,data){
 var look=data[0],said=data[1],lines=data[2];
 function add(kind,rings,style,words){
  if(!rings.length)return;
  var line=new kind(rings.map(kd.path),
   Object.assign({lane:look[3],opacity:1,interactive:!!words},style));
  if(words)line.bindTooltip(kd.say(words),{sticky:true});
  line.addTo(layer);}
 add(kd.Line,lines[0],{pane:'kdCasing',color:look[1],weight:7});
 add(kd.Line,lines[1],{pane:'kdCasing',color:look[1],weight:5});
 add(kd.Line,lines[0],{color:look[0],weight:4,dashArray:look[2],
  className:'kd-road'},said[0]);
 add(kd.Line,lines[1],{color:look[0],weight:2.5,dashArray:'4 6',lineCap:'butt',
  className:'kd-straight'},said[1]);
 add(kd.Arrows,lines[0].concat(lines[1]),{pane:'kdArrows',color:look[1],weight:1.5,
  fill:true,fillColor:look[0],fillOpacity:1,className:'kd-arrows'});};
kd.closures=function(layer,rows){
 var icon=L.divIcon({className:'kd-shut',html:SIGN,iconSize:[28,28]});
 rows.forEach(function(row){
  function show(){
   return kd.popup(row[0],'通行規制',[['理由',row[1]],['期間',row[2]]]);}
  function add(thing){
   thing.bindPopup(show,{minWidth:220,maxWidth:300}).addTo(layer);}
  var base={pane:'kdClosed',lineCap:'butt',fill:false},lines=row[3].map(kd.path);
  row[4].map(kd.path).forEach(function(ring){
   add(L.polygon(ring,{pane:'kdAreas',stroke:false,fillColor:'CLOSED',
    fillOpacity:.14}));
   lines.push(ring.concat([ring[0]]));});
  if(lines.length){
   function line(style){return L.polyline(lines,Object.assign({},base,style));}
   line({color:'LAND',weight:12,interactive:false}).addTo(layer);
   add(line({color:'CLOSED',weight:9,opacity:1,className:'kd-closed'}));
   line({color:'LAND',weight:4,opacity:1,dashArray:'8 8',interactive:false})
    .addTo(layer);}
  if(row[5])add(L.marker(row[5],{icon:icon,title:'通行規制 '+row[0],
   zIndexOffset:1500}));});};
""".replace("SIGN", script_data(closed_svg(size=28)))
    .replace("CLOSED", CLOSED)
    .replace("LAND", LAND)
)
