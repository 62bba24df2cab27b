// Puts the page together: one selected component, shown in the field, the traces, the table and the details.

import { getArrays, getJson, postJson } from "./api.js";
import { Decisions } from "./decisions.js";
import { Edits } from "./edits.js";
import { Field, STYLES } from "./field.js";
import { Keys } from "./keys.js";
import { Movie } from "./movie.js";
import { Table } from "./table.js";
import { TAG_KEYS, toggled, tagsOf, usedTags } from "./tags.js";
import { Thresholds } from "./thresholds.js";
import { MOST_NEIGHBOURS, Traces } from "./traces.js";
import { Why } from "./why.js";

const byId = (id) => document.getElementById(id);
const EVENTS_MS = 700;
const STEP_PX = 40, FINE_STEP_PX = 8; // by which arrows move the field, and do so under the cross of a tool
const VIEW_MS = 150; // rest after zooming before the movie is fetched for what is seen now

class Page {
  async start() {
    const [result, outlines] = await Promise.all([getJson("result"), getArrays("outlines")]);
    this.result = result;
    this.properties = result.properties;
    this.decisions = new Decisions(result.components, `${result.fingerprint}:${result.curator}`, (first) => this.learn(first));
    this.decisions.addEventListener("saving", ({ detail }) => this.showSaving(detail));
    document.title = `Curation of ${result.folder}/${result.name}`;
    byId("title").textContent = `${result.folder}/${result.name}`;
    byId("who").textContent = `curator ${result.curator}`;
    byId("title").title = `${result.folder}/${result.name}, of the engine ${result.engine}`;
    this.field = new Field(byId("canvas"), result, outlines);
    this.table = new Table(byId("table").querySelector("table"), this.properties, () => this.decisions.states);
    this.traces = new Traces(byId("trace"), byId("activity"), byId("beside"), result);
    this.movie = new Movie(this.field, result);
    this.thresholds = new Thresholds(byId("thresholds"), result, () => this.undecidedShown());
    this.edits = new Edits(this.field, this.decisions);
    this.why = new Why(this.field);
    await this.decisions.load();
    this.showLegend();
    this.listen();
    this.addKeys();
    this.showDecisions(null);
    this.select(this.table.nextDoubtful(null) ?? this.table.order[0] ?? null);
    this.addImages("Image", result.images.map(({ name, label }) => new Option(label, name)));
    const first = result.images.find(({ name }) => name === "correlation") ?? result.images[0];
    byId("image").value = first.name;
    await this.field.show(first.name);
    if (!result.frames || !result.components) this.showNoTraces();
    this.readEvents();
    this.looking = this.lookForMovie();
    document.body.dataset.ready = "true";
  }

  // Fetch what is to be shown of components that edits made, from number `first` on, and put them behind the others.
  async learn(first) {
    const { properties } = this, there = properties.engine.length;
    const { components } = await getJson(`made/${Math.max(first, there)}`);
    for (const one of components) {
      if (one.number !== properties.engine.length) continue;
      for (const name of Object.keys(properties)) if (properties[name]) properties[name][one.number] = one[name] ?? null;
      for (const [other, overlap] of one.neighbours) if (other < one.number) properties.neighbours[other].push([one.number, overlap]);
      this.field.extend(one.lines);
    }
    this.table.extend(properties.engine.length);
  }

  showNoTraces() {
    byId("no-traces").textContent = this.result.components
      ? "The file has no traces." : "The engine found no component in this recording: there is nothing to decide.";
    byId("no-traces").hidden = false;
  }

  // The kinds of the movie stand among the images; without the recording, why it cannot be shown.
  async lookForMovie() {
    const { movie } = this;
    await movie.look().catch((error) => { movie.problem = error.message; });
    const kinds = Object.entries(movie.kinds).map(([name, label]) => new Option(label, `movie:${name}`));
    this.addImages("Movie", kinds);
    // in one line of the same height: nothing moves when it is known
    for (const part of byId("movie").children) part.hidden = (part.id === "no-movie") === Boolean(kinds.length);
    byId("no-movie").textContent = byId("no-movie").title = `No movie. ${movie.problem ?? ""}`;
    byId("moment").max = Math.max(0, this.result.frames - 1);
    this.showMoment(0);
    this.showEdits();
    document.body.dataset.movie = "true";
  }

