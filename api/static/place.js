// The small map on which a dispatcher places a chart: a click fills the two fields.
"use strict";

const holder = document.getElementById("place-map");
if (holder) {
  const box = holder.dataset;
  const map = L.map(holder, { maxZoom: 17, attributionControl: false });
  map.fitBounds([[Number(box.south), Number(box.west)], [Number(box.north), Number(box.east)]]);
  const lon = document.getElementById("lon");
  const lat = document.getElementById("lat");
  let mark = null;
  const show = (point, zoom) => {
    if (mark) mark.remove();
    mark = L.circleMarker(point, { radius: 9, color: "#0031d8", weight: 3 }).addTo(map);
    if (zoom) map.setView(point, zoom);
  };
  const choose = (x, y, zoom) => {
    lon.value = Number(x).toFixed(6);
    lat.value = Number(y).toFixed(6);
    show([Number(y), Number(x)], zoom);
  };
  // A finger's width on the screen is how sure a click can be.
  const CLICK_PX = 10;
  map.on("click", (event) => {
    const here = map.latLngToContainerPoint(event.latlng);
    const there = map.containerPointToLatLng(here.add([CLICK_PX, 0]));
    const radius = Math.max(30, Math.round(map.distance(event.latlng, there)));
    document.getElementById("radius").value = radius;
    document.getElementById("radius-text").textContent = `選んだ場所の誤差は約${radius}mです。`;
    choose(event.latlng.lng, event.latlng.lat);
  });
  // Names of towns and schools, once few enough of them are in view.
  const NAMES_FROM_ZOOM = 14;
  const names = L.layerGroup().addTo(map);
  const named = (text, lat, lon, kind) => {
    const label = document.createElement("span");
    label.textContent = text;
    return L.marker([lat, lon], {
      interactive: false,
      keyboard: false,
      icon: L.divIcon({ className: `name name-${kind}`, html: label, iconSize: null }),
    });
  };
  fetch("/maps/places.json")
    .then((answer) => answer.json())
    .then((places) => {
      const draw = () => {
        names.clearLayers();
        if (map.getZoom() < NAMES_FROM_ZOOM) return;
        const view = map.getBounds();
        for (const [kind, rows] of Object.entries(places)) {
          for (const [text, lat, lon] of rows) {
            if (view.contains([lat, lon])) named(text, lat, lon, kind).addTo(names);
          }
        }
      };
      map.on("moveend", draw);
      draw();
    });
  for (const button of document.querySelectorAll(".candidate")) {
    const place = [Number(button.dataset.lat), Number(button.dataset.lon)];
    L.circleMarker(place, { radius: 6, color: "#4d4d4d", dashArray: "3 3" }).addTo(map);
    button.addEventListener("click", () => choose(button.dataset.lon, button.dataset.lat, 15));
  }
  for (const field of [lon, lat]) {
    field.addEventListener("change", () => {
      if (lon.value && lat.value) show([Number(lat.value), Number(lon.value)], 15);
    });
  }
  fetch("/maps/wards.geojson")
    .then((answer) => answer.json())
    .then((wards) => {
      L.geoJSON(wards, {
        interactive: false,
        style: { color: "#767676", weight: 1, fillColor: "#fff", fillOpacity: 1 },
        onEachFeature: (feature, layer) => {
          const label = document.createElement("span");
          label.textContent = feature.properties.name;
          layer.bindTooltip(label, { permanent: true, direction: "center", className: "ward-label" });
        },
      }).addTo(map).bringToBack();
    });
}
