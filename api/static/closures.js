// The map of closures: points to shut a road between, what they would shut, what is shut.
// On the page of closures, and where a road is shut on a supposed day only.
"use strict";

const holder = document.getElementById("closure-map");
const form = document.getElementById("closure-form");
const typed = document.getElementById("places");
const list = document.getElementById("points");
const entry = document.getElementById("point");
const found = document.getElementById("found");

// The field is the truth; list and map show it, and are hidden where no script runs.
document.getElementById("places-typed").hidden = true;
document.getElementById("places-listed").hidden = false;

const CLOSED = "#8b0000";
const CHOSEN = "#0017c1";
const DIGITS = 6; // a tenth of a metre
const box = holder.dataset;
const map = L.map(holder, { maxZoom: 18, zoomSnap: 0.25, attributionControl: false });
const city = [[Number(box.south), Number(box.west)], [Number(box.north), Number(box.east)]];
map.fitBounds(city);
L.control.scale({ imperial: false }).addTo(map);

// Layers from the ground up, whichever answer comes first.
for (const [at, name] of ["ground", "roads", "names", "closed", "chosen"].entries()) {
  map.createPane(name).style.zIndex = 300 + at;
}
const chosen = L.layerGroup().addTo(map);
const preview = L.layerGroup().addTo(map);

const text = (tag, words, className = "") => {
  const made = document.createElement(tag);
  made.textContent = words;
  made.className = className;
  return made;
};

// A heavy line with stripes reads as closed without its colour, too.
const striped = (geojson, color, pane) => {
  const below = { color, weight: 9, lineCap: "butt", fillOpacity: 0.1 };
  const above = { color: "#fff", weight: 5, lineCap: "butt", dashArray: "7 7", fill: false };
  return L.featureGroup([
    L.geoJSON(geojson, { pane, bubblingMouseEvents: false, style: below }),
    L.geoJSON(geojson, { pane, interactive: false, style: above }),
  ]);
};

// -- points ---------------------------------------------------------------------------

const numbersOf = (line) => line.normalize("NFKC").trim().split(/[\s,、]+/).map(Number);
const pointOf = (line) => {
  const parts = numbersOf(line);
  const isPoint = parts.length === 2 && parts.every(Number.isFinite);
  return isPoint && Math.abs(parts[0]) <= 90 && Math.abs(parts[1]) <= 180 ? parts : null;
};
const lines = () => typed.value.split("\n").filter((line) => line.trim());

const draw = () => {
  const isArea = form.elements.shape.value === "area";
  const points = lines().map(pointOf);
  chosen.clearLayers();
  list.replaceChildren(
    ...lines().map((line, at) => {
      const remove = text("button", "消す", "button-quiet button-small");
      remove.type = "button";
      remove.setAttribute("aria-label", `${at + 1}番目の地点を消す`);
      remove.addEventListener("click", () => {
        put(lines().filter((_, other) => other !== at));
        (list.querySelectorAll("button")[at] || entry).focus();
      });
      const row = text("li", "");
      row.append(text("span", line), remove);
      return row;
    }),
  );
  const drawn = points.filter((point) => point !== null);
  const dashed = { pane: "chosen", color: CHOSEN, weight: 2, dashArray: "4 4", interactive: false };
  if (isArea) L.polygon(drawn, { ...dashed, fillOpacity: 0.08 }).addTo(chosen);
  else L.polyline(drawn, dashed).addTo(chosen);
  points.forEach((point, at) => {
    if (point === null) return;
    const icon = L.divIcon({ className: "point-mark", html: text("b", at + 1), iconSize: [22, 22] });
    L.marker(point, { icon, pane: "chosen", interactive: false, keyboard: false }).addTo(chosen);
  });
};

