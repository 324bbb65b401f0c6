// The map of one chart whose place is in doubt: numbered candidates, and a pin to move.
"use strict";

const holder = document.getElementById("review-map");
const form = document.getElementById("review-form");
const lon = document.getElementById("lon");
const lat = document.getElementById("lat");
const radius = document.getElementById("radius");
const told = document.getElementById("radius-text");
const byPin = document.getElementById("choice-pin");
const candidates = [...form.querySelectorAll("input[name=choice][data-lon]")];

const CANDIDATE = "#00118f";
const DIGITS = 6; // a tenth of a metre
const STREETS_ZOOM = 15;
const NAMES_FROM_ZOOM = 14.75; // farther off they would lie upon each other
const CLICK_PX = 10; // a finger's width on the screen is how sure a click can be
const SUREST_M = 30;
const box = holder.dataset;
const map = L.map(holder, { maxZoom: 18, zoomSnap: 0.25, attributionControl: false });
map.fitBounds([[Number(box.south), Number(box.west)], [Number(box.north), Number(box.east)]]);
L.control.scale({ imperial: false }).addTo(map);

const text = (words) => {
  const made = document.createElement("span");
  made.textContent = words;
  return made;
};
const icon = (className, words, size, anchor) =>
  L.divIcon({ className, html: text(words), iconSize: size, iconAnchor: anchor });
const pointOf = (choice) => [Number(choice.dataset.lat), Number(choice.dataset.lon)];

// -- the pin: it shows what would be stored -----------------------------------------
const pin = L.marker([0, 0], {
  draggable: true,
  autoPan: true,
  keyboard: false, // the fields beside the map do the same
  zIndexOffset: 1000,
  icon: icon("pin-mark", "", [26, 26], [13, 31]),
});
let reach = null;

const show = (point, metres) => {
  pin.setLatLng(point).addTo(map);
  if (reach) reach.remove();
  reach = L.circle(point, { radius: metres, color: "#ce0000", weight: 1, dashArray: "4 4", fillOpacity: 0.05, interactive: false }).addTo(map);
};

const clickRadius = (point) => {
  const here = map.latLngToContainerPoint(point);
  const there = map.containerPointToLatLng(here.add([CLICK_PX, 0]));
  return Math.max(SUREST_M, Math.round(map.distance(point, there)));
};

const pick = (point) => {
  const metres = clickRadius(point);
  byPin.checked = true;
  lon.value = point.lng.toFixed(DIGITS);
  lat.value = point.lat.toFixed(DIGITS);
  radius.value = metres;
  told.textContent = `選んだ地点の誤差は約${metres}mです。`;
  show(point, metres);
};

map.on("click", (event) => pick(event.latlng));
pin.on("dragend", () => pick(pin.getLatLng()));

// -- the candidates -----------------------------------------------------------------
const choose = (choice) => {
  const metres = Number(choice.dataset.radius);
  lon.value = "";
  lat.value = "";
  radius.value = "";
  told.textContent = `この候補の誤差は約${metres}mです。`;
  show(pointOf(choice), metres);
  map.panInside(pointOf(choice), { padding: [40, 40] });
};

for (const [at, choice] of candidates.entries()) {
  const metres = Number(choice.dataset.radius);
  L.circle(pointOf(choice), { radius: metres, color: CANDIDATE, weight: 1, dashArray: "4 4", fill: false, interactive: false }).addTo(map);
  L.marker(pointOf(choice), { keyboard: false, zIndexOffset: 500, icon: icon("point-mark", at + 1, [24, 24], [12, 12]) })
    .addTo(map)
    .on("click", () => {
      choice.checked = true;
      choose(choice);
    });
  choice.addEventListener("change", () => choose(choice));
}
if (candidates.length) {
  const around = candidates.map((choice) => L.latLng(pointOf(choice)).toBounds(2 * Number(choice.dataset.radius)));
  const all = around.reduce((whole, one) => whole.extend(one), L.latLngBounds(around[0].getSouthWest(), around[0].getNorthEast()));
  map.fitBounds(all.pad(0.1), { maxZoom: STREETS_ZOOM });
}

// -- the fields ---------------------------------------------------------------------
const typed = () => {
  const point = [Number(lat.value), Number(lon.value)];
  if (!lat.value || !lon.value || !point.every(Number.isFinite)) return;
  byPin.checked = true;
  radius.value = SUREST_M;
  told.textContent = `入れた地点の誤差は約${SUREST_M}mとします。`;
  show(point, SUREST_M);
  map.setView(point, Math.max(map.getZoom(), STREETS_ZOOM));
};
lon.addEventListener("change", typed);
lat.addEventListener("change", typed);
const chosen = candidates.find((choice) => choice.checked);
if (chosen) choose(chosen);
else if (lat.value && lon.value) typed();

// -- the ground ---------------------------------------------------------------------
const json = (address) => fetch(address).then((answer) => answer.json());
const names = L.layerGroup().addTo(map);
json("/maps/places.json").then((places) => {
  const draw = () => {
    names.clearLayers();
    if (map.getZoom() < NAMES_FROM_ZOOM) return;
    const view = map.getBounds();
    for (const [kind, rows] of Object.entries(places)) {
      for (const [words, y, x] of rows) {
        if (!view.contains([y, x])) continue;
        const label = icon(`name name-${kind}`, words, null);
        L.marker([y, x], { interactive: false, keyboard: false, icon: label }).addTo(names);
      }
    }
  };
  map.on("moveend", draw);
  draw();
});
json("/maps/wards.geojson").then((wards) => {
  L.geoJSON(wards, {
    interactive: false,
    style: { color: "#767676", weight: 1, fillColor: "#fff", fillOpacity: 1 },
    onEachFeature: (feature, layer) => {
      layer.bindTooltip(text(feature.properties.name), { permanent: true, direction: "center", className: "ward-label" });
    },
  })
    .addTo(map)
    .bringToBack();
});
