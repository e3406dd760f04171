// The page of a review: what is decided goes to the server at once; what the server says holds.
import {Viewer} from "./viewer.js";

const $ = id => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token") || "";
let content = {items: [], kinds: [], lists: {}, state: {}, judged: {}, disputes: [], rows: 0};
let isMouse = false, kind = "", item = null, side = "dataset", frame = -1, wanted = 0;

const viewer = new Viewer($("canvas"), {
  draw: box => cover([box]),
  move: (at, box) => replaceBox(viewer.boxes[at], [box]),
  accept: box => { viewer.suspected = viewer.suspected.filter(other => other !== box); cover([box]); },
});

async function ask(path, body) {
  const options = {headers: {"X-Token": token}};
  if (body) Object.assign(options, {method: "POST", body: JSON.stringify(body)});
  const answer = await fetch(path, options).catch(() => {
    throw new Error("the program does not answer: start mids review again and open its new address; what was saved is kept");
  });
  if (answer.ok && !answer.headers.has("X-Refused")) return answer;
  const said = answer.headers.get("content-type")?.includes("json") ? (await answer.json()).error : await answer.text();
  throw new Error(said || `error ${answer.status}`);
}

function tell(text, isWrong = false) {
  $("message").textContent = text;
  $("message").classList.toggle("wrong", isWrong);
}

const mine = file => ((judging() ? content.judged : content.state)[file] || {})[$("who").value.trim()] || {};
const judging = () => $("judge").checked;
const isDecided = file => Object.keys(mine(file)).some(name => !name.startsWith("why"));
const isDisputed = file => content.disputes.some(found => found.file === file);
// Who decides between readers sees their boxes, which hold until this person changes them.
const drawn = file => Object.values(content.state[file] || {}).flatMap(said => said.redact || []);
const boxesOf = file => mine(file).redact || (judging() ? [...new Map(drawn(file).map(box => [box.join(), box])).values()] : []);
const boxes = () => boxesOf(item.file);
// A new name of a subject or session is kept with the first of its items, and holds for all of them.
const home = (each, name) => each.homes[name] || each.file;
const valueOf = name => mine(home(item, name))[name] ?? item.values[name] ?? "";

function shown() {
  return content.items.filter(each =>
    (!kind || (kind === "differ" ? isDisputed(each.file) : each.kind === kind)) && (!$("open").checked || !isDecided(each.file) || each === item));
}

// The item is always one of the list: no key decides on what the list does not show.
function stay() {
  const list = shown();
  if (list.length && !list.includes(item)) return open(list[0]);
  drawList();
}

function element(name, text, more = {}) {
  return Object.assign(document.createElement(name), {textContent: text}, more);
}

function drawList() {
  const counts = {"": content.items.length, differ: content.items.filter(each => isDisputed(each.file)).length};
  for (const name of content.kinds) counts[name] = content.items.filter(each => each.kind === name).length;
  $("kinds").replaceChildren(...["", ...content.kinds, "differ"].filter(name => counts[name] || !name).map(name => {
    const button = element("button", `${name || "all"} ${counts[name]}`, {onclick: () => { kind = name; stay(); }});
    button.setAttribute("aria-pressed", String(kind === name));
    return button;
  }));
  const list = shown();
  $("items").replaceChildren(...list.slice(0, 500).map(each => {
    const line = element("li", "");
    const label = each.image ? each.image.split("/").pop() : each.kind === "image" ? each.title : `${each.title} ${each.reason}`;
    const button = element("button", label, {onclick: () => open(each)});
    button.className = isDisputed(each.file) ? "dispute" : isDecided(each.file) ? "decided" : "";
    button.setAttribute("aria-current", String(each === item));
    line.append(button);
    return line;
  }));
  const place = item ? list.indexOf(item) + 1 : 0;
  $("progress").textContent = `${place} of ${list.length} · ${content.items.filter(each => isDecided(each.file)).length} decided`;
  $("agreement").textContent = content.kappa === null || content.kappa === undefined ? "" : `kappa ${content.kappa}`;
  $("after").textContent = `${content.rows} decision${content.rows === 1 ? "" : "s"} in ${content.table}: ${content.run} applies them`;
  document.querySelector("#items [aria-current=true]")?.scrollIntoView({block: "nearest"});
}

