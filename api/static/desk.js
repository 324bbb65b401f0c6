// The telephone desk: category by typing, questions of that category, the guide beside
// it, places and like reports while typing. Without this file the form works as it is.
"use strict";

const WAIT_MS = 350; // after the last key; a person types two or three a second
const MAX_SHOWN = 12;
const SIGNS = "SABCD";
const byId = (id) => document.getElementById(id);

// One width, small letters, katakana for hiragana: as the server compares words.
const plain = (text) =>
  text.normalize("NFKC").toLowerCase()
    .replace(/[ぁ-ゖ]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 96));

const made = (tag, attributes = {}, text = "") => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
};

// What is typed goes in the body of a POST, never into a URL.
const asked = async (url, body, signal) => {
  const token = document.querySelector('meta[name="csrf"]');
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (token) headers["X-CSRF-Token"] = token.content;
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  return answer.ok ? answer.json() : null;
};

// Runs some time after the last call; a later one stops what is under way.
const afterTyping = (act) => {
  let timer = 0;
  let running = null;
  return () => {
    window.clearTimeout(timer);
    if (running) running.abort();
    timer = window.setTimeout(async () => {
      running = new AbortController();
      try {
        await act(running.signal);
      } catch (error) {
        if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
      }
    }, WAIT_MS);
  };
};

// A text field with a list below it (ARIA 1.2 combobox): arrows, Enter, Escape, mouse.
class Combo {
  constructor(input, name, onChoose) {
    this.input = input;
    this.onChoose = onChoose;
    this.items = [];
    this.at = -1;
    this.list = made("ul", { role: "listbox", id: `${input.id}-list`, class: "combo-list", "aria-label": name });
    this.list.hidden = true;
    input.after(this.list);
    for (const [key, value] of Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": this.list.id,
    })) input.setAttribute(key, value);
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.show([]));
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) this.choose([...this.list.children].indexOf(option));
    });
  }

  show(items) {
    this.items = items;
    this.at = -1;
    this.list.replaceChildren(...items.map((item, index) => {
      const option = made("li", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false" });
      option.append(made("span", {}, item.label), made("span", { class: "sub" }, item.note));
      return option;
    }));
    this.list.hidden = items.length === 0;
    this.input.setAttribute("aria-expanded", String(items.length > 0));
    this.input.removeAttribute("aria-activedescendant");
  }

  mark(index) {
    const options = [...this.list.children];
    this.at = (index + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.at)));
    this.input.setAttribute("aria-activedescendant", options[this.at].id);
    options[this.at].scrollIntoView({ block: "nearest" });
  }

  choose(index) {
    const item = this.items[index];
    this.show([]);
    this.onChoose(item);
  }

  key(event) {
    if (event.isComposing) return; // kana are being turned into kanji
    const open = this.items.length > 0;
    if (event.key === "Escape" && open) this.show([]);
    else if (event.key === "ArrowDown" && open) this.mark(this.at + 1);
    else if (event.key === "ArrowUp" && open) this.mark(this.at < 0 ? -1 : this.at - 1);
    else if (event.key === "Enter" && open) this.choose(Math.max(this.at, 0));
    else if (event.key === "Enter") { event.preventDefault(); return; }
    else return;
    event.preventDefault();
  }
}

// -- category ---------------------------------------------------------------------------

const select = byId("category");
const options = [...select.options].filter((option) => option.value).map((option) => ({
  code: option.value,
  label: option.textContent.trim(),
  note: option.parentElement.label,
  searched: plain([option.textContent, option.parentElement.label, option.dataset.words].join(" ")),
  option,
}));
const chosen = () => options.find((one) => one.code === select.value);

const typed = made("input", {
  id: "category-typed", type: "text", accesskey: "1", autocomplete: "off", size: "60",
  "aria-required": "true", placeholder: "コードか言葉(例: R02、穴、マンホール 音)",
});
if (select.getAttribute("aria-invalid")) typed.setAttribute("aria-invalid", "true");
select.after(typed);
select.hidden = true;
select.required = false; // the browser cannot ask for a hidden field; `submit` does
select.removeAttribute("accesskey");
byId("category-label").htmlFor = typed.id;

const fits = (text) => {
  const words = plain(text).split(/\s+/).filter(Boolean);
  const found = options.filter((one) => words.every((word) => one.searched.includes(word)));
  const first = (one) => (plain(one.code).startsWith(words[0] || "") ? 0 : 1);
  return found.sort((a, b) => first(a) - first(b));
};

const category = new Combo(typed, "分類の候補", (item) => take(item));
typed.addEventListener("input", () => category.show(fits(typed.value).slice(0, MAX_SHOWN)));
typed.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && category.list.hidden) {
    category.show(fits("").slice());
    event.preventDefault();
  }
});
typed.addEventListener("focus", () => typed.select());
typed.addEventListener("blur", () => {
  const exact = options.find((one) => plain(one.code) === plain(typed.value.trim()));
  if (exact) take(exact);
  else if (!typed.value.trim()) take(null);
  else typed.value = chosen() ? chosen().label : typed.value;
});

const take = (one) => {
  const before = select.value;
  select.value = one ? one.code : "";
  if (one) typed.value = one.label;
  if (select.value) typed.removeAttribute("aria-invalid");
  if (before === select.value) return;
  showQuestions();
  showGuide();
  lookForSame();
};

