// Plots, each with its numbers as a table; a bar chooses the images that it counts. The colours are those of Okabe and Ito, seen apart without colour vision.
const SERIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#882255", "#999933"];
const UNKNOWN = "not known";
const BARS = 25;
const FONT = "12px system-ui, sans-serif";
const pen = document.createElement("canvas").getContext("2d");
pen.font = FONT;

/** The facet by whose values a plot has its bars, where there is one. */
const PICKED = { age: "age", sex: "sex", modalities: "modality", views: "vp", findings: "labels" };
const drawnPlots = [];

/** Makes room for the plots, which are drawn when somebody comes near them, or prints. */
function startPlots() {
  drawnPlots.length = 0;
  byId("plot-list").replaceChildren(...dataset().plots.map((plot) =>
    el("figure", { id: `plot-${plot.key}` }, el("figcaption", { textContent: plot.title }), el("div", { className: "drawing" }), numbersOf(plot))));
  if (!dataset().plots.length) byId("plot-list").append(el("p", { textContent: "Nothing to count." }));
  whenNear(byId("plots"), drawPlots);
}

/** Does something once a part of the page comes near what is seen, or before it is printed. */
function whenNear(part, act) {
  part.watcher?.disconnect();
  part.act = () => { part.watcher.disconnect(); part.act = null; act(); };
  part.watcher = new IntersectionObserver((seen) => { if (seen.some((each) => each.isIntersecting)) part.act?.(); }, { rootMargin: "400px" });
  part.watcher.observe(part);
}

function drawPlots() {
  for (const plot of dataset().plots) {
    const place = byId(`plot-${plot.key}`).querySelector(".drawing");
    place.append(drawn(plot, Math.max(280, place.clientWidth)));
    const bars = distinct(plot.rows.map((row) => row[0])).length;
    const notes = [bars > BARS ? `The first ${BARS} of ${bars}; all are among the numbers.` : "", plot.note].filter(Boolean);
    place.append(...notes.map((text) => el("p", { className: "note", textContent: text })));
    makePickable(plot, place);
  }
  drawPicked();
}

/** The facet and its values that the bars of a plot stand for; null where images can't be chosen by them. */
function facetOfPlot(plot) {
  const facet = PICKED[plot.key] && facetOf(PICKED[plot.key]);
  return facet || null;
}

function valueOfBar(facet, category) {
  if (facet.values.includes(category)) return category;
  return category === UNKNOWN && facet.parts.some((part) => !part.length) ? UNKNOWN_VALUE : null;
}

/** Bars can be clicked; the same is done by the buttons among the numbers, which a keyboard reaches. */
function makePickable(plot, place) {
  const facet = facetOfPlot(plot);
  if (!facet) return;
  const rows = shownRows(plot);
  for (const bar of place.querySelectorAll("[aria-label=bar] rect")) {
    const value = valueOfBar(facet, rows[bar.__data__].category);
    if (value === null) continue;
    bar.style.cursor = "pointer";
    bar.onclick = () => toggle(facet.name, value);
    drawnPlots.push([bar, facet.name, value]);
  }
}

/** Bars of what is not chosen are paler. */
function drawPicked() {
  for (const [bar, name, value] of drawnPlots) bar.style.opacity = !chosen.has(name) || chosen.get(name).has(value) ? 1 : 0.3;
  for (const button of byId("plot-list").querySelectorAll("button[data-pick]")) {
    button.setAttribute("aria-pressed", String(chosen.get(button.dataset.pick)?.has(button.value) ?? false));
  }
}

function distinct(values) {
  return [...new Set(values)];
}

function colours(series) {
  let next = 0;
  return series.map((name) => (name === UNKNOWN ? "#8c8c8c" : SERIES[next++ % SERIES.length]));
}

function shownRows(plot) {
  const categories = new Set(distinct(plot.rows.map((row) => row[0])).slice(0, BARS));
  return plot.rows.filter((row) => row[2] && categories.has(row[0])).map(([category, series, number]) => ({ category, series, number }));
}

function drawn(plot, width) {
  const categories = distinct(plot.rows.map((row) => row[0])).slice(0, BARS);
  const rows = shownRows(plot);
  const series = distinct(rows.map((row) => row.series));
  const several = series.length > 1;
  const room = Math.min(width * 0.45, Math.max(...categories.map((name) => pen.measureText(name).width)));
  const bands = { domain: categories, label: plot.lying ? null : plot.category, tickFormat: (name) => shortened(name, room), tickRotate: plot.lying || width > 420 ? 0 : -45 };
  const most = Math.max(...categories.map((name) => sum(rows.filter((row) => row.category === name))));
  const amounts = { label: plot.measure, grid: true, nice: true, ticks: Math.max(1, Math.min(6, Math.floor(most))) };
  const channels = {
    fill: several ? "series" : SERIES[0], stroke: "var(--back)", strokeWidth: 0.5, tip: true,
    channels: several ? { [plot.series]: "series" } : {},
  };
  const bars = plot.lying
    ? Plot.barX(rows, { x: "number", y: "category", ...channels })
    : Plot.barY(rows, { x: "category", y: "number", ...channels });
  return Plot.plot({
    width,
    marginTop: 26,
    marginBottom: bands.tickRotate ? 66 : 42,
    ...(plot.lying ? { marginLeft: room + 14, height: 68 + 22 * categories.length } : { height: bands.tickRotate ? 304 : 280 }),
    x: plot.lying ? amounts : bands,
    y: plot.lying ? bands : amounts,
    color: { domain: series, range: colours(series), legend: several },
    marks: [bars, plot.lying ? Plot.ruleX([0]) : Plot.ruleY([0])],
    ariaLabel: plot.title,
    ariaDescription: `${plot.measure} by ${plot.category}; the numbers are in the table below`,
    style: { background: "none", font: FONT },
  });
}

function sum(rows) {
  return rows.reduce((total, row) => total + row.number, 0);
}

/** A text that is no wider than `room` pixels. */
function shortened(text, room) {
  let end = text.length;
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > room + 1) end -= 1;
  return pen.measureText(text).width <= room + 1 ? text : `${text.slice(0, end)}…`;
}

/** The name of a bar, as a button where images can be chosen by it. */
function pickOf(plot, category) {
  const facet = facetOfPlot(plot);
  const value = facet && valueOfBar(facet, category);
  if (value === null) return category;
  const button = el("button", { type: "button", className: "link", textContent: category, value, "data-pick": facet.name, "aria-pressed": "false" });
  button.onclick = () => toggle(facet.name, value);
  return button;
}

function numbersOf(plot) {
  const series = distinct(plot.rows.map((row) => row[1]));
  const numbers = new Map(plot.rows.map(([category, own, number]) => [JSON.stringify([category, own]), number]));
  const head = series.length > 1 || series[0] ? series : [plot.measure];
  const lines = distinct(plot.rows.map((row) => row[0])).map((category) =>
    el("tr", {}, el("th", { scope: "row" }, pickOf(plot, category)), ...series.map((own) =>
      el("td", { className: "number", textContent: thousands(numbers.get(JSON.stringify([category, own])) ?? 0) }))));
  const heads = [plot.category, ...head].map((text) => el("th", { scope: "col", textContent: text }));
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...lines));
  return el("details", {}, el("summary", { textContent: "Numbers" }), el("div", { className: "wide" }, table));
}
