// Takes a folder, gives its files to the worker and shows what the validator finds.
const at = (id) => document.getElementById(id);
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const SHOWN = 2000;
let report = null;

worker.onmessage = ({ data }) => {
  if (data.state) at("state").textContent = data.state;
  if (data.failed) at("state").textContent = `It failed: ${data.failed}`;
  if (data.report) show(JSON.parse(data.report), data.seconds);
};
worker.onerror = () => { at("state").textContent = "This copy of the site was built without the engine that the page needs."; };

function show(found, seconds) {
  report = found;
  const body = at("issues").tBodies[0];
  body.replaceChildren();
  for (const issue of found.issues.slice(0, SHOWN)) {
    const row = body.insertRow();
    row.className = issue.level;
    for (const text of [issue.level, issue.code, issue.path, issue.where, issue.message]) row.insertCell().textContent = text;
  }
  const count = (level) => found.issues.filter((issue) => issue.level === level).length;
  const more = found.issues.length > SHOWN ? ` The first ${SHOWN} are shown.` : "";
  at("summary").textContent = `${found.dataset}: ${found.files} files, ${count("error")} errors, ` +
    `${count("warning")} warnings, ${count("info")} notes.${more}`;
  at("state").textContent = `Done in ${seconds.toFixed(1)} s.`;
  at("issues").hidden = at("save").hidden = false;
}

function check(files, name) {
  at("summary").textContent = "";
  at("state").textContent = "Waiting for Python …";
  worker.postMessage({ name, files, profile: at("profile").value });
}

at("folder").onchange = ({ target }) => {
  const files = [...target.files].map((file) => ({ path: inside(file.webkitRelativePath), file }));
  if (files.length) check(files, target.files[0].webkitRelativePath.split("/")[0]);
};

const inside = (path) => path.slice(path.indexOf("/") + 1);

async function* walk(folder, path) {
  const reader = folder.createReader();
  for (;;) { // a reader gives at most a hundred entries at a time
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.isDirectory) yield* walk(entry, `${path}${entry.name}/`);
      else yield { path: path + entry.name, file: await new Promise((done, failed) => entry.file(done, failed)) };
    }
  }
}

document.ondragover = (event) => { event.preventDefault(); at("drop").classList.add("over"); };
document.ondragleave = () => at("drop").classList.remove("over");
document.ondrop = async (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  const folder = event.dataTransfer.items[0]?.webkitGetAsEntry();
  if (!folder?.isDirectory) {
    at("state").textContent = "Drop one folder: the one that holds dataset_description.json.";
    return;
  }
  at("state").textContent = "Listing the files …";
  const files = [];
  for await (const file of walk(folder, "")) files.push(file);
  check(files, folder.name);
};

at("save").onclick = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 1)], { type: "application/json" }));
  link.download = `${report.dataset}.json`;
  link.click();
};
