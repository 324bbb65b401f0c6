// Small enhancements: the planning progress, and remembering the dispatcher's name.
"use strict";

const progress = document.getElementById("progress");
if (progress) {
  const bar = document.getElementById("bar");
  const step = document.getElementById("step");
  const ask = async () => {
    const answer = await fetch("/plan/progress");
    const job = await answer.json();
    if (job.state !== "running") {
      window.location.reload();
      return;
    }
    bar.value = job.done;
    if (job.step) step.textContent = job.step;
    window.setTimeout(ask, 700);
  };
  window.setTimeout(ask, 700);
}

// The name stays in this browser, so that it need not be typed with every action.
const NAME = "kidohan-who";
for (const field of document.querySelectorAll('input[name="who"]')) {
  if (!field.value) field.value = window.localStorage.getItem(NAME) || "";
  field.addEventListener("change", () => window.localStorage.setItem(NAME, field.value));
}
