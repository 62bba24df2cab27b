// The field of view: an image with the outlines of the components, zoomed and moved, where a click picks a component.

import { getArrays } from "./api.js";

// Told apart by colour and by dashes; light enough to be read on a dark image (figures/footprints.py uses the first two)
export const STYLES = {
  accepted: { colour: "#ffd166", dash: [], width: 1.6, halo: true, mark: "✓" },
  rejected: { colour: "#7fc8f8", dash: [2, 2.5], width: 1.8, halo: true, mark: "✕" },
  undecided: { colour: "#f3a6d0", dash: [7, 4], width: 1.4, halo: false, mark: "○" },
};
const CLASSES = Object.keys(STYLES);
const FAINT = 0.55; // undecided components that the engine rejected
const LEAST_HALO = 0.5, FULL_HALO = 1.5; // part of the selected one's width at least; zoom from which on it is whole
const MOST_ZOOM = 60, PICK_PX = 10, CLICK_PX = 4;

export class Field extends EventTarget {
  // Events: "pick" with detail {component, add}, "place" {x, y} where a tool was used, "drawn" with a boundary's points,
  // "pixel" with detail {x, y, value} or null, "view" when it was zoomed or moved.
  constructor(canvas, { width, height, properties }, { points, starts, owners }) {
    super();
    Object.assign(this, { canvas, width, height, properties });
    this.context = canvas.getContext("2d");
    this.picture = new OffscreenCanvas(width, height);
    this.layer = new OffscreenCanvas(1, 1); // outlines as they are shown: neither selecting nor a movie draws them anew
    this.frame = null; // of the movie, in place of the image
    this.outlined = true; // whether outlines other than the selected one lie over a movie
    this.images = new Map();
    this.shown = new Set(CLASSES);
    this.states = [];
    this.selected = null;
    this.neighbours = [];
    this.visible = null;
    this.picked = new Set(); // components that are to be merged
    this.tool = null; // what a click means, other than to select
    this.corners = [];
    this.marks = []; // pixels that are asked about
    this.lines = [];
    this.#outlines(points, starts, owners);
    this.#listen();
    new ResizeObserver(() => this.#resized()).observe(canvas);
  }

  // Pixel (0, 0) has its centre at (0, 0) in the outlines and covers 0 to 1 on the canvas.
  #outlines(points, starts, owners) {
    const all = Array.from({ length: this.properties.x.length }, () => []);
    for (let line = 0; line < owners.length; line++) {
      all[owners[line]].push(points.subarray(2 * starts[line], 2 * starts[line + 1]));
    }
    Object.assign(this, { bounds: [], paths: [] });
    all.forEach((lines) => this.extend(lines));
  }

  // The next component, by its outlines.
  extend(lines) {
    const bounds = [Infinity, Infinity, -Infinity, -Infinity], path = new Path2D();
    for (const line of lines) {
      for (let k = 0; k < line.length; k += 2) {
        bounds[0] = Math.min(bounds[0], line[k]);
        bounds[1] = Math.min(bounds[1], line[k + 1]);
        bounds[2] = Math.max(bounds[2], line[k]);
        bounds[3] = Math.max(bounds[3], line[k + 1]);
        path[k ? "lineTo" : "moveTo"](line[k] + 0.5, line[k + 1] + 0.5);
      }
      path.closePath();
    }
    this.lines.push(lines);
    this.bounds.push(bounds);
    this.paths.push(path);
  }

  async show(name) {
    if (!this.images.has(name)) {
      const { image } = await getArrays(`image/${name}`);
      this.images.set(name, { image, sorted: image.filter(Number.isFinite).sort() });
    }
    this.name = name;
    this.contrast();
  }