function drawItem() {
  if (!item) return;
  const own = mine(item.file);
  $("title").textContent = item.image ? item.image.split("/").pop() : item.title;
  $("reason").textContent = item.reason && !item.reason.startsWith(item.kind) ? `${item.kind}: ${item.reason}` : item.reason || item.kind;
  $("accept").textContent = {withheld: "shows nobody: release it", lost: "known: acknowledge it"}[item.kind] || "looks right";
  const isChanged = own.exclude || boxes().length || Object.keys(item.values).some(name => name in own);
  const chosen = {accept: own.release || own.acknowledge || own.looked && !isChanged, draw: boxes().length, exclude: own.exclude};
  for (const button of document.querySelectorAll("#acts button")) button.classList.toggle("chosen", Boolean(chosen[button.dataset.act]));
  document.querySelector("[data-act=draw]").setAttribute("aria-pressed", String(viewer.isDrawing));
  drawFields();
  drawBoxes();
  const people = Object.entries(content.state[item.file] || {}).map(([who, said]) => `${who}: ${describe(said)}`);
  const judges = Object.entries(content.judged[item.file] || {}).map(([who, said]) => `${who} decides: ${describe(said)}`);
  const isOpen = judging() || isDecided(item.file);  // readers who see each other's answers agree too well
  $("said").replaceChildren(...(isOpen ? [...people, ...judges] : people.length ? ["shown when you have decided"] : []).map(text => element("li", text)));
  $("facts").replaceChildren(...Object.entries({...item.facts, source: item.file}).flatMap(([name, value]) =>
    [element("dt", name), element("dd", value)]));
  viewer.boxes = side === "source" || side === "dataset" && !item.image.endsWith(".nii.gz") ? boxes() : [];
  viewer.isFilled = side === "dataset";  // before and after: the delivered image shows what will be covered
  $("twin").hidden = !item.twin;
  $("twin").setAttribute("aria-pressed", String(side === "twin"));
  viewer.draw();
}

// Lines stay while their boxes do: an answer to an older decision takes away nothing that is being typed.
function drawBoxes() {
  const now = JSON.stringify([item.file, boxes()]);
  if ($("boxes").dataset.now === now) return;
  $("boxes").dataset.now = now;
  $("boxes").replaceChildren(...boxes().map((box, at) => {
    const line = element("li", ""), text = element("input", "", {value: box.join(","), onchange: () => typeBox(text, box)});
    text.setAttribute("aria-label", `box ${at + 1}`);
    line.append(text, element("button", "remove", {onclick: () => replaceBox(box, [])}));
    return line;
  }));
}

// Lists stay in their place while their item does: a list that is made anew forgets the keyboard and the letters typed.
function drawFields() {
  if ($("values").dataset.file !== item.file) {
    $("values").dataset.file = item.file;
    $("values").replaceChildren(...Object.keys(item.values).map(name => content.lists[name] ? makeField(name) : makeName(name)));
  }
  for (const input of document.querySelectorAll("#values select, #values input")) {
    if (!input.dataset.waits && (input.matches("select") || input !== document.activeElement)) input.value = valueOf(input.id);
  }
}

function makeField(name) {
  const label = element("label", name.replace("_", " ")), about = item;
  const commit = () => {
    if (!select.dataset.waits) return;
    delete select.dataset.waits;
    if (select.value !== valueOf(name)) decide(name, select.value, about);
  };
  const wait = () => {  // keys step through a list: nothing is decided until Enter, or until the list is left
    select.dataset.waits = "true";
    if (isMouse) commit();
  };
  const select = element("select", "", {id: name, onchange: wait, onblur: commit});
  for (const code of ["", ...content.lists[name]]) select.append(element("option", code || "not known", {value: code}));
  label.append(select);
  return label;
}

function makeName(name) {
  const label = element("label", name), about = item;
  const input = element("input", "", {id: name, maxLength: 60, autocomplete: "off"});
  input.onchange = () => {
    const text = input.value.trim().replace(/^(sub|ses)-/, "");
    decide(name, text && text !== about.values[name] ? text : null, {file: home(about, name)});
  };
  label.append(input);
  return label;
}

// A box as text, for those who draw without a mouse.
function typeBox(input, box) {
  const numbers = input.value.split(",").map(text => parseInt(text, 10));
  if (numbers.length !== 4 || numbers.some(Number.isNaN)) return tell("a box is top,left,bottom,right in pixels", true);
  if (box) return replaceBox(box, [numbers]);
  cover([numbers]);
  input.value = "";
}

const cover = added => decide("redact", file => [...boxesOf(file), ...added]);
const replaceBox = (box, others) => decide("redact", file => boxesOf(file).flatMap(old => old.join() === box.join() ? others : [old]));