  addImages(label, options) {
    if (!options.length) return;
    const group = document.createElement("optgroup");
    group.label = label;
    group.append(...options);
    byId("image").append(group);
  }

  // An image, or a kind of the movie.
  async showImage(name) {
    const kind = name.startsWith("movie:") ? name.slice(6) : null;
    byId("image").value = name;
    this.traces.mark(kind ? this.movie.frame : null);
    if (kind) this.lastKind = kind;
    await this.movie.show(kind, this.contrast);
    if (!kind) await this.field.show(name);
  }

  get contrast() { return { dark: Number(byId("black").value), bright: Number(byId("white").value) }; }

  // The kind that is shown or was last, with the movie in the field.
  async needMovie() {
    await this.looking;
    if (this.movie.kind) return true;
    if (!Object.keys(this.movie.kinds).length) {
      this.say(this.movie.problem ?? "There is no movie.");
      return false;
    }
    const wanted = this.lastKind ?? (this.movie.kinds.subtracted ? "subtracted" : "registered");
    await this.showImage(`movie:${wanted}`);
    return true;
  }

  async play() {
    if (this.movie.playing) this.movie.stop();
    else if (await this.needMovie()) this.movie.play();
  }

  async playLargest() {
    if (this.selected === undefined || !(await this.needMovie())) return;
    const component = this.selected;
    try {
      const { transients } = await getJson(`transients/${component}`);
      if (component !== this.selected) return;
      if (!transients.length) return this.say(`Component ${component} has no transients.`);
      this.say(`The ${transients.length} largest transients of component ${component}`);
      await this.movie.play(transients.map(([start, , stop]) => ({ start, stop })));
    } catch (error) {
      this.showProblem(error);
    }
  }

  async stepMovie(by) {
    if (await this.needMovie()) this.movie.step(by);
  }

  showMoment(frame) {
    const { fps } = this.result;
    byId("moment").value = frame;
    byId("moment-said").textContent = fps ? `${(frame / fps).toFixed(2)} s` : `frame ${frame}`;
    if (!this.movie.kind) return;
    this.traces.mark(frame);
    if (this.movie.playing) this.traces.reveal(frame);
  }

  async readEvents() {
    const { events } = await getJson("events").catch(() => ({ events: null })); // asked again, as while they are counted
    if (!events) return setTimeout(() => this.readEvents(), EVENTS_MS);
    const made = this.properties.engine.slice(events.length).map((_, k) => this.properties.events?.[events.length + k] ?? null);
    this.properties.events = [...events, ...made];
    this.table.update(null);
    this.showDetails();
  }

  listen() {
    const { decisions, field, table, traces } = this;
    decisions.addEventListener("change", ({ detail }) => this.showDecisions(detail.components));
    for (const part of [field, table]) part.addEventListener("pick", ({ detail }) => this.picked(detail));
    this.listenToEdits();
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
    byId("image").addEventListener("change", ({ target }) => this.showImage(target.value));
    for (const id of ["black", "white"]) {
      byId(id).addEventListener("input", () => {
        field.contrast(this.contrast.dark, this.contrast.bright);
        if (this.movie.kind) this.renewMovie();
      });
    }
    this.listenToMovie();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.showThresholds());
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

  listenToMovie() {
    const { movie, field, traces } = this;
    movie.addEventListener("frame", ({ detail }) => this.showMoment(detail.frame));
    movie.addEventListener("playing", ({ detail }) => {
      byId("play").firstChild.textContent = detail.playing ? "Pause " : "Play ";
    });
    movie.addEventListener("trouble", ({ detail }) => this.showProblem(detail));
    field.addEventListener("view", () => { if (movie.kind) this.renewMovie(); });
    traces.addEventListener("moment", ({ detail }) => {
      if (!Object.keys(movie.kinds).length) return;
      movie.stop();
      this.needMovie().then((there) => there && movie.at(detail.frame));
    });
    byId("moment").addEventListener("input", ({ target }) => {
      movie.stop();
      this.needMovie().then((there) => there && movie.at(Number(target.value)));
    });
    byId("play").addEventListener("click", () => this.play());
    byId("play-largest").addEventListener("click", () => this.playLargest());
    byId("outlined").addEventListener("change", ({ target }) => {
      field.outlined = target.checked;
      field.draw(false);
    });
  }

  picked({ component, add }) {
    if (add) this.edits.pick(component);
    else this.select(component);
  }