// What was looked at is of other points now.
const forget = () => {
  preview.clearLayers();
  found.textContent = "";
  found.classList.remove("found-nothing");
};
const chosenClosure = document.getElementById("closure"); // of a supposed day
const put = (kept) => {
  if (chosenClosure) chosenClosure.value = "drawn";
  typed.value = kept.join("\n");
  forget();
  draw();
};
const add = (lat, lon) => put([...lines(), `${lat.toFixed(DIGITS)}, ${lon.toFixed(DIGITS)}`]);

const addTyped = () => {
  const point = pointOf(entry.value);
  if (point === null) {
    const [lon, lat] = numbersOf(entry.value);
    const isExchanged =
      lat >= box.south && lat <= box.north && lon >= box.west && lon <= box.east;
    entry.setCustomValidity(
      isExchanged
        ? "緯度と経度が逆ではありませんか。「緯度, 経度」で入れてください"
        : "「緯度, 経度」で入れてください(例: 34.69375, 135.50218)",
    );
    entry.reportValidity();
    return false;
  }
  entry.value = "";
  add(point[0], point[1]);
  map.setView(point, Math.max(map.getZoom(), 15));
  return true;
};
entry.addEventListener("input", () => entry.setCustomValidity(""));
entry.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  addTyped();
});
document.getElementById("add-point").addEventListener("click", addTyped);
map.on("click", (event) => add(event.latlng.lat, event.latlng.lng));
for (const choice of form.elements.shape) {
  choice.addEventListener("change", () => {
    forget();
    draw();
  });
}
if (form.elements.ends_at) {
  form.elements.ends_at.addEventListener("input", () => {
    if (form.elements.ends_at.value) form.elements.until.value = "given";
  });
  for (const choice of form.elements.until) {
    choice.addEventListener("change", () => {
      if (choice.value !== "given") form.elements.ends_at.value = "";
    });
  }
}
form.addEventListener("submit", (event) => {
  // A point that stands in its field was meant to count.
  if (entry.value.trim() && !addTyped()) event.preventDefault();
});

// -- what it would shut ---------------------------------------------------------------

const look = async () => {
  const asked = typed.value;
  found.textContent = "確かめています…";
  const answer = await fetch("/closures/preview", {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
  });
  const told = await answer.json();
  if (asked !== typed.value) return;
  forget();
  found.classList.toggle("found-nothing", !answer.ok);
  if (!answer.ok) {
    const problems = told.errors.map((error) => error.problem);
    found.textContent = problems.join("、") || told.detail;
    return;
  }
  found.textContent = told.text;
  const drawn = striped(told.geojson, CHOSEN, "closed").addTo(preview);
  map.fitBounds(drawn.getBounds(), { padding: [48, 48], maxZoom: 16 });
};
document.getElementById("look").addEventListener("click", (event) => {
  event.preventDefault();
  if (entry.value.trim() && !addTyped()) return;
  look().catch(() => {
    found.textContent = "確かめられませんでした。通信を確かめて、もう一度押してください";
  });
});

// -- the ground and what is shut now --------------------------------------------------

const drawn = async (path, draw) => draw(await (await fetch(path)).json());

drawn("/maps/wards.geojson", (wards) => {
  L.geoJSON(wards, {
    pane: "ground",
    interactive: false,
    style: { color: "#767676", weight: 1, dashArray: "2 4", fillColor: "#fff", fillOpacity: 1 },
    onEachFeature: (feature, layer) => {
      const label = text("span", feature.properties.name);
      layer.bindTooltip(label, { permanent: true, direction: "center", className: "ward-label" });
    },
  }).addTo(map);
});

const ROAD = "#b3b3b3";
const renderer = L.canvas({ pane: "roads", padding: 0.3 });
drawn("/closures/roads.geojson", (roads) => {
  L.geoJSON(roads, { renderer, interactive: false, style: { color: ROAD, weight: 1.5 } }).addTo(map);
});