function describe(said) {
  const parts = Object.entries(said).filter(([name]) => !name.startsWith("why"));
  return parts.map(([name, value]) => value === "true" ? name : name === "redact" ? `${value.length} box${value.length === 1 ? "" : "es"}` : `${name} ${value || "not known"}`).join(", ") || "nothing";
}

const whyOf = file => Object.entries(mine(file)).find(([name, text]) => name.startsWith("why ") && text)?.[1] || "";

// Decisions go one after another: each builds on what the server said of the last, so that none undoes another.
let last = Promise.resolve();
function decide(field, change, about = item) {
  if (!about) return;
  if (!$("who").value.trim()) {
    $("who").focus();
    return tell("say who you are first: your initials or role", true);
  }
  const decision = {who: $("who").value, judge: judging(), file: about.file, field, why: $("why").value};
  return last = last.then(() => save(decision, change));
}

async function save(decision, change) {
  const value = typeof change === "function" ? change(decision.file) : change;
  const isEmpty = Array.isArray(value) && !value.length && !decision.judge;  // to judge that nothing is covered says something
  try {
    const answer = await ask("api/decide", {...decision, new: isEmpty ? null : value});
    Object.assign(content, await answer.json());
    tell(value === null ? "taken back" : "saved");
  } catch (error) {
    tell(`not saved: ${error.message}`, true);
  }
  drawItem();
  drawList();
}

// The same key once more takes a decision back, however long ago it was made.
const toggle = field => decide(field, mine(item.file)[field] ? null : "true");

function accept() {
  if (item.kind === "withheld" && !viewer.head) return tell("look at it first: there is no picture", true);
  return toggle({withheld: "release", lost: "acknowledge"}[item.kind] || "looked");
}

function exclude() {
  if (item.kind === "lost") return tell("it is not there to exclude: press 1 if the loss is known", true);
  return toggle("exclude");
}

// A reason that is written or changed after the decision belongs to it.
async function explain() {
  const about = item, own = mine(about.file);
  for (const field of Object.keys(own).filter(name => !name.startsWith("why "))) await decide(field, own[field], about);
}

function setDrawing(isDrawing) {
  viewer.isDrawing = isDrawing;
  if (isDrawing && side !== "source") return setSide("source");
  drawItem();
}

async function undo() {
  try {
    const answer = await (await ask("api/undo", {who: $("who").value})).json();
    Object.assign(content, answer);
    const found = content.items.find(each => each.file === answer.undone);
    tell(answer.undone ? "taken back" : "nothing to take back");
    if (found && found !== item) return open(found);
  } catch (error) {
    tell(`not taken back: ${error.message}`, true);
  }
  drawItem();
  drawList();
}

function setSide(name) {
  side = name;
  $("side").textContent = {source: "source", dataset: item.image ? "delivered" : "as redacted", twin: "the other"}[name];
  $("side").setAttribute("aria-pressed", String(name === "source"));
  frame = -1;
  return load();
}

async function open(each) {
  item = each;
  viewer.suspected = [];
  viewer.isDrawing = false;
  viewer.clear();
  tell("");
  $("why").value = whyOf(each.file);
  location.hash = String(each.number);
  drawList();
  drawItem();
  await setSide(each.image ? "dataset" : "source");
}

async function load() {
  const asked = ++wanted, query = `?side=${side}&frame=${frame}`;
  try {
    const answer = await ask(`api/pixels/${item.number}${query}`);
    const head = JSON.parse(answer.headers.get("X-Frame")), buffer = await answer.arrayBuffer();
    let mask = null;
    if (side === "dataset" && item.image) {
      const found = await ask(`api/mask/${item.number}?frame=${head.frame}`);
      if (found.status === 200) mask = new Uint8Array(await found.arrayBuffer());
      if (mask && mask.length !== head.rows * head.columns) mask = null;
    }
    if (asked !== wanted) return;
    frame = head.frame;
    Object.assign($("slice"), {max: head.frames - 1, value: frame, disabled: head.frames < 2});
    $("at").textContent = head.frames > 1 ? `${frame + 1} of ${head.frames}` : "";
    $("slices").hidden = head.frames < 2;
    $("masks").hidden = !mask;
    viewer.show(head, buffer, mask, `${item.number} ${side}`);
    tell("");
  } catch (error) {
    if (asked !== wanted) return;
    viewer.clear();
    tell(`no picture: ${error.message}`, true);
  }
  drawItem();
}

function turn(step) {
  frame = Math.max(0, Math.min(Number($("slice").max), frame + step));
  load();
}

