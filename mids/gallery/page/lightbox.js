// The lightbox: one image, large, with all that is known of it, marks, and what can be copied.
const PRESETS = [["Lung", -600, 1500], ["Bone", 400, 1800], ["Soft tissue", 40, 400]];
const STRIP = 7;
const look = { stage: null, views: [], at: 0, original: null, token: 0, turn: 0, isBefore: false, left: null };
const madeLarge = new Map();

/** The large images of the dataset, by the row of their image; read at first use. */
function largeImages() {
  if (!madeLarge.has(state.number)) madeLarge.set(state.number, JSON.parse(byId(`large-${state.number}`).textContent));
  return madeLarge.get(state.number);
}

function openCard(row) {
  const isOther = state.opened !== row;
  state.opened = row;
  byId("card-title").textContent = cell(row, "filename").split("/").pop();
  byId("card-title").title = cell(row, "filename");
  look.left = null;
  drawDetails(row);
  openDialog(state.order.indexOf(row), state.order.length);
  if (isOther) startLook(row);
  keepAddress();
}

/** Opens the lightbox, which shows the image number `at` of `count`. */
function openDialog(at, count) {
  if (!byId("card").open) byId("card").showModal();
  look.stage ??= new Stage(byId("stage"), drawWords);
  byId("card-place").textContent = at < 0 ? "" : `${thousands(at + 1)} of ${thousands(count)}`;
  byId("previous").disabled = at <= 0;
  byId("next").disabled = at < 0 || at === count - 1;
}

function step(by) {
  if (look.left !== null) {
    if (dataset().left[look.left + by]) openLeft(look.left + by);
    return;
  }
  const row = state.order[state.order.indexOf(state.opened) + by];
  if (state.order.includes(state.opened) && row !== undefined) openCard(row);
}

function drawDetails(row) {
  const facts = dataset().columns.filter((each) => each.codes[row] >= 0);
  const list = facts.flatMap((each) => [el("dt", { textContent: each.name.replaceAll("_", "_\u200b") }), el("dd", { textContent: each.values[each.codes[row]] })]);
  byId("card-content").replaceChildren(
    copies(row), legend(row) ?? "", marksOf(row), el("h3", { textContent: "Details" }), el("dl", { className: "about" }, ...list));
}

// --- copying -----------------------------------------------------------------------------------------------

function copies(row) {
  const file = cell(row, "filename");
  const python = `mids.Dataset(${JSON.stringify(dataset().folderName)}).load(${JSON.stringify(file)})`;
  const texts = [["subject ID", cell(row, "participant_id")], ["path", file], ["Python", python]];
  const buttons = texts.filter(([, text]) => text).map(([what, text]) => {
    const button = el("button", { type: "button", textContent: `Copy ${what}`, title: text, "data-copy": what });
    button.onclick = () => copy(text, what);
    return button;
  });
  return el("div", { className: "copies" }, ...buttons, el("span", { id: "copied", role: "status" }));
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    byId("copied").textContent = `${what} copied`;
  } catch {
    byId("copied").replaceChildren(el("code", { textContent: text })); // to be selected by hand
  }
}

// --- what is on the stage ----------------------------------------------------------------------------------

function startLook(row) {
  const small = thumbnails()[row];
  const large = largeImages()[row] ?? [];
  Object.assign(look, { original: null, isBefore: false, token: look.token + 1, turn: look.turn + 1 });
  const panes = (small?.panes ?? []).map(([plane, place, letters, width, height, image, mask], at) => (
    { plane, place, letters, width, height, image, mask, large: large[at] || "" }));
  const first = panes[0];
  const strip = (small?.strip ?? []).map(([place, width, height, image]) => (
    { plane: first.plane, place, letters: first.letters, width, height, image, mask: "", large: "", isSlice: true }));
  look.views = [...panes, ...strip];
  drawLook(row, small?.problem ? `No thumbnail: ${small.problem}` : "This image has no thumbnail in the page.");
}

/** Shows the first view with the tools for its row; without any view, `why` there is none. */
function drawLook(row, why) {
  drawTools(row);
  drawViews();
  delete byId("stage").dataset.shown;
  byId("stage-note").textContent = look.views.length ? "" : why;
  byId("stage").hidden = !look.views.length;
  if (look.views.length) showView(0);
  else drawWords(null);
}

/** Shows a preview; of a CT its grey values stand for Hounsfield units within the window of the preview. */
async function showView(at, isSame = false) {
  const turn = ++look.turn; // of two views that are read at once the one that was asked for last is shown
  look.at = at;
  const view = look.views[at];
  if (view.draw) {
    look.stage.show(view.draw(), isSame);
  } else {
    const [image, mask] = await Promise.all([loaded(look.isBefore ? beforeOf(state.opened) : view.large || view.image), view.mask ? loaded(view.mask) : null]);
    if (turn !== look.turn) return;
    const plane = eightBits(image);
    const range = thumbnails()[state.opened]?.hounsfield;
    if (range && !plane.colour) {
      plane.values = plane.values.map((value) => range[0] + (value * (range[1] - range[0])) / 255);
      Object.assign(plane, { window: [(range[0] + range[1]) / 2, range[1] - range[0]], unit: "HU", range });
    }
    Object.assign(plane, { mask: look.isBefore ? null : mask, boxes: redacted(state.opened), ratio: (view.height / view.width) * (plane.columns / plane.rows) });
    if (look.isBefore) plane.ratio = 1;
    look.stage.show(plane, isSame);
  }
  byId("stage").setAttribute("aria-label", `${view.plane} ${view.place} of ${byId("card-title").textContent}`);
  byId("views").querySelectorAll("button").forEach((button, number) => button.setAttribute("aria-current", String(number === at)));
}