  listenToEdits() {
    const { edits, field } = this;
    edits.addEventListener("changed", () => {
      field.picked = edits.picked;
      field.draw(false);
      this.showEdits();
    });
    edits.addEventListener("say", ({ detail }) => {
      byId("edit-said").hidden = !detail.sentence;
      byId("edit-said").textContent = detail.sentence;
      byId("edit-said").className = detail.wrong ? "wrong" : "";
    });
    edits.addEventListener("done", ({ detail }) => this.select(detail.made[0]));
    const clicks = {
      pick: () => edits.pick(this.selected), merge: () => edits.merge(this.selected), split: () => edits.split(this.selected),
      redraw: () => edits.use("redraw", this.selected), add: () => edits.use("add"), "why-not": () => edits.use("why"),
      "why-add": () => this.edit("add") ?? edits.placed(this.why.at),
    };
    edits.addEventListener("why", ({ detail }) => this.ask(detail));
    for (const [id, run] of Object.entries(clicks)) byId(id).addEventListener("click", run);
  }

  // Edits need the recording; why they cannot be made is said where one points.
  showEdits() {
    const { edits, movie, selected } = this;
    const problem = Object.keys(movie.kinds).length ? "" : movie.problem ?? "Is the recording on the disk? It is being looked for.";
    const needs = { merge: edits.toMerge(selected).length > 1, split: selected !== undefined, redraw: selected !== undefined, add: true };
    for (const [id, may] of Object.entries(needs)) {
      byId(id).disabled = edits.busy || Boolean(problem) || !may;
      byId(id).title = problem;
    }
    byId("pick").ariaPressed = String(edits.picked.has(selected));
    for (const tool of ["redraw", "add"]) byId(tool).ariaPressed = String(edits.tool === tool);
    byId("why-not").ariaPressed = String(edits.tool === "why");
    byId("why-add").disabled = byId("add").disabled;
  }

  // What the engine saw at a pixel, and how bright it is there, in place of the selected component's traces.
  async ask(pixel) {
    try {
      await this.why.ask(pixel);
      if (!Object.keys(this.movie.kinds).length || !(await this.edits.recordingRead())) return;
      if (this.why.open && this.why.at.x === pixel.x && this.why.at.y === pixel.y) this.traces.show(`at/${pixel.y}/${pixel.x}`, []);
    } catch (error) {
      this.showProblem(error);
    }
  }

  leave() {
    if (this.edits.tool) this.edits.use(null);
    else if (this.why.open) {
      this.why.close();
      this.select(this.selected);
    }
  }

  // A key of an edit that cannot be made says why.
  edit(id) {
    if (byId(id).disabled) this.say(byId(id).title || "Not now.");
    else byId(id).click();
  }

  // The movie is sent for what is seen of the field and with its contrast.
  renewMovie() {
    clearTimeout(this.renewing);
    this.renewing = setTimeout(() => this.movie.kind && this.movie.show(this.movie.kind, this.contrast), VIEW_MS);
  }

