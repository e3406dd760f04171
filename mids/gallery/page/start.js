// The start of all parts.

/** Shows one dataset in all parts. */
function choose(number) {
  state.number = number;
  if (byId("dataset")) byId("dataset").value = String(number);
  for (const each of document.querySelectorAll("[data-dataset]")) each.hidden = Number(each.dataset.dataset) !== number;
  chosen.clear();
  startImages();
  startPlots();
  startPeople();
  drawMarks();
  drawLeft();
}

function openFile(name) {
  const files = column("filename");
  const row = files.codes.indexOf(files.values.indexOf(name));
  if (row >= 0) openCard(row);
}

/** Shows another dataset, and says so in the address. */
function chooseDataset(number) {
  choose(number);
  keepAddress();
}

/** Goes to a part of the page; the address is kept for what is filtered. */
function goTo(event) {
  const part = byId(event.target.getAttribute("href").slice(1));
  event.preventDefault();
  part.tabIndex = -1;
  part.scrollIntoView();
  part.focus({ preventScroll: true });
}

byId("dataset")?.addEventListener("change", (event) => chooseDataset(Number(event.target.value)));
for (const each of document.querySelectorAll("nav a, a.skip, .hero a")) each.addEventListener("click", goTo);
let typed = 0;
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("search").addEventListener("input", () => {
  filterImages();
  clearTimeout(typed);
  typed = setTimeout(keepAddress, 300);
});
byId("marked").addEventListener("change", filterImages);
byId("masks").addEventListener("change", () => {
  document.body.classList.toggle("without-masks", !byId("masks").checked);
  look.stage?.draw();
});
byId("who").addEventListener("change", () => { state.unkept = !keepMarks(); });
byId("forget").addEventListener("click", () => setMarks([]));
WIDE_ENOUGH.addEventListener("change", () => { byId("facets").open = WIDE_ENOUGH.matches; });
window.addEventListener("hashchange", readAddress);
byId("people-search").addEventListener("input", drawPeople);
byId("people-filter").addEventListener("submit", (event) => event.preventDefault());
byId("download").addEventListener("click", download);
for (const each of document.querySelectorAll("button.open")) each.addEventListener("click", () => openFile(each.dataset.file));
let resized = 0;
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return; // a phone that hides its address bar
  width = window.innerWidth;
  clearTimeout(resized);
  resized = setTimeout(startPlots, 200);
});
window.addEventListener("beforeprint", () => { for (const name of ["plots", "people"]) byId(name).act?.(); });
window.addEventListener("beforeunload", (event) => {
  if (state.unkept) event.preventDefault();
});
restoreMarks();
choose(0);
readAddress();
