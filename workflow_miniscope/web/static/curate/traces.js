// Traces of the selected component: raw and fitted, deconvolved, and the fitted ones of its neighbours, zoomed together.

import uPlot from "./vendor/uplot-1.6.32/uPlot.esm.js";
import { getArrays } from "./api.js";

const KEPT = 200; // answers of the server that are kept
const LEAST_FRAMES = 20;
const POINTS_PER_PX = 1;
export const MOST_NEIGHBOURS = 3;
// Told apart by dashes, too
const DASHES = [[], [7, 3], [2, 3]];

const colour = (name) => {
  // light-dark() is resolved by the browser only where it is used
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
};

function clock(seconds, step) {
  const sign = seconds < 0 ? "-" : "", whole = Math.abs(seconds), digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${sign}${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${sign}${minutes}:${rest}`;
}

export class Traces extends EventTarget {
  // Events: "span" with detail {start, stop} in frames, "moment" with detail.frame where it was clicked.
  constructor(upper, lower, others, { frames, fps }) {
    super();
    Object.assign(this, { upper, lower, others, frames, fps });
    this.neighbours = [];
    this.others.hidden = true;
    this.answers = new Map();
    this.start = 0;
    this.stop = frames;
    this.#build();
    for (const place of [upper, lower, others]) {
      new ResizeObserver(() => this.#resized()).observe(place);
      this.#listen(place);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#build());
  }

  get points() { return Math.max(64, Math.round(this.upper.clientWidth * devicePixelRatio * POINTS_PER_PX)); }

  #build() {
    this.plots?.forEach((plot) => plot.destroy());
    const grid = { stroke: colour("line"), width: 1 }, ink = colour("quiet");
    const times = (_, splits) => splits.map((at) => (this.fps ? clock(at / this.fps, (splits[1] - splits[0]) / this.fps) : at));
    const numbers = (_, splits) => splits.map((at) => (Math.abs(at) >= 1e5 ? at.toExponential(0) : at));
    const make = (place, series, withTimes) => new uPlot({
      width: Math.max(place.clientWidth, 100),
      height: Math.max(place.clientHeight, 40),
      padding: [6, 26, withTimes ? 0 : 6, 0],
      scales: { x: { time: false } },
      axes: [
        { show: withTimes, stroke: ink, grid, ticks: grid, values: times, size: 28,
          incrs: this.fps ? [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600].map((s) => s * this.fps) : undefined },
        { stroke: ink, grid, ticks: grid, size: 62, values: numbers, space: withTimes ? 30 : 22 },
      ],
      series: [{}, ...series.map((name, k) => ({
        stroke: colour(name), width: name === "raw" ? 1 : 1.5, points: { show: false },
        dash: place === this.others ? DASHES[k] : [],
      }))],
      cursor: { sync: { key: "traces" }, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      legend: { show: false },
      hooks: { setSelect: [(plot) => this.#selected(plot)] },
    }, [[], ...series.map(() => [])], place);
    const neighbours = DASHES.map((_, k) => `neighbour-${k}`);
    this.plots = [
      make(this.upper, ["raw", "fitted"], true), make(this.lower, ["deconvolved"], false), make(this.others, neighbours, false),
    ];
    for (const plot of this.plots) {
      plot.moment = Object.assign(document.createElement("div"), { className: "moment", hidden: true });
      plot.over.append(plot.moment);
    }
    this.#put();
  }

  // Mark the frame that the movie shows.
  mark(frame) {
    this.moment = frame;
    for (const plot of this.plots) {
      const within = frame !== null && frame !== undefined && frame >= this.start && frame <= this.stop;
      plot.moment.hidden = !within;
      if (within) plot.moment.style.transform = `translateX(${plot.valToPos(frame, "x")}px)`;
    }
  }

  // Bring a frame into view.
  reveal(frame) {
    const length = this.stop - this.start;
    if (frame < this.start || frame > this.stop) this.span(frame - length / 4, frame + (3 * length) / 4);
  }

  #resized() {
    const points = this.asked;
    [this.upper, this.lower, this.others].forEach((place, k) => {
      if (place.clientWidth) this.plots[k].setSize({ width: place.clientWidth, height: place.clientHeight });
    });
    if (points !== this.points) this.#load();
  }

  // Show a component, and the fitted traces of some of its neighbours.
  show(component, neighbours) {
    this.component = component;
    this.neighbours = neighbours.slice(0, MOST_NEIGHBOURS);
    this.others.hidden = !this.neighbours.length;
    this.#load();
  }

  span(start, stop) {
    const length = Math.min(this.frames, Math.max(stop - start, Math.min(LEAST_FRAMES, this.frames)));
    this.start = Math.max(0, Math.min(start, this.frames - length));
    this.stop = this.start + length;
    this.#put();
    this.#load();
  }

  zoom(factor, at = (this.start + this.stop) / 2) {
    this.span(at - (at - this.start) * factor, at + (this.stop - at) * factor);
  }

  move(part) {
    const by = part * (this.stop - this.start);
    this.span(this.start + by, this.stop + by);
  }

  whole() { this.span(0, this.frames); }

  // Fetch before it is wanted.
  prepare(component) { this.#get(component).catch(() => {}); }

  async #get(component, only = "") {
    const path = `traces/${component}?start=${Math.floor(this.start)}&stop=${Math.ceil(this.stop)}&points=${this.points}${only}`;
    if (!this.answers.has(path)) {
      if (this.answers.size >= KEPT) this.answers.delete(this.answers.keys().next().value);
      const answer = getArrays(path);
      this.answers.set(path, answer);
      answer.catch(() => this.answers.delete(path));
    }
    return this.answers.get(path);
  }

  async #load() {
    if (this.component === undefined || this.component === null || !this.frames) return;
    if (this.loading) { // the latest wish follows when the answer is there
      this.again = true;
      return;
    }
    this.loading = true;
    this.asked = this.points;
    try {
      const { component, neighbours } = this;
      const [data, ...beside] = await Promise.all([this.#get(component), ...neighbours.map((one) => this.#get(one, "&only=fitted"))]);
      if (component === this.component) {
        Object.assign(this, { data, fittedBeside: beside.map(({ fitted }) => fitted) });
        this.#put();
      }
    } catch (error) {
      this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    } finally {
      this.loading = false;
    }
    if (this.again) {
      this.again = false;
      this.#load();
    }
  }

  #put() {
    const { data } = this;
    if (data) {
      const { start, length, fitted } = data, step = length === 1 ? 1 : length / 2;
      const x = Float64Array.from(fitted, (_, k) => start + k * step);
      const none = new Array(fitted.length).fill(null);
      this.plots[0].setData([x, data.raw ?? none, fitted], false);
      this.plots[1].setData([x, data.deconvolved ?? none], false);
      this.plots[2].setData([x, ...DASHES.map((_, k) => this.fittedBeside[k] ?? none)], false);
    }
    for (const plot of this.plots) plot.setScale("x", { min: this.start, max: this.stop });
    this.mark(this.moment);
    this.dispatchEvent(new CustomEvent("span", { detail: { start: this.start, stop: this.stop } }));
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < 3) return;
    this.dragged = true;
    const from = plot.posToVal(left, "x"), to = plot.posToVal(left + width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.span(from, to);
  }

  #listen(place) {
    place.addEventListener("click", (event) => {
      const over = place.querySelector(".u-over"), box = over.getBoundingClientRect();
      if (event.target.closest(".u-over") !== over || this.dragged) return;
      const frame = this.start + ((event.clientX - box.left) / box.width) * (this.stop - this.start);
      this.dispatchEvent(new CustomEvent("moment", { detail: { frame } }));
    });
    place.addEventListener("pointerdown", () => { this.dragged = false; }, { capture: true });
    place.addEventListener("dblclick", () => this.whole());
    place.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = place.querySelector(".u-over").getBoundingClientRect();
      const part = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        return this.move(((event.deltaX || event.deltaY) * lines) / box.width);
      }
      this.zoom(Math.exp(event.deltaY * lines * 0.002), this.start + part * (this.stop - this.start));
    }, { passive: false });
  }
}