  addKeys() {
    const keys = (this.keys = new Keys()), { field, traces, table } = this;
    const step = () => (this.edits.tool ? FINE_STEP_PX : STEP_PX);
    keys.group("Decide");
    keys.add(["a"], "accept", () => this.decide("accepted"));
    keys.add(["r"], "reject", () => this.decide("rejected"));
    keys.add(["u"], "undecided", () => this.decide("undecided"));
    keys.add([" "], "most doubtful component that is undecided", () => this.next());
    keys.add(["j", "PageDown"], "next row of the table", () => this.select(table.step(1)));
    keys.add(["k", "PageUp"], "previous row", () => this.select(table.step(-1)));
    keys.add(["n"], "note (Enter ends it)", () => byId("note").focus());
    keys.add(TAG_KEYS, "set or take away a tag: a word of a note that begins with #", (key) => this.tag(TAG_KEYS.indexOf(key)));
    keys.add(["z", "Ctrl+z"], "undo", () => this.undo());
    keys.add(["y", "Ctrl+y", "Ctrl+Shift+z"], "redo", () => this.redo());
    keys.add(["g"], "go on after a decision, or stay", () => byId("advance").click());
    keys.add(["t"], "thresholds: decide on many at once", () => this.toggleThresholds());
    keys.add(["c"], "commit: make a curated result", () => this.showCommit());
    keys.group("Edit");
    keys.add(["m"], "pick for merging, or no longer", () => byId("pick").click());
    keys.add(["Shift+m"], "merge the selected with those picked", () => this.edit("merge"));
    keys.add(["Shift+s"], "split the selected in two", () => this.edit("split"));
    keys.add(["b"], "redraw the boundary of the selected", () => this.edit("redraw"));
    keys.add(["Shift+a"], "add a missed cell", () => this.edit("add"));
    keys.add(["h"], "why not a cell? what the engine saw at a pixel", () => byId("why-not").click());
    keys.add(["Enter"], "with a tool: use it at the cross (add, ask, set a corner)", () => this.edits.atCross(false));
    keys.add(["Backspace"], "take back the last corner", () => this.edits.takeBack());
    keys.add(["Shift+Enter"], "close the boundary", () => this.edits.atCross(true));
    keys.add(["Escape"], "leave a tool, a list or a slider", () => this.leave());
    keys.group("Field");
    keys.add(["i"], "next image", () => this.nextImage());
    keys.add(["["], "darker", () => this.brighter(1));
    keys.add(["]"], "brighter", () => this.brighter(-1));
    keys.add(["+", "="], "zoom into the field", () => this.zoomIn());
    keys.add(["-"], "zoom out", () => field.zoom(1 / 1.3));
    keys.add(["ArrowLeft"], "look further left; with a tool in small steps", () => field.move(step(), 0));
    keys.add(["ArrowRight"], "look further right", () => field.move(-step(), 0));
    keys.add(["ArrowUp"], "look further up", () => field.move(0, step()));
    keys.add(["ArrowDown"], "look further down", () => field.move(0, -step()));
    keys.add(["Home"], "bring the selected to the middle, under the cross of a tool", () => field.centre(this.selected));
    keys.add(["f"], "whole field", () => field.fit());
    keys.add(["1"], "show or hide the accepted", () => this.toggle("accepted"));
    keys.add(["2"], "show or hide the rejected", () => this.toggle("rejected"));
    keys.add(["3"], "show or hide the undecided", () => this.toggle("undecided"));
    keys.group("Traces");
    keys.add(["e", "Shift+ArrowUp"], "zoom into the traces", () => traces.zoom(1 / 1.5));
    keys.add(["q", "Shift+ArrowDown"], "zoom out of the traces", () => traces.zoom(1.5));
    keys.add(["d", "Shift+ArrowRight"], "later", () => traces.move(0.4));
    keys.add(["s", "Shift+ArrowLeft"], "earlier", () => traces.move(-0.4));
    keys.add(["0"], "whole recording", () => traces.whole());
    keys.group("Movie");
    keys.add(["p"], "play or pause the movie", () => this.play());
    keys.add(["l"], "play the five largest transients", () => this.playLargest());
    keys.add([","], "one frame back", () => this.stepMovie(-1));
    keys.add(["."], "one frame on", () => this.stepMovie(1));
    keys.add(["<"], "one second back", () => this.stepMovie(-this.movie.fps));
    keys.add([">"], "one second on", () => this.stepMovie(this.movie.fps));
    keys.add(["w"], "all outlines over the movie, or the selected one", () => byId("outlined").click());
    keys.group("Table and page");
    keys.add(["/"], "search by number or note", () => byId("filter-text").focus());
    keys.add(["x"], "show by decision: all, undecided, accepted, rejected", () => this.nextFilter("decision"));
    keys.add(["v"], "show by the engine's verdict: all, accepted, rejected", () => this.nextFilter("engine"));
    keys.add(["o"], "sort by the next column", () => this.nextSort());
    keys.add(["Shift+o"], "sort the other way", () => table.sortBy({ name: table.sort.name }));
    keys.add(["?"], "this list", () => byId("help").showModal());
    keys.list(byId("keys"));
  }

  select(component) {
    if (component === null) return;
    if (byId("note") === document.activeElement) byId("note").blur();
    if (component !== this.selected) this.movie.stop();
    this.selected = component;
    const neighbours = this.near(component).map(([other]) => other);
    Object.assign(this.field, { selected: component, neighbours });
    this.table.select(component);
    this.field.reveal(component);
    this.field.draw(false);
    this.traces.show(component, neighbours);
    this.showDetails();
    this.showEdits();
    this.showNeighbours(component);
    const after = this.table.nextDoubtful(component);
    if (after !== null) this.traces.prepare(after);
  }