function go(step) {
  const list = shown(), next = list[list.indexOf(item) + step];
  if (next) return open(next);
  tell(step > 0 ? "this is the last one" : "this is the first one");
}

function goUndecided() {
  const list = shown(), at = list.indexOf(item), found = [...list.slice(at + 1), ...list.slice(0, Math.max(at, 0))].find(each => !isDecided(each.file));
  return found ? open(found) : tell("you have decided everything in this list");
}

async function findText() {
  try {
    if (side !== "source") await setSide("source");
    tell("looking for text …");
    const about = item, answer = await (await ask(`api/text/${item.number}?frame=${frame}`)).json();
    if (about !== item) return;
    viewer.suspected = answer.boxes;
    tell(answer.boxes.length ? `${answer.boxes.length} ${answer.boxes.length > 1 ? "places look" : "place looks"} like text: press a to cover, or click one` : "no text was found: look yourself");
    viewer.draw();
  } catch (error) {
    tell(`no text was looked for: ${error.message}`, true);
  }
}

const keys = {
  "1": accept, "2": () => setDrawing(!viewer.isDrawing), "3": exclude, u: undo, t: findText,
  a: () => { const found = viewer.suspected; viewer.suspected = []; if (found.length) cover(found); },
  s: () => setSide(side === "source" ? "dataset" : "source"), n: goUndecided,
  i: () => { viewer.isInverted = !viewer.isInverted; $("invert").setAttribute("aria-pressed", String(viewer.isInverted)); viewer.draw(); },
  d: () => item.twin && setSide(side === "twin" ? "dataset" : "twin"),
  v: () => $("view")?.focus(), b: () => $("body_part")?.focus(), l: () => $("laterality")?.focus(), w: () => $("why").focus(),
  ArrowRight: () => go(1), ArrowLeft: () => go(-1), ArrowUp: () => turn(1), ArrowDown: () => turn(-1),
  "+": () => { viewer.zoom *= 1.25; viewer.draw(); }, "-": () => { viewer.zoom /= 1.25; viewer.draw(); },
};

addEventListener("keydown", event => {
  if (["Enter", "Escape"].includes(event.key) && event.target.matches("input:not([type=checkbox]), select")) {
    event.preventDefault();
    if (event.key === "Escape" && event.target.closest("#values")) {
      delete event.target.dataset.waits;
      event.target.value = valueOf(event.target.id);
    }
    return $("canvas").focus();
  }
  const isMoving = event.key.startsWith("Arrow") && event.target.matches("[type=range]");
  if (isMoving || event.target.matches("select, input:not([type=checkbox], [type=range])") || event.ctrlKey || event.metaKey || event.altKey || !item) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});
// Who chose from a list with the mouse goes on with keys of the page, not with those of the list.
addEventListener("keydown", () => { isMouse = false; }, true);
addEventListener("pointerdown", () => { isMouse = true; }, true);
addEventListener("change", event => { if (isMouse && event.target.matches("select")) $("canvas").focus(); });
for (const button of document.querySelectorAll("#acts button")) {
  button.onclick = {accept, draw: keys["2"], exclude: keys["3"], undo}[button.dataset.act];
}
$("side").onclick = keys.s;
$("zoomin").onclick = keys["+"];
$("zoomout").onclick = keys["-"];
$("text").onclick = findText;
$("invert").onclick = keys.i;
$("twin").onclick = keys.d;
$("box").onchange = event => typeBox(event.target);
$("slice").oninput = event => { frame = Number(event.target.value); load(); };
$("opacity").oninput = event => { viewer.opacity = event.target.value / 100; viewer.draw(); };
$("preset").onchange = event => {
  if (event.target.value && viewer.head) {
    [viewer.centre, viewer.width] = event.target.value === "full" ? viewer.full : event.target.value.split(",").map(Number);
    viewer.draw();
  }
};
$("open").onchange = stay;
$("why").onchange = explain;
for (const id of ["who", "judge"]) $(id).oninput = () => {
  localStorage.setItem("mids-who", $("who").value);
  if (item) $("why").value = whyOf(item.file);
  drawItem();
  drawList();
};

async function begin() {
  $("who").value = localStorage.getItem("mids-who") || "";
  try {
    content = await (await ask("api/items")).json();
  } catch (error) {
    return tell(`the program does not answer: ${error.message}`, true);
  }
  $("name").textContent = `Review: ${content.name}`;
  const number = Number(location.hash.slice(1));
  drawList();
  if (content.items.length) await open(content.items[number] || content.items[0]);
  else tell("nothing needs a decision");
}

begin();