// All roads from near, of a box that the server takes: what is drawn stays until the new
// one is there, and when none comes.
const ALL_ROADS_FROM_ZOOM = 15;
const WAIT_MS = 200;
const AROUND = 0.2; // of the view, on each side: a small move asks for nothing
const streets = L.layerGroup().addTo(map);
let streetsBox = null;
let asks = 0;
let waiting = 0;

const boxOf = (view) => {
  const most = map.getCenter().toBounds(Number(box.maxBoxM));
  return L.latLngBounds(
    [Math.max(view.getSouth(), most.getSouth()), Math.max(view.getWest(), most.getWest())],
    [Math.min(view.getNorth(), most.getNorth()), Math.min(view.getEast(), most.getEast())],
  );
};
const streetStyle = ({ properties: { rank } }) => ({ color: ROAD, weight: 0.5 + rank / 2 });

const askStreets = async () => {
  const asked = (asks += 1);
  const wanted = boxOf(map.getBounds().pad(AROUND));
  const edges = {
    west: wanted.getWest(),
    south: wanted.getSouth(),
    east: wanted.getEast(),
    north: wanted.getNorth(),
  };
  const answer = await fetch(`/closures/roads.geojson?${new URLSearchParams(edges)}`);
  if (!answer.ok) return;
  const roads = await answer.json();
  if (asked !== asks) return; // another one is on its way
  const made = L.geoJSON(roads, { renderer, interactive: false, style: streetStyle }).addTo(streets);
  for (const layer of streets.getLayers()) if (layer !== made) streets.removeLayer(layer);
  streetsBox = wanted;
};

const showStreets = () => {
  clearTimeout(waiting);
  if (map.getZoom() < ALL_ROADS_FROM_ZOOM) {
    streets.remove();
    return;
  }
  streets.addTo(map);
  if (streetsBox !== null && streetsBox.contains(boxOf(map.getBounds()))) return;
  waiting = setTimeout(() => askStreets().catch(() => {}), WAIT_MS);
};
map.on("moveend", showStreets);
showStreets();

drawn("/closures/closed.geojson", (closed) => {
  const all = closed.features.map((feature) => {
    const row = document.getElementById(`closure-${feature.properties.id}`);
    const words = document.createElement("div");
    words.append(text("b", feature.properties.name), text("div", row ? row.dataset.text : ""));
    return striped(feature, CLOSED, "closed").bindPopup(words).addTo(map);
  });
  if (all.length && !lines().length) {
    map.fitBounds(L.featureGroup(all).getBounds(), { padding: [48, 48], maxZoom: 14 });
  }
});

// Names of towns from near, each where no other stands.
const NAMES_FROM_ZOOM = 15;
const NAME_PX = [110, 28];
const names = L.layerGroup().addTo(map);
drawn("/maps/places.json", ({ towns }) => {
  const show = () => {
    names.clearLayers();
    if (map.getZoom() < NAMES_FROM_ZOOM) return;
    const view = map.getBounds();
    const taken = [];
    for (const [name, lat, lon] of towns) {
      const at = map.latLngToContainerPoint([lat, lon]);
      const near = (one) => Math.abs(one.x - at.x) < NAME_PX[0] && Math.abs(one.y - at.y) < NAME_PX[1];
      if (!view.contains([lat, lon]) || taken.some(near)) continue;
      taken.push(at);
      const icon = L.divIcon({ className: "name", html: text("span", name), iconSize: null });
      L.marker([lat, lon], { icon, pane: "names", interactive: false, keyboard: false }).addTo(names);
    }
  };
  map.on("moveend", show);
  show();
});

draw();

// -- a map that is folded away at first -----------------------------------------------

const folded = holder.closest("details");
if (folded) {
  const unfolded = () => {
    map.invalidateSize();
    map.fitBounds(city); // it had no size to fit the city into
  };
  folded.addEventListener("toggle", unfolded, { once: true });
  chosenClosure.addEventListener("change", () => {
    folded.open = chosenClosure.value === "drawn";
  });
}
