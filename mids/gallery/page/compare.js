// Before and after: one image over the other, changed by hand or, less than twice a second, by itself.
(() => {
"use strict";
const BEAT = 600; // ms that either is shown
const pairs = [...document.querySelectorAll(".pair")];
const flicker = document.getElementById("flicker");
const marks = document.getElementById("marks");
let beat = null;

function turn(pair, isBefore) {
  pair.classList.toggle("is-before", isBefore);
  const button = pair.querySelector(".turn");
  if (!button) return;
  button.textContent = isBefore ? "before" : "after";
  button.setAttribute("aria-pressed", String(isBefore));
}

/** All pairs together, so that one look goes over them. */
function turnAll() {
  const isBefore = !pairs[0]?.classList.contains("is-before");
  pairs.forEach((pair) => turn(pair, isBefore));
}

function switchBeat() {
  if (beat === null) beat = setInterval(turnAll, BEAT);
  else { clearInterval(beat); beat = null; }
  flicker.setAttribute("aria-pressed", String(beat !== null));
}

for (const each of document.querySelectorAll(".switches, .switch")) each.hidden = false;
for (const pair of pairs) pair.querySelector(".turn")?.addEventListener("click", () => turn(pair, !pair.classList.contains("is-before")));
flicker?.addEventListener("click", switchBeat);
marks?.addEventListener("change", () => document.body.classList.toggle("without-marks", !marks.checked));
document.addEventListener("keydown", (event) => {
  if (!pairs.length || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("button, input")) return;
  const act = { " ": turnAll, f: switchBeat, m: () => marks.click() }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
})();
