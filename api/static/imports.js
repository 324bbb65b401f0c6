// Keeps the list of imports up to date for as long as one of them runs.
"use strict";

const EVERY_MS = 2000;

async function refresh() {
  const list = document.getElementById("imports");
  if (!list || !("running" in list.dataset)) return;
  // Whoever reads or presses something in the list is not disturbed.
  const isUsed = list.contains(document.activeElement) || list.querySelector("details[open]");
  if (!isUsed && !document.hidden) {
    try {
      const answer = await fetch("/imports", { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("imports");
        if (fresh) list.replaceWith(document.adoptNode(fresh));
      }
    } catch {
      // The service is away for a moment: asked again.
    }
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
