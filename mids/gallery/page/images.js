// The images that fit the filters: the mosaic, and the table with sorting and a choice of columns.
const LINES = 50;
const FIRST = ["filename", "unlikely", "unlikely_reason", "participant_id", "session_id", "suffix", "bp", "vp", "lat", "sex", "age", "slices", "labels"];
const numeric = new Intl.Collator("en", { numeric: true });
const shown = { columns: [], sort: "filename", down: false };

function startImages() {
  const names = dataset().columns.map((each) => each.name);
  shown.columns = names.filter((name) => FIRST.includes(name)).sort((a, b) => FIRST.indexOf(a) - FIRST.indexOf(b));
  shown.down = names.includes("unlikely");
  shown.sort = shown.down ? "unlikely" : "filename";
  byId("masks").parentElement.hidden = !Object.values(thumbnails()).some((each) => each.legend.length);
  byId("columns").replaceChildren(...names.map(columnChoice));
  startFacets();
  filterImages();
}

function columnChoice(name) {
  const box = el("input", { type: "checkbox", checked: shown.columns.includes(name) });
  box.onchange = () => {
    shown.columns = box.checked ? [...shown.columns, name] : shown.columns.filter((each) => each !== name);
    drawTable();
  };
  return el("label", {}, box, name);
}

/** The rows that fit all filters; a text is looked for in every column. */
function filterImages() {
  const words = byId("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.map((word) => dataset().columns.map((each) => [each.codes, fitting(each.values, word)]).filter(([, values]) => values.size));
  const marks = byId("marked").checked ? new Set(state.marks[state.number].map((mark) => mark.row)) : null;
  const { rows, counts } = facetRows((row) => (!marks || marks.has(row))
    && hits.every((columns) => columns.some(([codes, values]) => values.has(codes[row]))));
  state.rows = rows;
  byId("found").textContent = `${thousands(rows.length)} of ${thousands(imageCount())} images`;
  drawFacets(counts);
  drawPicked();
  sortImages();
}

function fitting(values, word) {
  const found = new Set();
  values.forEach((value, code) => { if (value.toLowerCase().includes(word)) found.add(code); });
  return found;
}

function sortImages() {
  state.order = sorted();
  drawWall();
  drawTable();
}

function sorted() {
  const by = column(shown.sort);
  if (!by) return state.rows;
  by.rank ??= rankOf(by.values);
  const place = (row) => (by.codes[row] < 0 ? Infinity : (shown.down ? -1 : 1) * by.rank[by.codes[row]]);
  return [...state.rows].sort((a, b) => (place(a) === place(b) ? a - b : place(a) - place(b)));
}

/** The place of each value in their order; of thousands of names that come in order no second look is needed. */
function rankOf(values) {
  const order = [...values.keys()].sort((a, b) => numeric.compare(values[a], values[b]));
  const rank = new Array(values.length);
  order.forEach((code, place) => { rank[code] = place; });
  return rank;
}

function drawTable() {
  byId("table").tHead.replaceChildren(el("tr", {}, ...shown.columns.map(tableHead)));
  pages(byId("table-pages"), state.order.length, LINES, (from, to) => {
    byId("table").tBodies[0].replaceChildren(...state.order.slice(from, to).map(tableRow));
  }, "Images");
}

function tableHead(name) {
  const isBy = shown.sort === name;
  const arrow = isBy ? (shown.down ? " ▼" : " ▲") : "";
  const button = el("button", { type: "button", textContent: name + arrow });
  button.onclick = () => {
    shown.down = isBy && !shown.down;
    shown.sort = name;
    sortImages();
    byId("table").tHead.querySelector("[aria-sort] button").focus();
  };
  return el("th", { scope: "col", ...(isBy ? { "aria-sort": shown.down ? "descending" : "ascending" } : {}) }, button);
}

function tableRow(row) {
  return el("tr", {}, ...shown.columns.map((name) => {
    const text = cell(row, name);
    if (name !== "filename") return el("td", { textContent: text });
    const button = el("button", { type: "button", className: "link", textContent: text.split("/").pop() });
    button.onclick = () => openCard(row);
    return el("td", {}, button);
  }));
}