  near(component) {
    return this.properties.neighbours[component].filter(([other]) => this.decisions.states[other]?.present);
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

  // The tags that were used so far; the selected component's are pressed.
  showTags() {
    const { selected } = this, { states } = this.decisions, tags = usedTags(states), own = tagsOf(states[selected]?.note ?? "");
    byId("tags").hidden = !tags.length;
    byId("tags").replaceChildren(...tags.map((tag, k) => {
      const button = document.createElement("button"), key = document.createElement("kbd");
      button.type = "button";
      key.textContent = TAG_KEYS[k];
      button.append(`${tag} `, key);
      button.ariaPressed = String(own.includes(tag));
      button.addEventListener("click", () => this.tag(k));
      return button;
    }));
  }

  tag(k) {
    const tag = usedTags(this.decisions.states)[k];
    if (tag && this.selected !== undefined) this.note(toggled(this.decisions.states[this.selected].note, tag));
  }

  undo() { this.wentTo(this.decisions.undo()); }
  redo() { this.wentTo(this.decisions.redo()); }
  wentTo(changed) {
    const there = changed.find((component) => this.decisions.states[component].present);
    if (there !== undefined) this.select(there);
  }

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
    const present = states.filter((state) => state.present);
    for (const { decision } of present) counts[decision] += 1;
    for (const [kind, count] of Object.entries(counts)) byId(`count-${kind}`).textContent = count;
    this.counts = counts;
    const done = present.length - counts.undecided;
    byId("bar").value = present.length ? done / present.length : 1;
    byId("progress").textContent = `${done} of ${present.length} looked at`;
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
    this.showTags();
    const values = [["probability of a cell", properties.probability, 2], ["SNR", properties.snr, 1], ["consistency", properties.r, 2], ["classifier", properties.classifier, 2], ["events", properties.events, 0]]
      .filter(([, all]) => typeof all?.[selected] === "number")
      .map(([name, all, digits]) => `${name} ${all[selected].toFixed(digits)}`);
    values.push(`${properties.size[selected]} pixels`);
    const reason = properties.reason[selected];
    byId("reason").textContent = `Engine ${properties.engine[selected]}${reason ? ` (${reason})` : ""}. ${values.join(", ")}.`;
  }

  async showNeighbours(component) {
    const all = this.properties.neighbours[component], near = this.near(component), place = byId("neighbours");
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
        const r = correlations[all.indexOf(near[k])];
        if (typeof r === "number") button.textContent += `, traces r ${r.toFixed(2)}`;
      });
    } catch (error) {
      this.showProblem(error);
    }
  }

  showLegend() {
    for (const [kind, style] of Object.entries(STYLES)) {
      const label = document.createElement("label");
      label.innerHTML = `<input type="checkbox" checked id="show-${kind}"><svg width="28" height="14" aria-hidden="true"><line
        x1="3" x2="25" y1="7" y2="7" stroke="${style.colour}" stroke-width="2" stroke-linecap="round"
        stroke-dasharray="${style.dash.join(" ")}"/></svg> ${kind} <b id="count-${kind}">0</b>`;
      label.querySelector("input").addEventListener("change", ({ target }) => {
        this.field.shown[target.checked ? "add" : "delete"](kind);
        this.field.draw();
      });
      byId("legend").append(label);
    }
    const faint = document.createElement("span");
    faint.className = "quiet";
    faint.textContent = "faint: engine rejects";
    byId("legend").append(faint);
  }

  showShown() {
    const { order } = this.table, there = this.decisions.states.filter(({ present }) => present).length;
    byId("shown").textContent = order.length === there ? "" : `${order.length} of ${there} shown`;
    this.field.visible = order.length === there ? null : new Set(order);
    this.showThresholds();
    this.field.draw();
  }

  showSpan({ start, stop }) {
    const { fps } = this.result, length = stop - start;
    byId("span").textContent = fps ? `${spoken(length / fps)} at ${Number(fps.toPrecision(4))} frames/s` : `${Math.round(length)} frames`;
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

// A length of time as one says it.
function spoken(seconds) {
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`;
  return seconds < 7200 ? `${Number((seconds / 60).toPrecision(3))} min` : `${Number((seconds / 3600).toPrecision(3))} h`;
}

const page = new Page();
window.curation = page; // for whoever looks at the page from the browser's console, and for the tests
page.start().catch((error) => page.showProblem(new Error(`The page cannot be shown: ${error.message}`)));
