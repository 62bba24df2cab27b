// Puts the page together: one selected component, shown in the field, the traces, the table and the details.

import { getArrays, getJson, postJson } from "./api.js";
import { Decisions } from "./decisions.js";
import { Field, STYLES } from "./field.js";
import { Keys } from "./keys.js";
import { Table } from "./table.js";
import { Thresholds } from "./thresholds.js";
import { MOST_NEIGHBOURS, Traces } from "./traces.js";

const byId = (id) => document.getElementById(id);
const EVENTS_MS = 700;

class Page {
  async start() {
    const [result, outlines] = await Promise.all([getJson("result"), getArrays("outlines")]);
    this.result = result;
    this.properties = result.properties;
    this.decisions = new Decisions(result.components, `${result.fingerprint}:${result.curator}`);
    this.decisions.addEventListener("saving", ({ detail }) => this.showSaving(detail));
    await this.decisions.load();
    document.title = `Curation of ${result.folder}/${result.name}`;
    byId("title").textContent = `${result.folder}/${result.name}`;
    byId("who").textContent = `${result.engine} · ${result.curator}`;
    this.field = new Field(byId("canvas"), result, outlines);
    this.table = new Table(byId("table").querySelector("table"), this.properties, () => this.decisions.states);
    this.traces = new Traces(byId("trace"), byId("activity"), byId("beside"), result);
    this.thresholds = new Thresholds(byId("thresholds"), result, () => this.undecidedShown());
    this.showLegend();
    this.listen();
    this.addKeys();
    this.showDecisions(null);
    this.select(this.table.nextDoubtful(null) ?? this.table.order[0] ?? null);
    const images = result.images.map(({ name, label }) => new Option(label, name));
    byId("image").append(...images);
    const first = result.images.find(({ name }) => name === "correlation") ?? result.images[0];
    byId("image").value = first.name;
    await this.field.show(first.name);
    if (!result.frames || !result.components) this.showNoTraces();
    this.readEvents();
    document.body.dataset.ready = "true";
  }

  showNoTraces() {
    byId("no-traces").textContent = this.result.components
      ? "The file has no traces." : "The engine found no component in this recording: there is nothing to decide.";
    byId("no-traces").hidden = false;
  }

  async readEvents() {
    const { events } = await getJson("events").catch(() => ({ events: null })); // asked again, as while they are counted
    if (!events) return setTimeout(() => this.readEvents(), EVENTS_MS);
    this.properties.events = events;
    this.table.update(null);
    this.showDetails();
  }

  listen() {
    const { decisions, field, table, traces } = this;
    decisions.addEventListener("change", ({ detail }) => this.showDecisions(detail.components));
    for (const part of [field, table]) part.addEventListener("pick", ({ detail }) => this.select(detail.component));
    this.thresholds.addEventListener("decide", ({ detail }) => {
      decisions.decide(detail.components, detail.decision);
      this.say(`${detail.components.length} components: ${detail.decision}`);
    });
    table.addEventListener("shown", () => this.showShown());
    field.addEventListener("pixel", ({ detail }) => {
      byId("pixel").textContent = detail ? `x ${detail.x}, y ${detail.y}: ${detail.value.toPrecision(4)}` : "";
    });
    traces.addEventListener("span", ({ detail }) => this.showSpan(detail));
    traces.addEventListener("trouble", ({ detail }) => this.showProblem(detail));
    byId("image").addEventListener("change", ({ target }) => field.show(target.value));
    for (const id of ["black", "white"]) {
      byId(id).addEventListener("input", () => field.contrast(Number(byId("black").value), Number(byId("white").value)));
    }
    for (const button of document.querySelectorAll("[data-decision]")) {
      button.addEventListener("click", () => this.decide(button.dataset.decision));
    }
    const clicks = {
      undo: () => this.undo(), redo: () => this.redo(), next: () => this.next(), "whole-field": () => field.fit(),
      "whole-trace": () => traces.whole(), "show-help": () => byId("help").showModal(),
      "show-thresholds": () => this.toggleThresholds(),
      "show-commit": () => this.showCommit(), "do-commit": () => this.commit(),
    };
    for (const [id, run] of Object.entries(clicks)) byId(id).addEventListener("click", run);
    byId("note").addEventListener("change", ({ target }) => this.note(target.value));
    for (const name of ["decision", "engine", "text"]) {
      byId(`filter-${name}`).addEventListener("input", ({ target }) => {
        table.filter[name] = target.value;
        table.arrange();
      });
    }
  }

