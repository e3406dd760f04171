// What the page holds, and small tools that all parts share. Values of the dataset are set as text, never as HTML.
const DATA = JSON.parse(document.getElementById("data").textContent);
for (const each of DATA.datasets) {
  for (const column of [...each.columns, ...each.facets]) column.codes = unpacked(column.codes);
}
const state = { number: 0, rows: [], order: [], marks: DATA.datasets.map(() => []), opened: null };
const made = new Map();

/** The numbers of a column, of which small ones come as letters. */
function unpacked(codes) {
  if (typeof codes !== "string") return codes;
  return Array.from(codes, (letter) => DATA.letters.indexOf(letter));
}

/** The dataset that is looked at. */
function dataset() {
  return DATA.datasets[state.number];
}

/** The small pictures of the dataset, by the row of their image; read at first use. */
function thumbnails() {
  if (!made.has(state.number)) {
    made.set(state.number, JSON.parse(document.getElementById(`thumbnails-${state.number}`).textContent));
  }
  return made.get(state.number);
}

/** An element with its properties and children; a text is a text. */
function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function column(name) {
  return dataset().columns.find((each) => each.name === name);
}

/** The text of a cell of the table of images, "" where it says nothing. */
function cell(row, name) {
  const found = column(name);
  const code = found ? found.codes[row] : -1;
  return code < 0 ? "" : found.values[code];
}

function imageCount() {
  const first = dataset().columns[0];
  return first ? first.codes.length : 0;
}

const grouped = new Intl.NumberFormat("en");
function thousands(number) {
  return grouped.format(number);
}

/** Buttons that lead through pages of `size`; `draw(from, to)` shows one. */
function pages(place, count, size, draw, what) {
  let page = 0;
  const last = Math.max(0, Math.ceil(count / size) - 1);
  const before = el("button", { type: "button", textContent: "Previous" });
  const after = el("button", { type: "button", textContent: "Next" });
  const said = el("span", { role: "status" });
  function show() {
    before.disabled = page === 0;
    after.disabled = page === last;
    const to = Math.min(count, (page + 1) * size);
    said.textContent = count ? `${what} ${thousands(page * size + 1)} to ${thousands(to)} of ${thousands(count)}` : "";
    draw(page * size, to);
  }
  before.onclick = () => { page -= 1; show(); };
  after.onclick = () => { page += 1; show(); };
  place.replaceChildren(...(last ? [before, after, said] : []));
  show();
}