  contrast(black = this.black ?? 1, white = this.white ?? 99.7) {
    Object.assign(this, { black, white });
    const { image, sorted } = this.images.get(this.name);
    const at = (percent) => sorted[Math.round((percent / 100) * (sorted.length - 1))] ?? 0;
    const low = at(black), range = Math.max(at(white) - low, 1e-12);
    const pixels = new ImageData(this.width, this.height), data = new Uint32Array(pixels.data.buffer);
    for (let k = 0; k < image.length; k++) {
      const grey = Math.max(0, Math.min(255, Math.round((255 * (image[k] - low)) / range))) || 0;
      data[k] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    this.picture.getContext("2d").putImageData(pixels, 0, 0);
    this.draw();
  }

  #resized() {
    const ratio = devicePixelRatio, { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    if (this.scale === undefined || this.fitted) this.fit();
    else this.move((clientWidth - this.seen[0]) / 2, (clientHeight - this.seen[1]) / 2); // the middle stays there
    this.seen = [clientWidth, clientHeight];
  }

  // Bring a component to the middle.
  centre(component) {
    const x = this.properties.x[component] ?? null, y = this.properties.y[component];
    if (x === null) return;
    const [left, top] = this.toScreen(x, y), { clientWidth, clientHeight } = this.canvas;
    this.move(clientWidth / 2 - left, clientHeight / 2 - top);
  }

  fit() {
    const { clientWidth, clientHeight } = this.canvas;
    this.scale = Math.min(clientWidth / this.width, clientHeight / this.height);
    this.left = (clientWidth - this.width * this.scale) / 2;
    this.top = (clientHeight - this.height * this.scale) / 2;
    this.fitted = true;
    this.#viewed();
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const least = 0.5 * Math.min(this.canvas.clientWidth / this.width, this.canvas.clientHeight / this.height);
    const scale = Math.max(least, Math.min(MOST_ZOOM, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#viewed();
  }

  move(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.fitted = false;
    this.#viewed();
  }

  // Bring a component into view if it is outside, without a jump if it is not.
  reveal(component) {
    const x = this.properties.x[component], y = this.properties.y[component];
    if (x === null || this.fitted) return;
    const [left, top] = this.toScreen(x, y), { clientWidth, clientHeight } = this.canvas;
    if (left < 0 || top < 0 || left > clientWidth || top > clientHeight) {
      this.move(clientWidth / 2 - left, clientHeight / 2 - top);
    }
  }

  // From pixels of the image, whose centres are whole numbers, to CSS pixels of the canvas, and back.
  toScreen(x, y) { return [this.left + (x + 0.5) * this.scale, this.top + (y + 0.5) * this.scale]; }
  toImage(left, top) { return [(left - this.left) / this.scale - 0.5, (top - this.top) / this.scale - 0.5]; }

  #viewed() {
    this.draw();
    this.dispatchEvent(new CustomEvent("view"));
  }

  // Everything anew, or only what marks the selected component.
  draw(everything = true) {
    this.stale ||= everything;
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.#paint();
    });
  }

  #paint() {
    const { canvas, layer, scale } = this, ratio = devicePixelRatio, screen = this.context;
    if (!canvas.width || !canvas.height) return;
    const at = [scale * ratio, 0, 0, scale * ratio, this.left * ratio, this.top * ratio];
    if (this.stale) {
      Object.assign(layer, { width: canvas.width, height: canvas.height }); // clears it
      const context = layer.getContext("2d");
      context.setTransform(...at);
      for (const kind of CLASSES) if (this.shown.has(kind)) this.#strokeAll(context, kind);
      this.stale = false;
    }
    screen.setTransform(1, 0, 0, 1, 0, 0);
    screen.clearRect(0, 0, canvas.width, canvas.height);
    screen.setTransform(...at);
    screen.imageSmoothingEnabled = scale < 1;
    screen.drawImage(this.picture, 0, 0);
    if (this.frame) this.#drawFrame();
    if (!this.frame || this.outlined) {
      screen.setTransform(1, 0, 0, 1, 0, 0);
      screen.drawImage(layer, 0, 0);
    }
    screen.setTransform(...at);
    for (const component of this.picked) this.#strokePicked(component);
    for (const component of this.neighbours) this.#label(component, STYLES[this.#kind(component)].colour, 12, true);
    if (this.selected !== null && this.#present(this.selected)) this.#strokeSelected();
    if (this.marks.length) this.#drawMarks();
    if (this.tool) this.#drawTool();
  }

  // A frame of the movie, {bitmap, top, left, bottom, right}; null: the image again. Beyond it nothing is known.
  showFrame(frame) {
    this.frame = frame;
    this.draw(false);
  }