// -- triage questions --------------------------------------------------------------------

const asks = [...document.querySelectorAll(".ask")];
const held = byId("tagged-field");

const showQuestions = () => {
  const one = chosen();
  for (const ask of asks) {
    const said = ask.querySelector("input:checked");
    ask.hidden = Boolean(one) && !ask.dataset.codes.split(" ").includes(one.code) && !said;
    if (!one) ask.hidden = !said;
  }
  const none = byId("triage-none");
  if (none) {
    const left = asks.some((ask) => !ask.hidden);
    none.textContent = one && !left ? "この分類で聞くことはありません。" : "";
    if (!one) none.textContent = "分類を選ぶと、聞くことがここに出ます。";
  }
  if (held) held.hidden = !(one && one.option.dataset.hold) && !byId("tagged_on").value;
  sumUp();
};

const sumUp = () => {
  const one = chosen();
  const sum = byId("sum");
  if (!one) {
    sum.textContent = "分類と場所を入れると、受け付けられます。";
    return;
  }
  const own = one.option.dataset.urgency;
  const raised = [own, byId("urgency").value];
  const isReferral = one.option.dataset.duty === "移管";
  for (const ask of asks) {
    const said = ask.querySelector("input:checked");
    if (said && said.value === "yes") raised.push(ask.dataset.raises);
  }
  const top = isReferral ? own : raised.filter(Boolean).sort((a, b) => SIGNS.indexOf(a) - SIGNS.indexOf(b))[0];
  sum.replaceChildren(
    made("span", { class: `sign sign-${top}`, "aria-hidden": "true" }),
    made("span", {}, top === own ? ` 緊急度 ${own}(分類のまま)` : ` 緊急度 ${own} → ${top} に上がります`),
  );
  sum.firstChild.append(made("span", {}, top));
};
for (const ask of asks) ask.addEventListener("change", sumUp);
// The access key of the questions leads to the first one, ready for the space bar.
const triage = byId("triage");
if (triage) triage.addEventListener("focus", () => {
  const first = asks.find((ask) => !ask.hidden);
  if (first) first.querySelector("input").focus();
});
byId("urgency").addEventListener("change", sumUp);

// -- the guide beside the form -----------------------------------------------------------

let panel = 0;
const showGuide = async () => {
  const code = select.value;
  const number = ++panel;
  if (!code) return;
  const answer = await fetch(`/guide/${encodeURIComponent(code)}/panel`);
  const text = await answer.text();
  if (answer.ok && number === panel) byId("guide").innerHTML = text; // our own page's markup
};

// -- the place, while it is typed --------------------------------------------------------

const address = byId("address");
const landmark = byId("landmark");
const told = byId("place-told");
const toldFirst = told.textContent;
const places = new Combo(address, "住所の候補", (item) => {
  address.value = item.label;
  lookUp();
});

const lookUp = afterTyping(async (signal) => {
  const body = { address: address.value.trim(), landmark: landmark.value.trim() };
  if (!body.address && !body.landmark) {
    told.textContent = toldFirst;
    told.className = "place-told";
    return;
  }
  const answer = await asked("/desk/places", body, signal);
  if (!answer) return;
  told.textContent = answer.found ? `場所: ${answer.text}` : `まだ決まりません: ${answer.text}`;
  told.className = answer.found ? "place-told place-found" : "place-told";
  const isMine = document.activeElement === address;
  const others = answer.suggestions.filter((one) => one.label !== body.address);
  places.show(isMine ? others : []);
});
for (const field of [address, landmark]) {
  field.addEventListener("input", () => {
    lookUp();
    lookForSame();
  });
}

// -- like reports, while it is typed -----------------------------------------------------

const same = byId("same");
const lookForSame = afterTyping(async (signal) => {
  const body = { category: select.value, address: address.value.trim(), landmark: landmark.value.trim() };
  const known = same.dataset.url && body.category && (body.address || body.landmark);
  const found = known ? await asked(same.dataset.url, body, signal) : null;
  const rows = found ? found.duplicates : [];
  byId("same-list").replaceChildren(...rows.map((row) => {
    const item = made("li");
    const link = made("a", { href: `/charts/${encodeURIComponent(row.id)}`, target: "_blank", rel: "noopener" }, row.number);
    item.append(link, made("span", {}, ` ${row.category}・${row.status}`), made("span", { class: "sub" }, row.why));
    return item;
  }));
  byId("same-h").textContent = `近くの同じような相談(${rows.length}件)`;
  same.hidden = rows.length === 0;
});

// -- the whole form ----------------------------------------------------------------------

byId("desk").addEventListener("submit", (event) => {
  const finds = event.submitter && event.submitter.hasAttribute("formaction");
  if (finds || select.value) return;
  event.preventDefault();
  typed.setAttribute("aria-invalid", "true");
  typed.setCustomValidity("分類を選んでください");
  typed.reportValidity();
  typed.setCustomValidity("");
  typed.focus();
});
if (chosen()) typed.value = chosen().label;
showQuestions();
if (address.value || landmark.value) {
  lookUp();
  lookForSame();
}
const problem = byId("problem");
if (problem) {
  const link = problem.querySelector("a");
  if (link.hash === "#category") link.hash = "#category-typed";
  problem.focus();
} else {
  typed.focus();
}
