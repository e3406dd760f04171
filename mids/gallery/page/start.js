// The volume viewer where the page has one, and the start of all parts.

function viewerOf(row) {
  const file = cell(row, "filename");
  if (dataset().viewer === "none" || !/\.nii(\.gz)?$/.test(file)) return null;
  const place = el("div", {});
  const embedded = dataset().volumes[file];
  if (embedded === undefined && (dataset().viewer === "embed" || location.protocol === "file:")) {
    const input = el("input", { type: "file", accept: ".nii,.gz" });
    input.onchange = () => input.files[0] && view(place, { file: input.files[0] });
    const why = embedded === undefined && dataset().viewer === "embed" ? "This volume is not in the page." : "A page opened from a disk may not read other files.";
    return el("div", {}, el("p", { className: "note", textContent: `${why} Choose it yourself:` }), input, place);
  }
  const button = el("button", { type: "button", id: "view", textContent: "Open the volume" });
  button.onclick = () => view(place, embedded === undefined ? { url: dataset().folder + file } : { file, embedded });
  return el("div", {}, button, place);
}

async function view(place, { url, file, embedded }) {
  const canvas = el("canvas", { tabIndex: 0, ariaLabel: "The volume in three planes" });
  place.replaceChildren(el("div", { className: "volume" }, canvas));
  try {
    const viewer = new niivue.Niivue({ backColor: [0, 0, 0, 1], isRadiologicalConvention: true, sagittalNoseLeft: true, logLevel: "error" });
    await viewer.attachToCanvas(canvas);
    if (embedded !== undefined) viewer.addVolume(await niivue.NVImage.loadFromBase64({ name: file.split("/").pop(), base64: embedded }));
    else if (file) await viewer.loadFromFile(file);
    else await viewer.loadVolumes([{ url }]);
    canvas.dataset.shown = "yes";
  } catch {
    place.replaceChildren(el("p", { className: "notice", textContent: "The volume can't be shown: it could not be read, or the browser has no WebGL 2." }));
  }
}

/** Shows one dataset in all parts. */
function choose(number) {
  state.number = number;
  for (const each of document.querySelectorAll("[data-dataset]")) each.hidden = Number(each.dataset.dataset) !== number;
  byId("plot-list").replaceChildren();
  drawPlots();
  startImages();
  byId("people-search").value = "";
  drawPeople();
  drawMarks();
}

function openFile(name) {
  const files = column("filename");
  const row = files.codes.indexOf(files.values.indexOf(name));
  if (row >= 0) openCard(row);
}

byId("dataset")?.addEventListener("change", (event) => choose(Number(event.target.value)));
byId("people-search").addEventListener("input", drawPeople);
byId("people-filter").addEventListener("submit", (event) => event.preventDefault());
byId("download").addEventListener("click", download);
for (const each of document.querySelectorAll("button.open")) each.addEventListener("click", () => openFile(each.dataset.file));
let resized = 0;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => { byId("plot-list").replaceChildren(); drawPlots(); }, 200);
});
window.addEventListener("beforeunload", (event) => {
  if (state.marks.some((marks) => marks.length)) event.preventDefault();
});
choose(0);
