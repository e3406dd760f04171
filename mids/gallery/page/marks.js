// Marks: what a person found wrong, as the table that `mids-convert --curation` reads; the browser keeps them.
const WORDS = { exclude: "exclude the image", view: "wrong view", body_part: "wrong body part", laterality: "wrong side" };

function marksOf(row) {
  const own = state.marks[state.number].filter((mark) => mark.row === row);
  const kind = el("select", { id: "mark-field" }, ...Object.entries(WORDS).map(([value, textContent]) => el("option", { value, textContent })));
  const value = el("select", { id: "mark-new" });
  const why = el("input", { id: "mark-why", type: "text", autocomplete: "off" });
  const label = el("label", {}, "It is ", value);
  kind.onchange = () => offer(row, kind.value, value, label);
  kind.onchange();
  const add = el("button", { type: "submit", id: "mark-add", textContent: "Mark" });
  const form = el("form", { className: "filters" }, el("label", {}, "What is wrong ", kind), label, el("label", {}, "Why ", why), add);
  form.onsubmit = (event) => {
    event.preventDefault();
    mark(row, kind.value, value.value, why.value);
  };
  return el("div", {}, el("h3", { textContent: "Mark" }), form, ...own.map(markLine));
}

/** The values that a field may get, but for the one that the image has. */
function offer(row, field, value, label) {
  label.hidden = field === "exclude";
  if (label.hidden) return;
  const now = cell(row, DATA.marks.of[field]);
  const codes = DATA.marks.fields[field].filter(([code]) => code !== now);
  const options = codes.map(([code, words]) => el("option", { value: code, textContent: `${code}: ${words}` }));
  if (now) options.push(el("option", { value: "n/a", textContent: "not known" }));
  value.replaceChildren(...options);
}

/** One mark for each field of an image: a second one takes the first one's place. */
function mark(row, field, value, why) {
  const old = field === "exclude" ? "n/a" : cell(row, DATA.marks.of[field]) || "n/a";
  const marks = state.marks[state.number].filter((each) => each.row !== row || each.field !== field);
  marks.push({ row, file: cell(row, "filename"), field, old, new: field === "exclude" ? "n/a" : value, why });
  setMarks(marks);
}

function setMarks(marks) {
  state.marks[state.number] = marks;
  state.unkept = !keepMarks();
  drawMarks();
  filterImages();
  if (byId("card").open) openCard(state.opened);
}

// --- what the browser keeps ---------------------------------------------------------------------------------

function shelfOf(number) {
  return `mids report: ${DATA.datasets[number].key}`;
}

/** Keeps the marks of the dataset in this browser; false where it keeps nothing. */
function keepMarks() {
  try {
    const marks = state.marks[state.number].map(({ row, ...mark }) => mark);
    if (marks.length) localStorage.setItem(shelfOf(state.number), JSON.stringify({ marks, who: byId("who").value }));
    else localStorage.removeItem(shelfOf(state.number));
    return true;
  } catch {
    return false;
  }
}

/** The marks of an earlier look at the same dataset, of images that it still has. */
function restoreMarks() {
  DATA.datasets.forEach((each, number) => {
    try {
      const { marks = [], who = "" } = JSON.parse(localStorage.getItem(shelfOf(number)) ?? "{}");
      const files = each.columns.find((own) => own.name === "filename");
      const rows = new Map(files.codes.map((code, row) => [files.values[code], row]));
      state.marks[number] = marks.filter((mark) => rows.has(mark.file)).map((mark) => ({ ...mark, row: rows.get(mark.file) }));
      byId("who").value ||= who;
    } catch {
      state.marks[number] = []; // nothing was kept, or by another program
    }
  });
}

function markLine(found) {
  const change = found.field === "exclude" ? WORDS.exclude : `${found.field}: ${found.old} → ${found.new}`;
  const remove = el("button", { type: "button", textContent: "Remove", ariaLabel: `Remove the mark of ${found.file}` });
  remove.onclick = () => setMarks(state.marks[state.number].filter((each) => each !== found));
  return el("p", {}, `${change} ${found.why ? `(${found.why}) ` : ""}`, remove);
}

function drawMarks() {
  const marks = state.marks[state.number];
  byId("download").disabled = byId("forget").disabled = !marks.length;
  byId("mark-list").replaceChildren(...(marks.length
    ? marks.map((found) => el("div", {}, el("code", { textContent: found.file }), markLine(found)))
    : [el("p", { className: "note", textContent: "Nothing is marked." })]));
}

/** A cell of the table: no tabs, line ends or control characters. */
function clean(text) {
  return text.replace(/[\s\p{C}\p{Z}]+/gu, " ").trim();
}

function download() {
  const who = byId("who").value;
  const lines = state.marks[state.number].map((found) => DATA.marks.columns.map((name) => clean({ ...found, who }[name])).join("\t"));
  const text = [DATA.marks.columns.join("\t"), ...lines].join("\n") + "\n";
  const address = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
  el("a", { href: address, download: "curation.tsv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