async function loaded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

/** The redacted areas of an image, as parts of its height and width. */
function redacted(row) {
  const [rows, columns] = [Number(cell(row, "rows")), Number(cell(row, "columns"))];
  if (!byId("areas")?.checked || !rows || !columns) return [];
  return boxesOf(row).map(([top, left, bottom, right]) => [top / rows, left / columns, bottom / rows, right / columns]);
}

function boxesOf(row) {
  try {
    const boxes = JSON.parse(cell(row, "BlankedRegions") || "[]");
    return Array.isArray(boxes) ? boxes.filter((box) => Array.isArray(box) && box.length === 4) : [];
  } catch {
    return [];
  }
}

/** The image before redaction: only a private page has it. */
function beforeOf(row) {
  return dataset().before[cell(row, "filename")];
}

function drawViews() {
  const several = look.views.length > 1;
  byId("views").hidden = !several;
  byId("views").replaceChildren(...(several ? look.views.map((view, at) => {
    const words = `${view.plane} ${view.place}`;
    const content = view.image ? el("img", { src: view.image, alt: "" }) : view.small();
    const button = el("button", { type: "button", className: view.isSlice ? "slice" : "", title: words, ariaLabel: `Show ${words}` }, content);
    button.onclick = () => showView(at, view.isSlice);
    return button;
  }) : []));
}

/** Under the image: which plane, how many bits, window and level, and what a preview can't show. */
function drawWords(stage) {
  const view = look.views[look.at];
  if (!stage?.plane || !view) return byId("stage-words").replaceChildren();
  const { unit, range } = stage.plane;
  const number = (value) => thousands(Math.round(value));
  const size = `${stage.plane.columns} × ${stage.plane.rows}`;
  const what = look.original ? "original" : look.isBefore || look.left !== null ? "source, as it lies there" : "preview, 8 bits";
  const said = [`${what}, ${size}`, [view.plane === "picture" ? "" : view.plane, view.place].filter(Boolean).join(" "),
    `W ${number(stage.width)} L ${number(stage.centre)}${unit && ` ${unit}`}`, stage.zoom > 1 ? `${stage.zoom.toFixed(1)} ×` : ""];
  const low = stage.centre - stage.width / 2;
  const cut = range && (low < range[0] - 1 || low + stage.width > range[1] + 1)
    ? `This preview holds ${number(range[0])} to ${number(range[1])} HU; what lies beyond is in the original only.` : "";
  byId("stage-words").replaceChildren(el("span", { textContent: said.filter(Boolean).join(" · ") }), cut ? el("span", { className: "cut", textContent: cut }) : "");
  byId("side-left").textContent = stage.zoom === 1 && view.letters ? view.letters[0] : "";
  byId("side-above").textContent = stage.zoom === 1 && view.letters ? view.letters[2] : "";
}

// --- tools -------------------------------------------------------------------------------------------------

function tool(words, act, properties = {}) {
  const button = el("button", { type: "button", textContent: words, ...properties });
  button.onclick = act;
  return button;
}

function drawTools(row) {
  // Presets are Hounsfield units, which no other image than a CT has.
  const presets = thumbnails()[row]?.hounsfield ? PRESETS : [];
  const buttons = presets.map(([words, centre, width], at) => tool(words, () => look.stage.setWindow(centre, width), { title: `key ${at + 1}`, "data-preset": at + 1 }));
  const tools = [
    el("span", { className: "group", role: "group", ariaLabel: "Window" }, ...buttons, tool("Invert", () => look.stage.invert(), { title: "key i" })),
    el("span", { className: "group", role: "group", ariaLabel: "Zoom" }, tool("−", () => look.stage.zoomBy(1 / 1.4), { ariaLabel: "Zoom out", title: "key -" }),
      tool("+", () => look.stage.zoomBy(1.4), { ariaLabel: "Zoom in", title: "key +" }), tool("Reset", resetLook, { title: "key 0" })),
  ];
  if (look.views.some((view) => view.mask)) tools.push(opacityTool());
  if (boxesOf(row).length) tools.push(areasTool());
  if (beforeOf(row)) tools.push(tool("Before redaction", switchBefore, { id: "before", "aria-pressed": "false", title: "key b" }));
  const way = row === null ? null : wayTo(row);
  if (way) tools.push(originalTool(row, way));
  else if (/\.nii(\.gz)?$/.test(cell(row, "filename"))) tools.push(el("span", { className: "note", textContent: "All slices and values: mids report --viewer" }));
  byId("tools").replaceChildren(...tools);
}

