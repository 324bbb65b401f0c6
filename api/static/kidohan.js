// Small enhancements: the planning progress, the proof, the dispatcher's name.
"use strict";

// What a script sends carries the session's token, as every form does.
const formToken = document.querySelector('meta[name="csrf"]');
if (formToken) {
  const plainFetch = window.fetch.bind(window);
  window.fetch = (address, options = {}) => {
    const target = new URL(address instanceof Request ? address.url : address, window.location.href);
    const isRead = ["GET", "HEAD"].includes((options.method || "GET").toUpperCase());
    if (isRead || target.origin !== window.location.origin) return plainFetch(address, options);
    const headers = new Headers(options.headers);
    headers.set("X-CSRF-Token", formToken.content);
    return plainFetch(address, { ...options, headers });
  };
}

// Server events tell the progress; where they do not come through, it is asked for.
const progress = document.getElementById("progress");
if (progress) {
  const bar = document.getElementById("bar");
  const step = document.getElementById("step");
  const goesOn = (job) => {
    const isNew = job.has_result && progress.dataset.shown === "no";
    if (job.state !== "running" || isNew) return false;
    bar.value = job.done;
    if (job.step) step.textContent = job.step;
    return true;
  };
  const ask = async () => {
    const answer = await fetch("/plan/progress");
    if (goesOn(await answer.json())) window.setTimeout(ask, 700);
    else window.location.reload();
  };
  const events = new EventSource("/plan/progress/stream");
  events.onmessage = (event) => {
    if (goesOn(JSON.parse(event.data))) return;
    events.close();
    window.location.reload();
  };
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) window.setTimeout(ask, 700);
  };
}

// The proof takes a moment on a large day: the page does not wait for it.
const bound = document.getElementById("bound");
if (bound) {
  fetch(bound.dataset.url).then(async (answer) => {
    if (answer.ok) bound.textContent = await answer.text();
  });
}

// The name stays in this browser, so that it need not be typed with every action.
const NAME = "kidohan-who";
const fields = [...document.querySelectorAll('input[name="who"]')];
for (const field of fields) {
  if (!field.value) field.value = window.localStorage.getItem(NAME) || "";
  field.addEventListener("change", () => {
    window.localStorage.setItem(NAME, field.value);
    for (const hidden of fields) if (hidden.type === "hidden") hidden.value = field.value;
  });
}
