// Small pictures: a wall of tiles, and the same panes in the card of an image.
const TILES = 48;
const NARROW = 30; // pixels of a pane that is too small for a letter

function drawWall() {
  const small = thumbnails();
  const rows = state.rows.filter((row) => small[row]);
  const all = Object.keys(small).length;
  const some = all < imageCount() ? `Of ${thousands(imageCount())} images ${thousands(all)} have a thumbnail here. ` : "";
  byId("wall-note").textContent = rows.length
    ? `${some}Volumes show their middle planes, or where masks are largest. The letters say what lies left and above: the patient's right (R), front (A) or head (S).`
    : `${some}None of those that were found has one.`;
  pages(byId("wall-pages"), rows.length, TILES, (from, to) => {
    byId("wall").replaceChildren(...rows.slice(from, to).map(tile));
  }, "Pictures");
}

function tile(row) {
  const marked = state.marks[state.number].some((mark) => mark.row === row);
  const button = el("button", { type: "button", className: marked ? "tile marked" : "tile" }, panes(row), words(row));
  button.dataset.row = row;
  button.onclick = () => openCard(row);
  return button;
}

function words(row) {
  const said = ["suffix", "bp", "lat", "vp"].map((name) => cell(row, name)).filter(Boolean).join(" ");
  const person = [cell(row, "participant_id"), cell(row, "session_id")].filter(Boolean).join(" ");
  const labels = cell(row, "labels");
  const lines = [said, person, labels.length > 120 ? `${labels.slice(0, 118)}…` : labels].filter(Boolean);
  return el("span", { className: "words" }, ...lines.map((text) => el("span", { textContent: text })), legend(row));
}

function legend(row) {
  const entries = thumbnails()[row]?.legend ?? [];
  if (!entries.length) return null;
  return el("span", { className: "legend" }, ...entries.map(([label, colour]) => {
    const box = el("b", {});
    box.style.background = colour;
    return el("span", {}, box, label);
  }));
}

function panes(row, scale = 1) {
  const found = thumbnails()[row];
  const parts = (found?.panes ?? []).map((pane) => onePane(row, pane, scale));
  if (found?.problem) parts.push(el("span", { className: "words", textContent: `No picture: ${found.problem}` }));
  return el("span", { className: "panes" }, ...parts);
}

function onePane(row, [plane, place, letters, width, height, image, mask], scale) {
  const where = place ? `${plane} plane, ${place}` : plane;
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const alt = `${where} of ${cell(row, "filename").split("/").pop()}`;
  const pane = el("span", { className: "pane", title: where }, el("img", { src: image, alt, ...size }));
  if (mask) pane.append(el("img", { src: mask, alt: "", className: "mask" }));
  if (letters && size.height > NARROW) pane.append(el("i", { className: "left", textContent: letters[0] }));
  if (letters && size.width > NARROW && size.height > NARROW) pane.append(el("i", { className: "above", textContent: letters[2] }));
  return pane;
}
