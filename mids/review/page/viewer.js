// The image on the page: grey values with window and level, colour as it is, boxes and a mask over it.

const MASK = [[230, 80, 40], [0, 114, 178], [0, 158, 115], [204, 121, 167], [240, 228, 66], [86, 180, 233]];

export class Viewer {
  // `acts`: draw(box), move(number, box), accept(box).
  constructor(canvas, acts) {
    this.canvas = canvas;
    this.zoom = 1;
    this.boxes = [];
    this.suspected = [];
    this.isDrawing = false;
    this.opacity = 0.5;
    this.isFilled = this.isInverted = false;
    this._listen(acts);
  }

  // `name` says what is shown: another slice of the same keeps window, level and zoom.
  show(head, buffer, mask, name) {
    this.head = head;
    this.mask = mask;
    this.values = head.colour ? new Uint8Array(buffer) : new Float32Array(buffer);
    this.full = this._range();
    if (name === this.name) return this.draw();
    this.name = name;
    [this.centre, this.width] = head.window;
    const frame = this.canvas.parentElement;
    const height = head.rows * head.spacing;
    this.zoom = Math.max(0.05, Math.min((frame.clientWidth - 8) / head.columns, (frame.clientHeight - 8) / height, 8));
    this.draw();
  }

  clear() {
    this.head = this.name = null;
    this.canvas.width = this.canvas.height = 1;
  }

  _range() {
    let low = Infinity, high = -Infinity;
    for (const value of this.values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [(low + high) / 2, Math.max(high - low, 1)];
  }

  draw() {
    if (!this.head) return;
    const {rows, columns, colour, spacing} = this.head;
    const canvas = this.canvas, context = canvas.getContext("2d");
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.width = `${columns * this.zoom}px`;
    canvas.style.height = `${rows * spacing * this.zoom}px`;
    const picture = context.createImageData(columns, rows), data = picture.data;
    const low = this.centre - this.width / 2, scale = 255 / this.width;
    for (let i = 0; i < rows * columns; i++) {
      for (let part = 0; part < 3; part++) {
        const shown = ((colour ? this.values[3 * i + part] : this.values[i]) - low) * scale;
        data[4 * i + part] = this.isInverted ? 255 - shown : shown;
      }
      data[4 * i + 3] = 255;
      const label = this.mask ? this.mask[i] : 0;
      if (label) this._blend(data, 4 * i, MASK[(label - 1) % MASK.length]);
    }
    context.putImageData(picture, 0, 0);
    if (this.isFilled) {
      context.fillStyle = "#000";
      for (const [top, left, bottom, right] of this.boxes) context.fillRect(left, top, right - left, bottom - top);
    }
    this._outline(context, this.suspected, "#f5c518", [4, 3]);
    this._outline(context, this.boxes, "#ff4d4d", []);
    if (this.draft) this._outline(context, [this.draft], "#4dd2ff", []);
  }

  _blend(data, at, colour) {
    for (let part = 0; part < 3; part++) data[at + part] += (colour[part] - data[at + part]) * this.opacity;
  }

  _outline(context, boxes, colour, dash) {
    context.strokeStyle = colour;
    context.lineWidth = Math.max(1, 2 / this.zoom);
    context.setLineDash(dash);
    for (const [top, left, bottom, right] of boxes) context.strokeRect(left, top, right - left, bottom - top);
  }

  _place(event) {
    const edge = this.canvas.getBoundingClientRect();
    const row = (event.clientY - edge.top) / edge.height * this.head.rows;
    const column = (event.clientX - edge.left) / edge.width * this.head.columns;
    return [Math.max(0, Math.min(this.head.rows, Math.round(row))), Math.max(0, Math.min(this.head.columns, Math.round(column)))];
  }

  // The last of the boxes that holds a place, by its number; -1: none does.
  _at(boxes, [row, column]) {
    return boxes.findLastIndex(([top, left, bottom, right]) => row >= top && row < bottom && column >= left && column < right);
  }

  _listen(acts) {
    let start = null;
    const frame = this.canvas.parentElement;  // a drag may begin and end outside of the image: its box stays inside
    frame.addEventListener("pointerdown", event => {
      if (!this.head || event.offsetX > frame.clientWidth && event.target === frame) return;
      frame.setPointerCapture(event.pointerId);
      const at = this._place(event);
      start = {at, x: event.clientX, y: event.clientY, window: [this.centre, this.width], moved: this.isDrawing ? this._at(this.boxes, at) : -1};
    });
    frame.addEventListener("pointermove", event => {
      if (!start) return;
      if (this.isDrawing) {
        this.draft = start.moved < 0 ? this._spanned(start.at, this._place(event)) : this._shifted(this.boxes[start.moved], start.at, this._place(event));
      } else {
        const step = this.full[1] / 500;
        this.width = Math.max(1, start.window[1] + (event.clientX - start.x) * step);
        this.centre = start.window[0] + (event.clientY - start.y) * step;
      }
      this.draw();
    });
    frame.addEventListener("pointerup", event => {
      if (!start) return;
      const box = this.draft, {moved, x, y, at} = start;
      const isClick = Math.hypot(event.clientX - x, event.clientY - y) < 4, found = this._at(this.suspected, at);
      start = this.draft = null;
      if (isClick && found >= 0) acts.accept(this.suspected[found]);
      else if (this.isDrawing && !isClick && box && box[2] > box[0] && box[3] > box[1]) moved < 0 ? acts.draw(box) : acts.move(moved, box);
      this.draw();
    });
  }

  _spanned(one, other) {
    return [Math.min(one[0], other[0]), Math.min(one[1], other[1]), Math.max(one[0], other[0]), Math.max(one[1], other[1])];
  }

  // A box moved from one place to another, inside the image.
  _shifted([top, left, bottom, right], from, to) {
    const down = Math.max(-top, Math.min(this.head.rows - bottom, to[0] - from[0]));
    const along = Math.max(-left, Math.min(this.head.columns - right, to[1] - from[1]));
    return [top + down, left + along, bottom + down, right + along];
  }
}
