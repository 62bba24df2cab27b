// Edits: components are merged, split, added and redrawn. The server fits what comes of it; undo takes it back.

import { getJson, postJson } from "./api.js";

const LOOK_MS = 500;

export class Edits extends EventTarget {
  // Events: "done" with detail {made}, "say" with a sentence, "changed" when what is picked or the tool changed.
  constructor(field, decisions) {
    super();
    Object.assign(this, { field, decisions });
    this.picked = new Set();
    this.tool = null;
    this.busy = false;
    field.addEventListener("place", ({ detail }) => this.placed(detail));
    field.addEventListener("drawn", ({ detail }) => this.tool === "redraw" && this.#redraw(detail.points));
  }

  // Pick a component for merging, or no longer.
  pick(component) {
    if (component === undefined || component === null) return;
    if (!this.picked.delete(component)) this.picked.add(component);
    this.#tell();
  }

  // What would be merged: those that are picked, and the selected one.
  toMerge(selected) {
    const { states } = this.decisions;
    return [...new Set([...this.picked, selected])].filter((component) => states[component]?.present).sort((a, b) => a - b);
  }

  merge(selected) {
    const components = this.toMerge(selected);
    if (components.length < 2) return this.#say("Pick the components to be merged with M, or by a click with Shift, first.");
    return this.#run("merge", components, [], `Merging ${components.join(", ")}`);
  }

  split(selected) { return this.#run("split", [selected], [], `Splitting ${selected}`); }

  // Choose a tool: what a click in the field means. Chosen again, or null: a click selects again.
  use(tool, selected) {
    this.tool = tool === this.tool ? null : tool;
    this.target = selected;
    this.corners = [];
    this.field.useTool(this.tool, this.corners);
    this.#tell();
    this.field.canvas.focus(); // Enter and the arrows are the field's now
    const hints = {
      add: "Click where the missed cell is, or move the field so that the cross is there and press Enter.",
      redraw: "Draw the boundary with the mouse; or set corners at the cross with Enter (Backspace takes the last back), and close it with Shift+Enter.",
      why: "Click on any pixel, or move the field so that the cross is there and press Enter.",
    };
    this.#say(hints[this.tool] ?? "");
  }

  // By keyboard: the middle of what is seen.
  atCross(close) {
    if (!this.tool) return;
    if (this.tool === "redraw" && close) return this.#redraw(this.corners);
    const { clientWidth, clientHeight } = this.field.canvas, [x, y] = this.field.toImage(clientWidth / 2, clientHeight / 2);
    this.placed({ x, y });
  }

  // The last corner of a boundary.
  takeBack() {
    this.corners?.pop();
    this.field.draw(false);
  }

  placed({ x, y }) {
    if (this.tool === "add") return this.#run("add", [], [[x, y]], "Fitting a cell");
    if (this.tool === "redraw") {
      this.corners.push([x, y]);
      this.field.draw(false);
    }
    if (this.tool === "why") this.dispatchEvent(new CustomEvent("why", { detail: { x: Math.round(x), y: Math.round(y) } }));
  }

  #redraw(points) {
    if (points.length < 3) return this.#say("A boundary needs three corners at least.");
    return this.#run("redraw", [this.target], points.slice(), `Fitting ${this.target} within the boundary`);
  }

  async #run(action, components, place, said) {
    if (this.busy || components.some((component) => component === undefined || component === null)) return;
    if (this.tool) this.use(null);
    this.busy = true;
    this.#tell();
    this.#say(`${said}…`);
    const looking = setInterval(() => this.#look(said), LOOK_MS);
    try {
      const made = await this.decisions.edit(action, components, place);
      this.picked.clear();
      clearInterval(looking);
      this.#say(`${said}: component ${made.join(" and ")}`);
      this.dispatchEvent(new CustomEvent("done", { detail: { made } }));
    } catch (error) {
      clearInterval(looking);
      this.#say(error.message, true);
    } finally {
      this.busy = false;
      this.#tell();
    }
  }

  // Wait until the server has read the whole recording, which the first edit and the first light of a pixel need.
  async recordingRead() {
    let { ready, problem, progress } = await postJson("recording", {});
    while (!ready && !problem) {
      if (progress !== null) this.#say(`Reading the recording, ${Math.round(100 * progress)} %`);
      await new Promise((done) => setTimeout(done, LOOK_MS));
      ({ ready, problem, progress } = await getJson("edit"));
    }
    if (problem) this.#say(problem, true);
    else if (progress === null && !this.busy) this.#say("");
    return ready;
  }

  async #look(said) {
    const { progress } = await getJson("edit").catch(() => ({ progress: null }));
    if (this.busy && progress !== null) this.#say(`${said}: reading the recording, ${Math.round(100 * progress)} %`);
  }

  #tell() { this.dispatchEvent(new CustomEvent("changed")); }
  #say(sentence, wrong = false) { this.dispatchEvent(new CustomEvent("say", { detail: { sentence, wrong } })); }
}
