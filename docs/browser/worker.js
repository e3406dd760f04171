// Runs the validator on files of this computer: they are mounted, read where it asks for them, and sent nowhere.
import { loadPyodide } from "./engine/pyodide.mjs";

const say = (text) => postMessage({ state: text });

const ready = (async () => {
  say("Loading Python …");
  const python = await loadPyodide({ indexURL: new URL("engine/", import.meta.url).href });
  const archive = await (await fetch(new URL("packages.zip", import.meta.url))).arrayBuffer();
  python.unpackArchive(archive, "zip", { extractDir: "/packages" });
  say("Loading the rules …");
  await python.runPythonAsync(await (await fetch(new URL("run.py", import.meta.url))).text());
  say("Ready: drop a folder.");
  return python;
})();

ready.catch((error) => postMessage({ failed: String(error) }));

onmessage = async ({ data: { name, files, profile } }) => {
  const python = await ready;
  say(`Checking ${files.length.toLocaleString("en")} files …`);
  const place = "/dataset";
  const { FS } = python;
  try {
    FS.mkdirTree(place);
    FS.mount(FS.filesystems.WORKERFS, { blobs: files.map(({ path, file }) => ({ name: path, data: file })) }, place);
    const begin = performance.now();
    const found = python.globals.get("run")(place, name, profile);
    postMessage({ report: found, seconds: (performance.now() - begin) / 1000 });
  } catch (error) {
    postMessage({ failed: String(error) });
  } finally {
    FS.unmount(place);
  }
};
