// Private pages: the images of source files that are not in the dataset.
const SOURCES = 48;

function drawLeft() {
  if (!byId("left")) return;
  pages(byId("left-pages"), dataset().left.length, SOURCES, (from, to) => {
    byId("left").replaceChildren(...dataset().left.slice(from, to).map((each, at) => leftTile(each, from + at)));
  }, "Sources");
}

function leftTile([reference, , fate, reason, width, height, image], at) {
  const shown = image ? el("img", { src: image, alt: `Source ${reference}`, width, height }) : el("span", { className: "none", textContent: "no image" });
  const button = el("button", { type: "button", title: reason }, shown, el("strong", { textContent: fate }), el("span", { textContent: reason.slice(0, 90) }));
  button.dataset.left = at;
  button.onclick = () => openLeft(at);
  return button;
}

function openLeft(at) {
  const [reference, source, fate, reason, width, height, image] = dataset().left[at];
  Object.assign(look, { left: at, original: null, isBefore: false, token: look.token + 1 });
  state.opened = null;
  byId("card-title").textContent = reference;
  const facts = [["fate", fate], ["reason", reason], ["source", source]];
  byId("card-content").replaceChildren(el("dl", { className: "about" }, ...facts.flatMap(([name, text]) => [el("dt", { textContent: name }), el("dd", { textContent: text })])));
  openDialog(at, dataset().left.length);
  look.views = image ? [{ plane: "picture", place: "", letters: "", width, height, image, mask: "", large: "" }] : [];
  drawLook(null, "No image can be read from this file.");
}
