// The stage of the lightbox: one plane, with window and level, zoom and pan, masks, and redacted areas.
//
// A plane is { rows, columns, values, colour, ratio, window, unit, mask, boxes }: `values` are rows × columns numbers, or
// with `colour` RGBA; `ratio` is the height of a pixel in widths; `mask` is an image over all of the plane; `boxes` are
// redacted areas (top, left, bottom, right) as parts of the plane.
const ZOOMS = [1, 40];

class Stage {
  constructor(canvas, told) {
    this.canvas = canvas;
    this.told = told;
    this.opacity = 1;
    this.inverted = false;
    this.pixels = document.createElement("canvas");
    this.listen();
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Shows a plane; another slice of the same image keeps window, zoom and place. */
  show(plane, isSame = false) {
    this.plane = plane;
    if (!isSame) {
      [this.centre, this.width] = plane.window;
      this.inverted = false;
      this.fit();
    }
    this.paint();
  }

  fit() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
    this.draw();
  }

  setWindow(centre, width) {
    this.centre = centre;
    this.width = Math.max(width, 1e-6);
    this.paint();
  }

  invert() {
    this.inverted = !this.inverted;
    this.paint();
  }

  /** Grey values by window and level; colour is shown through the window of 8 bits. */
  paint() {
    const { rows, columns, values, colour } = this.plane;
    Object.assign(this.pixels, { width: columns, height: rows });
    const context = this.pixels.getContext("2d");
    const image = context.createImageData(columns, rows);
    const low = this.centre - this.width / 2;
    const scale = 255 / this.width;
    const flip = this.inverted ? 255 : 0;
    const data = image.data;
    for (let at = 0, to = 0; at < rows * columns; at += 1, to += 4) {
      for (let part = 0; part < 3; part += 1) {
        const value = (values[colour ? to + part : at] - low) * scale;
        data[to + part] = flip ? flip - Math.min(255, Math.max(0, value)) : value;
      }
      data[to + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    this.draw();
  }

  /** Where the plane lies on the canvas: left, top, width and height in its pixels. */
  place() {
    const { width, height } = this.canvas;
    const tall = this.plane.rows * this.plane.ratio;
    const scale = Math.min(width / this.plane.columns, height / tall) * this.zoom;
    const size = [this.plane.columns * scale, tall * scale];
    return [(width - size[0]) / 2 + this.x * width, (height - size[1]) / 2 + this.y * height, ...size];
  }

  draw() {
    if (!this.plane || !this.canvas.clientWidth) return;
    const sharp = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: this.canvas.clientWidth * sharp, height: this.canvas.clientHeight * sharp });
    const context = this.canvas.getContext("2d");
    const place = this.place();
    context.imageSmoothingEnabled = place[2] < 6 * this.plane.columns;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.pixels, ...place);
    if (this.plane.mask && !document.body.classList.contains("without-masks")) {
      context.globalAlpha = this.opacity;
      context.drawImage(this.plane.mask, ...place);
      context.globalAlpha = 1;
    }
    this.outline(context, place, sharp);
    this.told(this);
  }

  outline(context, [left, top, width, height], sharp) {
    context.strokeStyle = "#f0e442";
    context.lineWidth = 2 * sharp;
    context.setLineDash([6 * sharp, 4 * sharp]);
    for (const [up, west, down, east] of this.plane.boxes ?? []) {
      context.strokeRect(left + west * width, top + up * height, (east - west) * width, (down - up) * height);
    }
    context.setLineDash([]);
  }

  /** Zooms by a factor around a point of the canvas (parts of its width and height; the middle if none is given). */
  zoomBy(factor, at = [0.5, 0.5]) {
    const zoom = Math.min(ZOOMS[1], Math.max(ZOOMS[0], this.zoom * factor));
    const change = zoom / this.zoom;
    this.x = (at[0] - 0.5) + (this.x - (at[0] - 0.5)) * change;
    this.y = (at[1] - 0.5) + (this.y - (at[1] - 0.5)) * change;
    this.zoom = zoom;
    if (zoom === ZOOMS[0]) [this.x, this.y] = [0, 0];
    this.draw();
  }

  pan(right, down) {
    if (this.zoom === ZOOMS[0]) return;
    this.x = Math.min(this.zoom, Math.max(-this.zoom, this.x + right));
    this.y = Math.min(this.zoom, Math.max(-this.zoom, this.y + down));
    this.draw();
  }

  pointOf(event) {
    const edge = this.canvas.getBoundingClientRect();
    return [(event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height];
  }

  /** Wheel zooms; dragging changes window and level, with Shift or two fingers or when zoomed by the right button it pans. */
  listen() {
    const points = new Map();
    let start = null;
    const spread = () => {
      const [one, two] = [...points.values()];
      return two ? Math.hypot(one[0] - two[0], one[1] - two[1]) : 0;
    };
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, this.pointOf(event));
    }, { passive: false });
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      points.set(event.pointerId, this.pointOf(event));
      start = { centre: this.centre, width: this.width, at: this.pointOf(event), pans: event.shiftKey || event.button > 0 };
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!points.has(event.pointerId)) return;
      const [old, now, gap] = [points.get(event.pointerId), this.pointOf(event), spread()];
      points.set(event.pointerId, now);
      const moved = [now[0] - old[0], now[1] - old[1]];
      if (points.size > 1) {
        if (gap) this.zoomBy(spread() / gap, now);
        this.pan(moved[0] / 2, moved[1] / 2);
      } else if (start.pans) {
        this.pan(...moved);
      } else {
        const full = this.plane.window[1];
        this.setWindow(start.centre + (now[1] - start.at[1]) * full, start.width * Math.exp(2 * (now[0] - start.at[0])));
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => points.delete(event.pointerId));
    }
  }
}
