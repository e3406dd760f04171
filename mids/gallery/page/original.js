// Originals, read whole when somebody asks: PNG of 8 or 16 bits, and volumes where the page has NiiVue.
const SAMPLES = 20000;

/** How the original of a row can be had: "page", "beside" or "choose"; null where the page can't read its format. */
function wayTo(row) {
  const file = cell(row, "filename");
  const isVolume = /\.nii(\.gz)?$/.test(file);
  if (isVolume ? dataset().viewer === "none" : !file.toLowerCase().endsWith(".png")) return null;
  if (dataset().originals[file] !== undefined) return "page";
  return dataset().viewer === "link" && location.protocol !== "file:" ? "beside" : "choose";
}

/** The planes of an original (see `Stage`): a function of plane and slice, and how many slices each plane has. */
async function readOriginal(row, chosenFile) {
  const file = cell(row, "filename");
  const name = file.split("/").pop();
  const embedded = dataset().originals[file];
  let bytes;
  if (chosenFile) bytes = new Uint8Array(await chosenFile.arrayBuffer());
  else if (embedded !== undefined) bytes = Uint8Array.from(atob(embedded), (character) => character.charCodeAt(0));
  else bytes = await fetched(dataset().folder + file.split("/").map(encodeURIComponent).join("/"));
  return /\.nii(\.gz)?$/.test(file) ? readVolume(name, bytes, row) : readPicture(bytes);
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error("not there");
  return new Uint8Array(await answer.arrayBuffer());
}

// --- PNG ---------------------------------------------------------------------------------------------------

async function readPicture(bytes) {
  const plane = await deepGrey(bytes) ?? await eightBits(await createImageBitmap(new Blob([bytes], { type: "image/png" })));
  return { counts: { picture: 1 }, plane: () => plane };
}

/** An image that the browser can decode, as a plane: grey where all its pixels are. */
function eightBits(image, width = image.width, height = image.height) {
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  const data = context.getImageData(0, 0, width, height).data;
  let isGrey = true;
  for (let at = 0; isGrey && at < data.length; at += 4) isGrey = Math.abs(data[at] - data[at + 1]) < 9 && Math.abs(data[at] - data[at + 2]) < 9;
  const values = isGrey ? Float32Array.from({ length: width * height }, (_, at) => data[4 * at]) : data;
  return { rows: height, columns: width, values, colour: !isGrey, ratio: 1, window: [127.5, 255], unit: "" };
}

/** A grey PNG of 16 bits with all its values, which browsers cut down to 8; null for any other PNG. */
async function deepGrey(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = [];
  let head = null;
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IHDR") head = { columns: view.getUint32(at + 8), rows: view.getUint32(at + 12), form: [...bytes.subarray(at + 16, at + 21)] };
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  if (!head || head.form[0] !== 16 || head.form[1] !== 0 || head.form[4] !== 0) return null;
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const values = unfiltered(new Uint8Array(await new Response(stream).arrayBuffer()), head.rows, head.columns);
  return { ...head, values, colour: false, ratio: 1, window: usual(values), unit: "" };
}

/** Scan lines of 16 bits without the filters of PNG (ISO/IEC 15948, 9.2). */
function unfiltered(data, rows, columns) {
  const width = 2 * columns;
  const values = new Float32Array(rows * columns);
  let above = new Uint8Array(width);
  for (let row = 0; row < rows; row += 1) {
    const begin = row * (width + 1);
    const line = data.subarray(begin + 1, begin + 1 + width);
    for (let at = 0; at < width; at += 1) {
      const [left, up, corner] = [at > 1 ? line[at - 2] : 0, above[at], at > 1 ? above[at - 2] : 0];
      line[at] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][data[begin]];
    }
    for (let column = 0; column < columns; column += 1) values[row * columns + column] = 256 * line[2 * column] + line[2 * column + 1];
    above = line;
  }
  return values;
}

function paeth(left, up, corner) {
  const [one, two, three] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (one <= two && one <= three) return left;
  return two <= three ? up : corner;
}

/** Centre and width from the 0.5 to the 99.5 percentile. */
function usual(values) {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const some = Float32Array.from({ length: Math.floor(values.length / step) }, (_, at) => values[at * step]).filter(Number.isFinite).sort();
  const [low, high] = [some[Math.floor(0.005 * some.length)] ?? 0, some[Math.floor(0.995 * (some.length - 1))] ?? 1];
  return [(low + high) / 2, Math.max(high - low, 1e-6)];
}

// --- NIfTI -------------------------------------------------------------------------------------------------

/** A volume as NiiVue reads it; planes as radiologists look at them, the patient's right (or front) on the left. */
async function readVolume(name, bytes, row) {
  const volume = await niivue.NVImage.loadFromFile({ file: new File([bytes], name) });
  const [, right, front, head] = volume.dimsRAS;
  const sizes = { axial: [front, right, head], coronal: [head, right, front], sagittal: [head, front, right] };
  const places = {
    axial: (r, c, at) => [right - 1 - c, front - 1 - r, at],
    coronal: (r, c, at) => [right - 1 - c, at, head - 1 - r],
    sagittal: (r, c, at) => [at, front - 1 - c, head - 1 - r],
  };
  const lengths = volume.pixDimsRAS;
  const ratios = { axial: lengths[2] / lengths[1], coronal: lengths[3] / lengths[1], sagittal: lengths[3] / lengths[2] };
  const { scl_slope: slope, scl_inter: shift } = volume.hdr;
  const isScaled = Number.isFinite(slope) && slope !== 0;
  const found = thumbnails()[row]?.hounsfield;
  let window = found ? [(found[0] + found[1]) / 2, found[1] - found[0]] : null; // one for all slices
  if (volume.img.length % (right * front * head)) throw new Error("volumes of colours are not read");
  function plane(kind, at) {
    const [rows, columns] = sizes[kind];
    const values = new Float32Array(rows * columns);
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < columns; c += 1) {
        const place = places[kind](r, c, at);
        const index = place.reduce((sum, each, axis) => sum + volume.img2RASstart[axis] + each * volume.img2RASstep[axis], 0);
        values[r * columns + c] = isScaled ? volume.img[index] * slope + shift : volume.img[index];
      }
    }
    window ??= usual(values);
    return { rows, columns, values, colour: false, ratio: ratios[kind] || 1, window, unit: found ? "HU" : "" };
  }
  const kinds = Object.keys(sizes).filter((kind) => Math.min(...sizes[kind].slice(0, 2)) > 1);
  return { counts: Object.fromEntries(kinds.map((kind) => [kind, sizes[kind][2]])), plane };
}
