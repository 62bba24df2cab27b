// The movie in the field: frames come in chunks of pictures, ahead of their use, and are shown at the recording's pace.

import { getArrays, getJson } from "./api.js";

const CHUNK = 10; // frames asked for at a time
const AHEAD = 5; // chunks that are fetched before they are shown
const KEPT = 48; // chunks that are kept
const USUAL_RATE = 20;
const WAIT_MS = 15;

export class Movie extends EventTarget {
  // Events: "frame" with detail.frame, "playing" with detail.playing, "trouble" with an error.
  constructor(field, { frames, fps, width, height }) {
    super();
    Object.assign(this, { field, frames, width, height, fps: fps || USUAL_RATE });
    this.kinds = {};
    this.kind = null;
    this.frame = 0;
    this.playing = false;
    this.chunks = new Map();
    this.waiting = []; // chunks that are to be fetched, in their order
    this.turn = 0; // whatever was asked for before the latest turn is not shown any more
  }

  // Whether the recording is on the disk, and in which ways it can be shown.
  async look() {
    const { kinds, problem } = await getJson("movie");
    Object.assign(this, { kinds, problem });
  }

  // Show one kind; null: the image again.
  async show(kind, { dark, bright } = this) {
    const area = this.#area();
    const view = kind && JSON.stringify([kind, dark, bright, area]);
    if (view !== this.view) this.#forget();
    Object.assign(this, { kind, dark, bright, area, view });
    if (!kind) {
      this.stop();
      this.field.showFrame(null);
      return;
    }
    if (!this.playing) await this.at(this.frame);
  }

  #forget() {
    this.#dropWaiting();
    for (const chunk of this.chunks.values()) this.#release(chunk);
    this.chunks.clear();
  }

  // All but what is in the field, which is drawn again until something else is there.
  #release(chunk) {
    chunk.then((bitmaps) => bitmaps.forEach((bitmap) => bitmap === this.field.frame?.bitmap || bitmap.close()), () => {});
  }

  // What is seen of the field, in whole pixels: no more is sent.
  #area() {
    const { canvas } = this.field, step = 16;
    const [left, top] = this.field.toImage(0, 0), [right, bottom] = this.field.toImage(canvas.clientWidth, canvas.clientHeight);
    const low = (value, most) => Math.max(0, Math.min(most - 1, step * Math.floor(value / step)));
    const high = (value, most) => Math.max(1, Math.min(most, step * Math.ceil((value + 1) / step)));
    return { top: low(top, this.height), bottom: high(bottom, this.height), left: low(left, this.width), right: high(right, this.width) };
  }

  #chunk(number) {
    if (!this.chunks.has(number)) {
      if (this.chunks.size >= KEPT) {
        const first = this.chunks.keys().next().value;
        this.#release(this.chunks.get(first));
        this.chunks.delete(first);
      }
      const chunk = new Promise((resolve, reject) => { this.waiting.push({ number, resolve, reject }); });
      this.chunks.set(number, chunk);
      chunk.catch(() => this.chunks.get(number) === chunk && this.chunks.delete(number));
      this.#fetchNext();
    }
    return this.chunks.get(number);
  }

  // One after the other: requests at a time would share the server's time, and the one that is needed first came last.
  async #fetchNext() {
    if (this.fetching || !this.waiting.length) return;
    const { number, resolve, reject } = this.waiting.shift();
    this.fetching = true;
    try {
      const { ends, pictures } = await this.#fetch(number);
      resolve(Promise.all(Array.from(ends, (end, k) => {
        return createImageBitmap(new Blob([pictures.subarray(k ? ends[k - 1] : 0, end)], { type: "image/jpeg" }));
      })));
    } catch (error) {
      reject(error);
    } finally {
      this.fetching = false;
      this.#fetchNext();
    }
  }

  // What was to be shown later is not needed where another moment is shown now. Whoever waits for it has had his turn.
  #dropWaiting() {
    for (const { number, resolve } of this.waiting) {
      this.chunks.delete(number);
      resolve([]);
    }
    this.waiting.length = 0;
  }

  #fetch(number) {
    const { kind, dark, bright, area, frames } = this, start = number * CHUNK;
    const asked = new URLSearchParams({ kind, start, stop: Math.min(start + CHUNK, frames), ...area, dark, bright });
    return getArrays(`movie/frames?${asked}`);
  }

  // Show one frame, when it is there.
  async at(frame) {
    this.frame = Math.max(0, Math.min(this.frames - 1, Math.round(frame)));
    this.dispatchEvent(new CustomEvent("frame", { detail: { frame: this.frame } }));
    if (!this.kind) return;
    const turn = ++this.turn;
    this.#dropWaiting();
    try {
      const bitmaps = await this.#chunk(Math.floor(this.frame / CHUNK));
      if (turn === this.turn) this.#put(bitmaps);
    } catch (error) {
      this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    }
  }

  #put(bitmaps) {
    const { area, frame } = this;
    this.field.showFrame({ bitmap: bitmaps[frame % CHUNK], ...area });
    this.dispatchEvent(new CustomEvent("frame", { detail: { frame } }));
  }

  step(by) {
    this.stop();
    return this.at(this.frame + by);
  }

  // Play parts of the recording, each {start, stop} in frames, one after the other; without any, from here to the end.
  async play(parts = [{ start: this.frame >= this.frames - 1 ? 0 : this.frame, stop: this.frames }]) {
    this.stop();
    if (!this.kind) return;
    const turn = ++this.turn;
    this.#dropWaiting();
    this.#set(true);
    this.shown = 0; // frames that were shown since, and when it began: how fast it plays
    this.began = performance.now();
    try {
      for (const { start, stop } of parts) if (turn === this.turn) await this.#playPart(turn, start, stop);
    } catch (error) {
      this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
    }
    if (turn === this.turn) this.#set(false);
  }

  // A frame that comes late is shown late, and those after it at their distance from it: none is left out.
  async #playPart(turn, start, stop) {
    let due = performance.now();
    for (let frame = start; frame < stop; frame++) {
      const number = Math.floor(frame / CHUNK), last = Math.floor((stop - 1) / CHUNK);
      for (let next = number; next <= Math.min(number + AHEAD, last); next++) this.#chunk(next).catch(() => {});
      let bitmaps, view;
      do { // again where the field was zoomed or the contrast changed in the meantime
        view = this.view;
        bitmaps = await this.#chunk(number);
        while (performance.now() < due) await new Promise((done) => setTimeout(done, Math.min(WAIT_MS, due - performance.now())));
        if (turn !== this.turn) return;
      } while (view !== this.view || !bitmaps.length);
      this.frame = frame;
      this.#put(bitmaps);
      this.shown += 1;
      due = Math.max(due + 1000 / this.fps, performance.now() - 1000 / this.fps);
    }
  }

  stop() {
    this.turn += 1;
    this.#set(false);
  }

  #set(playing) {
    if (playing === this.playing) return;
    this.playing = playing;
    this.dispatchEvent(new CustomEvent("playing", { detail: { playing } }));
  }
}