  addKeys() {
    const keys = (this.keys = new Keys()), { field, traces, table } = this, step = 40;
    keys.add(["a"], "accept", () => this.decide("accepted"));
    keys.add(["r"], "reject", () => this.decide("rejected"));
    keys.add(["u"], "undecided", () => this.decide("undecided"));
    keys.add([" "], "most doubtful component that is undecided", () => this.next());
    keys.add(["j", "PageDown"], "next row of the table", () => this.select(table.step(1)));
    keys.add(["k", "PageUp"], "previous row", () => this.select(table.step(-1)));
    keys.add(["n"], "note (Enter ends it)", () => byId("note").focus());
    keys.add(["z", "Ctrl+z"], "undo", () => this.undo());
    keys.add(["y", "Ctrl+y", "Ctrl+Shift+z"], "redo", () => this.redo());
    keys.add(["g"], "go on after a decision, or stay", () => byId("advance").click());
    keys.add(["i"], "next image", () => this.nextImage());
    keys.add(["["], "darker", () => this.brighter(1));
    keys.add(["]"], "brighter", () => this.brighter(-1));
    keys.add(["+", "="], "zoom into the field", () => this.zoomIn());
    keys.add(["-"], "zoom out", () => field.zoom(1 / 1.3));
    keys.add(["ArrowLeft"], "move the field to the left", () => field.move(step, 0));
    keys.add(["ArrowRight"], "to the right", () => field.move(-step, 0));
    keys.add(["ArrowUp"], "up", () => field.move(0, step));
    keys.add(["ArrowDown"], "down", () => field.move(0, -step));
    keys.add(["f"], "whole field", () => field.fit());
    keys.add(["1"], "show or hide the accepted", () => this.toggle("accepted"));
    keys.add(["2"], "show or hide the rejected", () => this.toggle("rejected"));
    keys.add(["3"], "show or hide the undecided", () => this.toggle("undecided"));
    keys.add(["e", "Shift+ArrowUp"], "zoom into the traces", () => traces.zoom(1 / 1.5));
    keys.add(["q", "Shift+ArrowDown"], "zoom out", () => traces.zoom(1.5));
    keys.add(["d", "Shift+ArrowRight"], "later", () => traces.move(0.4));
    keys.add(["s", "Shift+ArrowLeft"], "earlier", () => traces.move(-0.4));
    keys.add(["0"], "whole recording", () => traces.whole());
    keys.add(["/"], "search by number or note", () => byId("filter-text").focus());
    keys.add(["x"], "show by decision: all, undecided, accepted, rejected", () => this.nextFilter("decision"));
    keys.add(["v"], "show by the engine's verdict: all, accepted, rejected", () => this.nextFilter("engine"));
    keys.add(["o"], "sort by the next column", () => this.nextSort());
    keys.add(["Shift+o"], "sort the other way", () => table.sortBy({ name: table.sort.name }));
    keys.add(["t"], "thresholds: decide on many at once", () => this.toggleThresholds());
    keys.add(["c"], "commit", () => this.showCommit());
    keys.add(["?"], "this list", () => byId("help").showModal());
    keys.list(byId("keys"));
  }

  select(component) {
    if (component === null) return;
    if (byId("note") === document.activeElement) byId("note").blur();
    this.selected = component;
    const neighbours = this.properties.neighbours[component].map(([other]) => other);
    Object.assign(this.field, { selected: component, neighbours });
    this.table.select(component);
    this.field.reveal(component);
    this.field.draw(false);
    this.traces.show(component, neighbours);
    this.showDetails();
    this.showNeighbours(component);
    const after = this.table.nextDoubtful(component);
    if (after !== null) this.traces.prepare(after);
  }

