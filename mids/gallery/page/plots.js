// Plots, each with its numbers as a table. The colours are those of Okabe and Ito, seen apart without colour vision.
const SERIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#882255", "#999933"];
const UNKNOWN = "not known";
const BARS = 25;
const FONT = "12px system-ui, sans-serif";
const pen = document.createElement("canvas").getContext("2d");
pen.font = FONT;

function drawPlots() {
  const found = dataset().plots.map((plot) => {
    const figure = el("figure", { id: `plot-${plot.key}` }, el("figcaption", { textContent: plot.title }));
    byId("plot-list").append(figure);
    return [figure, plot];
  });
  if (!found.length) byId("plot-list").append(el("p", { textContent: "Nothing to count." }));
  for (const [figure, plot] of found) {
    figure.append(drawn(plot, Math.max(280, figure.clientWidth - 26)));
    const bars = distinct(plot.rows.map((row) => row[0])).length;
    if (bars > BARS) figure.append(el("p", { className: "note", textContent: `The first ${BARS} of ${bars}; all are among the numbers.` }));
    if (plot.note) figure.append(el("p", { className: "note", textContent: plot.note }));
    figure.append(numbersOf(plot));
  }
}

function distinct(values) {
  return [...new Set(values)];
}

function colours(series) {
  let next = 0;
  return series.map((name) => (name === UNKNOWN ? "#8c8c8c" : SERIES[next++ % SERIES.length]));
}

function drawn(plot, width) {
  const categories = distinct(plot.rows.map((row) => row[0])).slice(0, BARS);
  const rows = plot.rows.filter((row) => row[2] && categories.includes(row[0]))
    .map(([category, series, number]) => ({ category, series, number }));
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

function numbersOf(plot) {
  const series = distinct(plot.rows.map((row) => row[1]));
  const numbers = new Map(plot.rows.map(([category, own, number]) => [JSON.stringify([category, own]), number]));
  const head = series.length > 1 || series[0] ? series : [plot.measure];
  const lines = distinct(plot.rows.map((row) => row[0])).map((category) =>
    el("tr", {}, el("th", { scope: "row", textContent: category }), ...series.map((own) =>
      el("td", { className: "number", textContent: thousands(numbers.get(JSON.stringify([category, own])) ?? 0) }))));
  const heads = [plot.category, ...head].map((text) => el("th", { scope: "col", textContent: text }));
  const table = el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...lines));
  return el("details", {}, el("summary", { textContent: "Numbers" }), el("div", { className: "wide" }, table));
}
