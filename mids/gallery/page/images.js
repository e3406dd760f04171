// The table of images: filter, sort, columns, and the card of one image.
const LINES = 50;
const FIRST = ["filename", "unlikely", "participant_id", "session_id", "suffix", "bp", "vp", "lat", "sex", "age", "slices", "labels"];
const CHOICES = ["suffix", "group", "bp", "vp", "lat", "sex", "patient_position", "partition", "covid_test", "Manufacturer"];
const NAMES = { suffix: "kind", bp: "body part (bp)", vp: "view (vp)", lat: "side (lat)" };
const NONE = "\u0000none";
const numeric = new Intl.Collator("en", { numeric: true });
const shown = { columns: [], sort: "filename", down: false };

function startImages() {
  const names = dataset().columns.map((each) => each.name);
  shown.columns = names.filter((name) => FIRST.includes(name)).sort((a, b) => FIRST.indexOf(a) - FIRST.indexOf(b));
  shown.down = names.includes("unlikely");
  shown.sort = shown.down ? "unlikely" : "filename";
  const search = el("label", {}, "Find ", el("input", { type: "search", id: "search", autocomplete: "off" }));
  const masks = el("input", { type: "checkbox", id: "masks", checked: true });
  masks.onchange = () => document.body.classList.toggle("without-masks", !masks.checked);
  document.body.classList.remove("without-masks");
  const marked = el("input", { type: "checkbox", id: "marked" });
  byId("filters").replaceChildren(
    search, ...CHOICES.map(choice).filter(Boolean),
    el("label", { className: "check" }, marked, "marked only"), el("label", { className: "check" }, masks, "show masks"),
  );
  byId("filters").onsubmit = (event) => event.preventDefault();
  byId("filters").oninput = (event) => { if (event.target !== masks) filterImages(); };
  byId("columns").replaceChildren(...names.map(columnChoice));
  filterImages();
}

function choice(name) {
  const found = column(name);
  if (!found || found.values.length + Number(found.codes.includes(-1)) < 2 || found.values.length > 60) return null;
  const options = [el("option", { value: "", textContent: "all" })];
  for (const value of [...found.values].sort(numeric.compare)) options.push(el("option", { value, textContent: value }));
  if (found.codes.includes(-1)) options.push(el("option", { value: NONE, textContent: "not known" }));
  return el("label", {}, NAMES[name] ?? name, el("select", { "data-column": name }, ...options));
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
  const wanted = [...byId("filters").querySelectorAll("select")].filter((each) => each.value).map((each) => {
    const found = column(each.dataset.column);
    return [found.codes, each.value === NONE ? -1 : found.values.indexOf(each.value)];
  });
  const words = byId("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.map((word) => dataset().columns.map((each) => [each.codes, fitting(each.values, word)]));
  const marks = byId("marked").checked ? new Set(state.marks[state.number].map((mark) => mark.row)) : null;
  state.rows = [];
  for (let row = 0; row < imageCount(); row += 1) {
    const fits = wanted.every(([codes, code]) => codes[row] === code)
      && hits.every((columns) => columns.some(([codes, values]) => values.has(codes[row])));
    if (fits && (!marks || marks.has(row))) state.rows.push(row);
  }
  byId("found").textContent = `${thousands(state.rows.length)} of ${thousands(imageCount())} images`;
  drawWall();
  drawTable();
}

function fitting(values, word) {
  const found = new Set();
  values.forEach((value, code) => { if (value.toLowerCase().includes(word)) found.add(code); });
  return found;
}

function sorted() {
  const by = column(shown.sort);
  if (!by) return state.rows;
  const order = [...by.values.keys()].sort((a, b) => numeric.compare(by.values[a], by.values[b]));
  const rank = new Map(order.map((code, place) => [code, place]));
  const place = (row) => (by.codes[row] < 0 ? Infinity : (shown.down ? -1 : 1) * rank.get(by.codes[row]));
  return [...state.rows].sort((a, b) => (place(a) === place(b) ? a - b : place(a) - place(b)));
}

function drawTable() {
  byId("table").tHead.replaceChildren(el("tr", {}, ...shown.columns.map(tableHead)));
  const rows = sorted();
  pages(byId("table-pages"), rows.length, LINES, (from, to) => {
    byId("table").tBodies[0].replaceChildren(...rows.slice(from, to).map(tableRow));
  }, "Images");
}

function tableHead(name) {
  const isBy = shown.sort === name;
  const arrow = isBy ? (shown.down ? " ▼" : " ▲") : "";
  const button = el("button", { type: "button", textContent: name + arrow });
  button.onclick = () => {
    shown.down = isBy && !shown.down;
    shown.sort = name;
    drawTable();
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

/** The card of an image: its panes, all that is known of it, marks, and the viewer where there is one. */
function openCard(row) {
  state.opened = row;
  byId("card-title").textContent = cell(row, "filename");
  const facts = dataset().columns.filter((each) => each.codes[row] >= 0 && each.name !== "filename");
  const list = facts.flatMap((each) => [
    el("dt", { textContent: each.name }), el("dd", { textContent: each.values[each.codes[row]] })]);
  byId("card-content").replaceChildren(
    el("div", {}, panes(row, 1.6), legend(row) ?? ""), viewerOf(row) ?? "", marksOf(row),
    el("h3", { textContent: "Details" }), el("dl", { className: "about" }, ...list));
  if (!byId("card").open) byId("card").showModal();
}