function opacityTool() {
  const range = el("input", { type: "range", id: "opacity", min: 0, max: 100, value: Math.round(100 * look.stage.opacity) });
  range.oninput = () => { look.stage.opacity = range.value / 100; look.stage.draw(); };
  return el("label", { className: "check" }, "Masks", range);
}

function areasTool() {
  const box = el("input", { type: "checkbox", id: "areas", checked: true });
  box.onchange = () => showView(look.at, true);
  return el("label", { className: "check" }, box, "Redacted areas");
}

function switchBefore() {
  look.isBefore = !look.isBefore;
  byId("before").setAttribute("aria-pressed", String(look.isBefore));
  showView(0, true);
}

function resetLook() {
  const { plane } = look.stage;
  look.stage.inverted = false;
  look.stage.fit();
  if (plane) look.stage.setWindow(...plane.window);
}

function originalTool(row, way) {
  if (way !== "choose") return tool("Open the original", () => openOriginal(row), { id: "view" });
  const input = el("input", { type: "file", accept: ".png,.nii,.gz" });
  input.onchange = () => input.files[0] && openOriginal(row, input.files[0]);
  return el("label", { className: "check", title: "A page that was opened from a disk may not read other files by itself" }, "Choose the original", input);
}

async function openOriginal(row, file) {
  const token = look.token;
  byId("stage-note").textContent = "Reading …";
  try {
    const original = await readOriginal(row, file);
    if (token !== look.token) return;
    look.original = original;
    byId("stage").hidden = false;
    byId("stage-note").textContent = "";
    const kinds = Object.keys(original.counts);
    look.views = [...kinds.map((kind) => viewOf(row, kind)), ...sliceViews(row, kinds[0])];
    byId("view")?.remove();
    drawViews();
    await showView(0);
    byId("stage").focus({ preventScroll: true });
    byId("stage").dataset.shown = "yes";
  } catch {
    byId("stage-note").textContent = "The original can't be shown: it could not be read, or it is not a file of this kind.";
  }
}

/** A slice of a plane of the original; the middle one, if none is given. */
function viewOf(row, kind, at = Math.floor(look.original.counts[kind] / 2), isSlice = false) {
  const { counts, plane } = look.original;
  const letters = thumbnails()[row]?.panes.find((pane) => pane[0] === kind)?.[2] ?? "";
  return {
    plane: kind, place: counts[kind] > 1 ? `${at + 1} of ${counts[kind]}` : "", letters, isSlice, slice: at, count: counts[kind], mask: "",
    draw: () => plane(kind, at), small: () => smallOf(plane(kind, at)),
  };
}

function sliceViews(row, kind) {
  const count = look.original.counts[kind];
  if (count <= STRIP) return [];
  return Array.from({ length: STRIP }, (_, at) => viewOf(row, kind, Math.round(((at + 0.5) * count) / STRIP - 0.5), true));
}

function smallOf(plane) {
  const stage = { plane, pixels: el("canvas"), centre: plane.window[0], width: plane.window[1], inverted: false, draw() {} };
  Stage.prototype.paint.call(stage);
  stage.pixels.style.aspectRatio = `${plane.columns} / ${plane.rows * plane.ratio}`;
  return stage.pixels;
}

/** The next slice: of an original one further in its plane, of previews the next in the strip. */
function slide(by) {
  const view = look.views[look.at];
  if (!view) return;
  if (view.draw && view.count > 1) {
    const at = Math.min(view.count - 1, Math.max(0, view.slice + by));
    Object.assign(view, { slice: at, place: `${at + 1} of ${view.count}`, draw: () => look.original.plane(view.plane, at) });
    showView(look.at, true);
  } else if (look.views[look.at + by]) {
    showView(look.at + by, Boolean(look.views[look.at + by].isSlice));
  }
}

const KEYS = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => slide(-1), ArrowDown: () => slide(1),
  "+": () => look.stage.zoomBy(1.4), "=": () => look.stage.zoomBy(1.4), "-": () => look.stage.zoomBy(1 / 1.4), 0: resetLook,
  i: () => look.stage.invert(), b: () => byId("before")?.click(), m: () => byId("masks").click(),
  c: () => byId("card-content").querySelector("[data-copy]")?.click(),
  ...Object.fromEntries(PRESETS.map((_, at) => [at + 1, () => byId("tools").querySelector(`[data-preset="${at + 1}"]`)?.click()])),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  const pans = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
  const act = event.shiftKey && pans ? () => look.stage.pan(...pans) : KEYS[event.key];
  if (!act || (look.stage.plane === undefined && !event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  act();
}

byId("card").addEventListener("keydown", pressed);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("card").addEventListener("close", () => {
  const back = look.left === null ? `#wall [data-row="${state.opened}"]` : `#left [data-left="${look.left}"]`;
  Object.assign(look, { left: null, views: [], token: look.token + 1, turn: look.turn + 1 });
  state.opened = null;
  keepAddress();
  // Back to where one came from, also after some steps.
  document.querySelector(back)?.focus();
});