  next() {
    const component = this.table.nextDoubtful(this.selected);
    if (component === null) this.say("Every other component is decided.");
    else this.select(component);
  }

  decide(decision) {
    if (this.selected === undefined) return;
    const component = this.selected;
    this.decisions.decide([component], decision);
    this.say(`Component ${component}: ${decision}`);
    if (decision !== "undecided" && byId("advance").checked) {
      const after = this.table.nextDoubtful(component);
      if (after !== null) this.select(after);
    }
  }

  undecidedShown() {
    return this.table.order.filter((component) => this.decisions.states[component].decision === "undecided");
  }

  toggleThresholds() {
    const place = byId("thresholds");
    place.hidden = !place.hidden;
    byId("show-thresholds").ariaExpanded = String(!place.hidden);
    this.showThresholds();
    if (!place.hidden) place.querySelector("input")?.focus();
  }

  showThresholds() {
    if (!byId("thresholds").hidden) this.thresholds.show();
  }

  showCommit() {
    const { accepted, rejected, undecided } = this.counts;
    byId("commit-counts").textContent = `${accepted} accepted, ${rejected} rejected`
      + (undecided ? `, and ${undecided} undecided, for which the engine's verdict holds.` : ".");
    byId("commit-made").textContent = "";
    byId("do-commit").disabled = Boolean(this.decisions.waiting.length) || !(accepted + rejected);
    byId("commit").showModal();
  }

  async commit() {
    const place = byId("commit-made");
    byId("do-commit").disabled = true;
    place.textContent = "Writing…";
    try {
      place.textContent = `Made: ${(await postJson("commit", {})).made}`;
    } catch (error) {
      place.textContent = error.message;
      byId("do-commit").disabled = false;
    }
  }

  note(text) {
    if (this.selected !== undefined) this.decisions.note([this.selected], text.trim());
  }

  undo() { this.wentTo(this.decisions.undo()); }
  redo() { this.wentTo(this.decisions.redo()); }
  wentTo(changed) { if (changed.length) this.select(changed[0]); }

  toggle(kind) { byId(`show-${kind}`).click(); }

  zoomIn() {
    const { field, selected, properties } = this;
    if (selected === undefined || properties.x[selected] === null) return field.zoom(1.3);
    field.zoom(1.3, ...field.toScreen(properties.x[selected], properties.y[selected]));
  }

  brighter(by) {
    byId("white").value = Number(byId("white").value) + by * (Number(byId("white").value) > 98 ? 0.2 : 2);
    byId("white").dispatchEvent(new Event("input"));
  }

  nextImage() { this.nextOption(byId("image"), "change"); }
  nextFilter(name) { this.nextOption(byId(`filter-${name}`), "input"); }

  nextOption(list, event) {
    list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
    list.dispatchEvent(new Event(event));
  }

  nextSort() {
    const { columns, sort } = this.table, at = columns.findIndex(({ name }) => name === sort.name);
    this.table.sortBy(columns[(at + 1) % columns.length]);
  }

  showDecisions(components) {
    const { states } = this.decisions;
    this.field.states = states;
    this.table.update(components);
    this.field.draw();
    const counts = { accepted: 0, rejected: 0, undecided: 0 };
    for (const { decision } of states) counts[decision] += 1;
    for (const [kind, count] of Object.entries(counts)) byId(`count-${kind}`).textContent = count;
    this.counts = counts;
    const done = states.length - counts.undecided;
    byId("bar").value = states.length ? done / states.length : 1;
    byId("progress").textContent = `${done} of ${states.length} looked at`;
    byId("undo").disabled = !this.decisions.canUndo;
    byId("redo").disabled = !this.decisions.canRedo;
    this.showThresholds();
    this.showDetails();
  }