  #drawFrame() {
    const { context, frame } = this;
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.width, this.height);
    context.drawImage(frame.bitmap, frame.left, frame.top);
  }

  // What a click means: null, or the name of a tool, for which a cross marks the middle; with corners of a boundary.
  useTool(tool, corners) {
    Object.assign(this, { tool, corners });
    this.draw(false);
  }

  // Mark pixels [x, y]: the first with a square, others with a cross.
  mark(marks) {
    this.marks = marks;
    this.draw(false);
  }

  #drawMarks() {
    const { context, scale, marks } = this, path = new Path2D(), reach = Math.max(5 / scale, 0.5);
    marks.forEach(([x, y], k) => {
      if (!k) return path.rect(x + 0.5 - reach, y + 0.5 - reach, 2 * reach, 2 * reach);
      for (const side of [-1, 1]) {
        path.moveTo(x + 0.5 - reach, y + 0.5 - side * reach);
        path.lineTo(x + 0.5 + reach, y + 0.5 + side * reach);
      }
    });
    for (const [colour, width] of [["#000", 4], ["#fff", 1.8]]) {
      context.strokeStyle = colour;
      context.lineWidth = width / scale;
      context.stroke(path);
    }
  }

  #strokePicked(component) {
    if (!this.#present(component)) return;
    const { context, scale } = this;
    context.lineWidth = 5 / scale;
    context.strokeStyle = "#fff";
    context.setLineDash([3 / scale, 4 / scale]);
    context.stroke(this.paths[component]);
    context.setLineDash([]);
  }

  #drawTool() {
    const { context, scale, canvas } = this, [x, y] = this.toImage(canvas.clientWidth / 2, canvas.clientHeight / 2);
    const path = new Path2D(), reach = 9 / scale;
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      path.moveTo(x + 0.5 - reach * dx, y + 0.5 - reach * dy);
      path.lineTo(x + 0.5 + reach * dx, y + 0.5 + reach * dy);
    }
    this.corners.forEach(([left, top], k) => path[k ? "lineTo" : "moveTo"](left + 0.5, top + 0.5));
    const half = 3 / scale; // corners that were set are seen, the first one too
    if (!this.drawing) for (const [left, top] of this.corners) path.rect(left + 0.5 - half, top + 0.5 - half, 2 * half, 2 * half);
    for (const [colour, width] of [["#000", 4], ["#fff", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width / scale;
      context.stroke(path);
    }
  }

  #present(component) { return this.states[component]?.present ?? true; }

  #kind(component) { return this.states[component]?.decision ?? "undecided"; }

  #strokeAll(context, kind) {
    const [left, top] = this.toImage(0, 0), [right, bottom] = this.toImage(this.canvas.clientWidth, this.canvas.clientHeight);
    const paths = [new Path2D(), new Path2D()];
    this.paths.forEach((path, component) => {
      if (!this.#present(component) || this.#kind(component) !== kind || (this.visible && !this.visible.has(component))) return;
      const [west, north, east, south] = this.bounds[component];
      if (east < left || west > right || south < top || north > bottom) return;
      const faint = kind === "undecided" && this.properties.engine[component] === "rejected";
      paths[faint ? 1 : 0].addPath(path);
    });
    paths.forEach((path, faint) => this.#stroke(context, path, STYLES[kind], faint ? FAINT : 1));
  }

  #stroke(context, path, { colour, dash, width, halo }, alpha) {
    const { scale } = this;
    context.setLineDash(dash.map((length) => length / scale));
    context.strokeStyle = "#000";
    context.globalAlpha = 0.5 * alpha;
    context.lineWidth = (width + 2) / scale;
    if (halo) context.stroke(path);
    context.globalAlpha = alpha;
    context.lineWidth = width / scale;
    context.strokeStyle = colour;
    context.stroke(path);
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  #strokeSelected() {
    const { context, scale } = this, style = STYLES[this.#kind(this.selected)], path = this.paths[this.selected];
    const thin = Math.max(LEAST_HALO, Math.min(1, scale / FULL_HALO)); // a small cell is not hidden by its own outline
    context.lineWidth = (6 * thin) / scale;
    context.strokeStyle = "#000";
    context.stroke(path);
    context.lineWidth = (4.5 * thin) / scale;
    context.strokeStyle = "#fff";
    context.stroke(path);
    this.#stroke(context, path, { ...style, width: 2 * thin, halo: false }, 1);
    this.#label(this.selected, "#fff", 14);
  }

  // Above its outline; of a neighbour below it, so that both can be read.
  #label(component, colour, size, below = false) {
    if (this.properties.x[component] === null) return;
    const { context } = this, ratio = devicePixelRatio, [, north, east, south] = this.bounds[component];
    const [left, top] = this.toScreen(east, below ? south : north);
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textAlign = "left"; // beside the outline, which stays to be seen
    context.textBaseline = below ? "top" : "bottom";
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = "#000c";
    context.strokeText(component, left, top);
    context.fillStyle = colour;
    context.fillText(component, left, top);
    context.restore();
  }

  // The component under a place; clicked again, the next one there. Near misses count where nothing is under it.
  pick(left, top) {
    const [x, y] = this.toImage(left, top), { x: xs, y: ys } = this.properties;
    const may = (k) => xs[k] !== null && this.#present(k) && this.shown.has(this.#kind(k)) && (!this.visible || this.visible.has(k));
    const distance = (k) => Math.hypot(xs[k] - x, ys[k] - y);
    const all = this.paths.map((_, k) => k).filter(may).sort((a, b) => distance(a) - distance(b));
    const under = all.filter((k) => this.lines[k].some((line) => inside(line, x, y)));
    if (under.length) return under[(under.indexOf(this.selected) + 1) % under.length];
    return all.length && distance(all[0]) * this.scale < PICK_PX ? all[0] : null;
  }

  #listen() {
    const { canvas } = this;
    let start = null;
    canvas.addEventListener("pointerdown", (event) => {
      start = { x: event.offsetX, y: event.offsetY, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) return this.#tellPixel(event.offsetX, event.offsetY);
      if (this.tool === "redraw") return this.#drawOn(event);
      const dx = event.offsetX - start.x, dy = event.offsetY - start.y;
      if (!start.moved && Math.hypot(dx, dy) < CLICK_PX) return;
      this.move(dx, dy);
      start = { x: event.offsetX, y: event.offsetY, moved: true };
    });
    canvas.addEventListener("pointerup", (event) => {
      if (start && this.corners.length > 2 && this.drawing) {
        this.dispatchEvent(new CustomEvent("drawn", { detail: { points: this.corners } }));
      } else if (start && !start.moved) this.#clicked(event);
      this.drawing = false;
      start = null;
    });
    canvas.addEventListener("pointercancel", () => { start = null; });
    canvas.addEventListener("pointerleave", () => this.dispatchEvent(new CustomEvent("pixel", { detail: null })));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
      this.zoom(Math.exp(-event.deltaY * lines * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
  }

  #clicked({ offsetX, offsetY, shiftKey }) {
    if (this.tool) {
      const [x, y] = this.toImage(offsetX, offsetY);
      if (x < -0.5 || y < -0.5 || x >= this.width - 0.5 || y >= this.height - 0.5) return;
      this.dispatchEvent(new CustomEvent("place", { detail: { x, y } }));
      return;
    }
    const component = this.pick(offsetX, offsetY);
    if (component !== null) this.dispatchEvent(new CustomEvent("pick", { detail: { component, add: shiftKey } }));
  }

  // A boundary that is drawn with the button held.
  #drawOn({ offsetX, offsetY }) {
    const point = this.toImage(offsetX, offsetY), last = this.corners.at(-1);
    if (!this.drawing) this.corners.length = 0;
    this.drawing = true;
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) * this.scale > CLICK_PX) this.corners.push(point);
    this.draw(false);
  }

  #tellPixel(left, top) {
    const [x, y] = this.toImage(left, top).map(Math.round);
    const within = x >= 0 && y >= 0 && x < this.width && y < this.height && this.images.has(this.name);
    const detail = within ? { x, y, value: this.images.get(this.name).image[y * this.width + x] } : null;
    this.dispatchEvent(new CustomEvent("pixel", { detail }));
  }
}

function inside(line, x, y) {
  let odd = false;
  for (let k = 0, j = line.length - 2; k < line.length; j = k, k += 2) {
    const [xa, ya, xb, yb] = [line[k], line[k + 1], line[j], line[j + 1]];
    if (ya > y !== yb > y && x < ((xb - xa) * (y - ya)) / (yb - ya) + xa) odd = !odd;
  }
  return odd;
}
