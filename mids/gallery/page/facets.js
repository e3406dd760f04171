// Facets: the values by which images are chosen, how many images each has, and the address that keeps what is chosen.
const SHORT = 7; // values of a facet that are shown before "more"
const UNKNOWN_VALUE = "~"; // in the address, and among the chosen: nothing is known
const WIDE_ENOUGH = matchMedia("(min-width: 60rem)");

/** What is chosen: for each facet its chosen values. */
const chosen = new Map();

function facetOf(name) {
  return dataset().facets.find((each) => each.name === name);
}

function wordsOf(value) {
  return value === UNKNOWN_VALUE ? "not known" : value;
}

function startFacets() {
  const blocks = dataset().facets.map(facetBlock);
  if (DATA.datasets.length > 1) blocks.unshift(datasetBlock());
  byId("facet-list").replaceChildren(...blocks);
  byId("facets").open = WIDE_ENOUGH.matches;
}

function facetBlock(facet) {
  const values = facet.parts.some((part) => !part.length) ? [...facet.values, UNKNOWN_VALUE] : facet.values;
  const list = el("ul", {}, ...values.map((value) => facetLine(facet.name, value)));
  const block = el("details", { className: "facet", open: true, "data-facet": facet.name }, el("summary", { textContent: facet.title }), list);
  if (values.length > SHORT + 1) {
    list.classList.add("short");
    const more = el("button", { type: "button", className: "link", textContent: `all ${values.length}`, ariaLabel: `Show all ${values.length} values of ${facet.title}` });
    more.onclick = () => { list.classList.remove("short"); more.remove(); list.querySelectorAll("input")[SHORT].focus(); };
    block.append(more);
  }
  return block;
}

function facetLine(name, value) {
  const box = el("input", { type: "checkbox", value });
  box.onchange = () => toggle(name, value);
  const line = el("label", {}, box, el("span", { className: "value", textContent: wordsOf(value), title: wordsOf(value) }), el("span", { className: "number" }));
  return el("li", {}, line);
}

function datasetBlock() {
  const lines = DATA.datasets.map((each, number) => {
    const box = el("input", { type: "radio", name: "dataset", value: String(number), checked: number === state.number });
    box.onchange = () => { chooseDataset(number); byId("facet-list").querySelector(`input[type=radio][value="${number}"]`).focus(); };
    return el("li", {}, el("label", {}, box, el("span", { className: "value", textContent: each.name, title: each.name }), el("span", { className: "number" })));
  });
  return el("details", { className: "facet", open: true, "data-facet": "dataset" }, el("summary", { textContent: "dataset" }), el("ul", {}, ...lines));
}

/** Chooses a value, or no longer. */
function toggle(name, value) {
  const values = chosen.get(name) ?? new Set();
  if (!values.delete(value)) values.add(value);
  if (values.size) chosen.set(name, values); else chosen.delete(name);
  filterImages();
  keepAddress();
}

function clearFilters() {
  chosen.clear();
  byId("search").value = "";
  byId("marked").checked = false;
  filterImages();
  keepAddress();
}

/** For each facet the chosen lists of values, as a set of their numbers; null where nothing is chosen. */
function wantedOf(facets) {
  return facets.map((facet) => {
    const values = chosen.get(facet.name);
    if (!values) return null;
    const fits = (part) => (part.length ? part.some((number) => values.has(facet.values[number])) : values.has(UNKNOWN_VALUE));
    return facet.parts.map(fits);
  });
}

/** The rows that `passes` and every facet let through, and how many images each value of a facet would show. */
function facetRows(passes) {
  const facets = dataset().facets;
  const wanted = wantedOf(facets);
  const counts = facets.map((facet) => new Array(facet.parts.length).fill(0));
  const rows = [];
  for (let row = 0; row < imageCount(); row += 1) {
    if (!passes(row)) continue;
    let failed = -1;
    let failures = 0;
    for (let at = 0; at < facets.length && failures < 2; at += 1) {
      if (wanted[at] && !wanted[at][facets[at].codes[row]]) { failed = at; failures += 1; }
    }
    if (!failures) rows.push(row);
    // Another value of the one facet that refuses the image would show it.
    if (failures === 1) counts[failed][facets[failed].codes[row]] += 1;
    else if (!failures) facets.forEach((facet, at) => { counts[at][facet.codes[row]] += 1; });
  }
  return { rows, counts };
}