  showDetails() {
    const { selected, properties } = this;
    if (selected === undefined) return;
    const { decision, note } = this.decisions.states[selected];
    byId("name").textContent = `Component ${selected}: ${STYLES[decision].mark} ${decision}`;
    for (const button of document.querySelectorAll("[data-decision]")) {
      button.ariaPressed = String(button.dataset.decision === decision);
    }
    if (byId("note") !== document.activeElement) byId("note").value = note;
    const values = [["probability of a cell", properties.probability, 2], ["SNR", properties.snr, 1], ["consistency", properties.r, 2], ["classifier", properties.classifier, 2], ["events", properties.events, 0]]
      .filter(([, all]) => typeof all?.[selected] === "number")
      .map(([name, all, digits]) => `${name} ${all[selected].toFixed(digits)}`);
    values.push(`${properties.size[selected]} pixels`);
    const reason = properties.reason[selected];
    byId("reason").textContent = `Engine ${properties.engine[selected]}${reason ? ` (${reason})` : ""}. ${values.join(", ")}.`;
  }

  async showNeighbours(component) {
    const near = this.properties.neighbours[component], place = byId("neighbours");
    const buttons = near.map(([other, overlap]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.neighbour = other;
      button.textContent = `${other}: ${Math.round(100 * overlap)} %`;
      button.title = "Cosine similarity of the footprints, correlation of the fitted traces";
      button.addEventListener("click", () => this.select(other));
      return button;
    });
    place.replaceChildren(near.length ? "Overlaps with" : "Overlaps with no other component.", ...buttons);
    byId("beside-keys").replaceChildren(...near.slice(0, MOST_NEIGHBOURS).map(([other], k) => {
      const key = document.createElement("span");
      key.className = `key neighbour-${k}`;
      key.textContent = `component ${other}`;
      return key;
    }));
    if (!near.length) return;
    try {
      const { correlations } = await getJson(`neighbours/${component}`);
      buttons.forEach((button, k) => {
        if (correlations[k] !== null) button.textContent += `, traces r ${correlations[k].toFixed(2)}`;
      });
    } catch (error) {
      this.showProblem(error);
    }
  }

  showLegend() {
    for (const [kind, style] of Object.entries(STYLES)) {
      const label = document.createElement("label");
      label.innerHTML = `<input type="checkbox" checked id="show-${kind}"><svg width="34" height="14" aria-hidden="true"><line
        x1="4" x2="30" y1="7" y2="7" stroke="${style.colour}" stroke-width="2" stroke-linecap="round"
        stroke-dasharray="${style.dash.join(" ")}"/></svg> ${kind} <b id="count-${kind}">0</b>`;
      label.querySelector("input").addEventListener("change", ({ target }) => {
        this.field.shown[target.checked ? "add" : "delete"](kind);
        this.field.draw();
      });
      byId("legend").append(label);
    }
    const faint = document.createElement("span");
    faint.className = "quiet";
    faint.textContent = "faint: the engine rejected it";
    byId("legend").append(faint);
  }

  showShown() {
    const { order, rows } = this.table;
    byId("shown").textContent = order.length === rows.length ? "" : `${order.length} of ${rows.length} shown`;
    this.field.visible = order.length === rows.length ? null : new Set(order);
    this.showThresholds();
    this.field.draw();
  }

  showSpan({ start, stop }) {
    const { fps } = this.result, length = stop - start;
    byId("span").textContent = fps ? `${(length / fps).toPrecision(3)} s at ${fps.toPrecision(4)} frames/s` : `${Math.round(length)} frames`;
  }

  showSaving({ waiting, sentence }) {
    const place = byId("saved");
    place.className = sentence ? "wrong" : "";
    place.textContent = sentence
      ? `${sentence}${waiting ? ` ${waiting} not saved yet, kept in this browser.` : ""}` : waiting ? "Saving…" : "All saved";
  }

  say(sentence) { byId("said").textContent = sentence; }

  // A lost server is said where it is said whether all is saved, and only while it is lost.
  showProblem(error) {
    if (error.status === 0 || error.status === 403) return;
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
  }
}

const page = new Page();
window.curation = page; // for whoever looks at the page from the browser's console, and for the tests
page.start().catch((error) => page.showProblem(new Error(`The page cannot be shown: ${error.message}`)));
