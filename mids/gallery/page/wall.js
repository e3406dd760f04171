// The mosaic: small images in rows that fill the width, and what each shows.
const TILES = 60;
const GAP = 3;
const NARROW = 30; // pixels of a pane that is too small for a letter
const WIDEST = 2.2, NARROWEST = 0.5; // width by height of a tile

let wallWidth = 0; // kept, because asking for it makes the browser lay out the page once more
new ResizeObserver(([wall]) => {
  if (Math.floor(wall.contentRect.width) === wallWidth) return;
  wallWidth = Math.floor(wall.contentRect.width);
  layOut();
}).observe(byId("wall"));

function drawWall() {
  const small = thumbnails();
  const rows = state.order.filter((row) => small[row]);
  const all = Object.keys(small).length;
  const some = all < imageCount() ? `${thousands(all)} of ${thousands(imageCount())} images have a thumbnail; all are in the table.` : "";
  byId("wall-note").textContent = rows.length ? some : `${some} None of those that were found has one.`;
  pages(byId("wall-pages"), rows.length, TILES, (from, to) => {
    byId("wall").replaceChildren(...rows.slice(from, to).map(tile));
    layOut();
  }, "Thumbnails");
}

/** Gives the tiles the sizes with which every row is full: rows of nearly equal height, each as wide as the wall. */
function layOut() {
  const width = wallWidth ||= Math.floor(byId("wall").clientWidth);
  const tiles = [...byId("wall").children];
  if (!width || !tiles.length) return;
  const tall = width < 600 ? 130 : 168;
  const shapes = tiles.map((each) => Number(each.dataset.shape));
  const total = shapes.reduce((sum, shape) => sum + shape, 0);
  const share = total / Math.max(1, Math.round((total * tall) / width));
  let from = 0;
  let before = 0;
  for (let at = 0, sum = 0, row = 1; at < tiles.length; at += 1) {
    sum += shapes[at];
    // A row ends where it comes nearest to its share.
    if (at < tiles.length - 1 && sum + shapes[at + 1] / 2 < row * share) continue;
    sizeRow(tiles.slice(from, at + 1), shapes.slice(from, at + 1), sum - before, width, tall);
    [from, before, row] = [at + 1, sum, row + 1];
  }
}

function sizeRow(tiles, shapes, sum, width, tall) {
  const room = width - GAP * (tiles.length - 1);
  const height = Math.min(room / sum, 2 * tall);
  let left = Math.min(room, Math.round(height * sum));
  tiles.forEach((each, at) => {
    const own = at === tiles.length - 1 ? left : Math.round(height * shapes[at]);
    left -= own;
    each.style.width = `${own}px`;
    each.style.height = `${Math.round(height)}px`;
  });
}

/** The pane that stands for an image: of three planes the one that is nearest to a square. */
function coverOf(row) {
  const panes = thumbnails()[row].panes;
  const skew = (pane) => Math.abs(Math.log(pane[3] / pane[4]));
  return panes.reduce((best, pane) => (best === null || skew(pane) < skew(best) - 0.1 ? pane : best), null);
}

function tile(row) {
  const marked = state.marks[state.number].some((mark) => mark.row === row);
  const cover = coverOf(row);
  const content = cover ? onePane(row, cover) : el("span", { className: "problem", textContent: `No thumbnail: ${thumbnails()[row].problem}` });
  const button = el("button", { type: "button", className: marked ? "tile marked" : "tile" }, content, words(row));
  button.dataset.row = row;
  button.dataset.shape = Math.min(WIDEST, Math.max(NARROWEST, cover ? cover[3] / cover[4] : 1));
  button.onclick = () => openCard(row);
  return button;
}

function words(row) {
  const said = ["suffix", "bp", "lat", "vp"].map((name) => cell(row, name)).filter(Boolean).join(" ");
  const slices = Number(cell(row, "slices")) > 1 ? `, ${cell(row, "slices")} slices` : "";
  const labels = cell(row, "labels");
  const lines = [said + slices, cell(row, "participant_id"), labels.length > 60 ? `${labels.slice(0, 58)}…` : labels].filter(Boolean);
  return el("span", { className: "words" }, ...lines.map((text) => el("span", { textContent: text })));
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

function onePane(row, [plane, place, letters, width, height, image, mask]) {
  const where = place ? `${plane} plane, ${place}` : plane;
  const alt = `${where} of ${cell(row, "filename").split("/").pop()}`;
  const pane = el("span", { className: "pane" }, el("img", { src: image, alt, width, height }));
  if (mask) pane.append(el("img", { src: mask, alt: "", className: "mask" }));
  if (letters && height > NARROW) pane.append(el("i", { className: "left", textContent: letters[0] }));
  if (letters && width > NARROW && height > NARROW) pane.append(el("i", { className: "above", textContent: letters[2] }));
  return pane;
}