function drawFacets(counts) {
  dataset().facets.forEach((facet, at) => {
    const numbers = new Map();
    facet.parts.forEach((part, code) => {
      const values = part.length ? part.map((number) => facet.values[number]) : [UNKNOWN_VALUE];
      for (const value of values) numbers.set(value, (numbers.get(value) ?? 0) + counts[at][code]);
    });
    const most = Math.max(1, ...numbers.values());
    for (const box of byId("facet-list").querySelectorAll(`[data-facet="${facet.name}"] input`)) {
      const number = numbers.get(box.value) ?? 0;
      box.checked = chosen.get(facet.name)?.has(box.value) ?? false;
      drawNumber(box.parentElement, number, most);
    }
  });
  const boxes = byId("facet-list").querySelectorAll('[data-facet="dataset"] input');
  boxes.forEach((box, number) => drawNumber(box.parentElement, DATA.datasets[number].columns[0]?.codes.length ?? 0, null));
  drawChosen();
}

function drawNumber(label, number, most) {
  label.lastChild.textContent = thousands(number);
  label.classList.toggle("none", !number);
  if (most) label.style.setProperty("--share", `${Math.round((100 * number) / most)}%`);
}

/** What is chosen, each with a button that takes it back. */
function drawChosen() {
  const buttons = [];
  for (const [name, values] of chosen) {
    for (const value of values) {
      const title = facetOf(name)?.title ?? name;
      const button = el("button", { type: "button", className: "chip", textContent: `${title}: ${wordsOf(value)} ×`, ariaLabel: `Take back ${title} ${wordsOf(value)}` });
      button.onclick = () => { toggle(name, value); byId("found").focus(); };
      buttons.push(button);
    }
  }
  const count = buttons.length;
  if (count || byId("search").value || byId("marked").checked) {
    const clear = el("button", { type: "button", className: "chip", id: "clear", textContent: "Show all" });
    clear.onclick = () => { clearFilters(); byId("found").focus(); };
    buttons.push(clear);
  }
  byId("chosen").replaceChildren(...buttons);
  byId("facets-title").textContent = count ? `Filters (${count})` : "Filters";
}

// --- the address -------------------------------------------------------------------------------------------

/** The address of what is shown: dataset, facets, words and the opened image, after the #. */
function addressOf() {
  const parts = [];
  const add = (name, value) => parts.push(`${encodeURIComponent(name)}=${value}`);
  if (state.number) add("dataset", state.number);
  for (const [name, values] of chosen) add(name, [...values].map(encodeURIComponent).join(","));
  if (byId("search").value.trim()) add("find", encodeURIComponent(byId("search").value.trim()));
  if (state.opened !== null) add("image", encodeURIComponent(cell(state.opened, "filename")));
  return parts.join("&");
}

function keepAddress() {
  const address = `#${addressOf()}`;
  if (address !== (location.hash || "#")) history.replaceState(null, "", address);
}

/** Shows what the address asks for; what the page does not have is ignored. */
function readAddress() {
  const wanted = new Map(location.hash.slice(1).split("&").filter((part) => part.includes("=")).map((part) => {
    const at = part.indexOf("=");
    return [decoded(part.slice(0, at)), part.slice(at + 1)];
  }));
  const number = Number(wanted.get("dataset") ?? 0);
  if (number in DATA.datasets && number !== state.number) choose(number);
  chosen.clear();
  for (const facet of dataset().facets) {
    const values = (wanted.get(facet.name) ?? "").split(",").map(decoded).filter((value) => value === UNKNOWN_VALUE || facet.values.includes(value));
    if (values.length) chosen.set(facet.name, new Set(values));
  }
  byId("search").value = decoded(wanted.get("find") ?? "");
  filterImages();
  if (wanted.has("image")) openFile(decoded(wanted.get("image")));
  else if (byId("card").open) byId("card").close();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
