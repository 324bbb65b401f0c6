// The small map on which a dispatcher places a chart: a click fills the two fields.
"use strict";

const holder = document.getElementById("place-map");
if (holder) {
  const box = holder.dataset;
  const map = L.map(holder, { maxZoom: 19, attributionControl: false });
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
  map.on("click", (event) => choose(event.latlng.lng, event.latlng.lat));
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
