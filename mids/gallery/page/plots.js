// Plots, each with its numbers as a table. The colours are those of Okabe and Ito, seen apart without colour vision.
const SERIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
const UNKNOWN = "not known";
const LETTER = 6.6; // pixels of a letter in an axis, at most

function drawPlots() {
  const found = dataset().plots.map((plot) => {
    const figure = el("figure", { id: `plot-${plot.key}` }, el("figcaption", { textContent: plot.title }));
    byId("plot-list").append(figure);
    return [figure, plot];
  });
  if (!found.length) byId("plot-list").append(el("p", { textContent: "There is nothing to count." }));
  for (const [figure, plot] of found) {
    figure.append(drawn(plot, Math.max(280, figure.clientWidth - 26)));
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
  const rows = plot.rows.map(([category, series, number]) => ({ category, series, number }));
  const categories = distinct(rows.map((row) => row.category));
  const series = distinct(rows.map((row) => row.series));
  const several = series.length > 1;
  const room = Math.min(width * 0.45, 16 + LETTER * Math.max(...categories.map((name) => name.length)));
  const short = (name) => (name.length * LETTER > room ? `${name.slice(0, Math.floor(room / LETTER) - 2)}…` : name);
  const bands = { domain: categories, label: plot.lying ? null : plot.category, tickFormat: short };
  const amounts = { label: plot.measure, grid: true, nice: true };
  const channels = {
    fill: several ? "series" : SERIES[0], stroke: "var(--back)", strokeWidth: 0.5, tip: true,
    channels: several ? { [plot.series]: "series" } : {},
  };
  const bars = plot.lying
    ? Plot.barX(rows, { x: "number", y: "category", ...channels })
    : Plot.barY(rows, { x: "category", y: "number", ...channels });
  return Plot.plot({
    width,
    ...(plot.lying ? { marginLeft: room, height: 46 + 22 * categories.length } : { height: 260 }),
    x: plot.lying ? amounts : bands,
    y: plot.lying ? bands : amounts,
    color: { domain: series, range: colours(series), legend: several },
    marks: [bars, plot.lying ? Plot.ruleX([0]) : Plot.ruleY([0])],
    ariaLabel: plot.title,
    ariaDescription: `${plot.measure} by ${plot.category}; the numbers are in the table below`,
    style: { background: "none", fontSize: "12px" },
  });
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
