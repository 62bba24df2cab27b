// The table of components: sorted by any column, filtered, one selected. Of a long one, only the rows around what is seen
// are there: a browser paints all that are there, whatever changes beside them.

import { STYLES } from "./field.js";

const number = (digits) => (value) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const ENGINE = { accepted: "✓ accepted", rejected: "✕ rejected", "by hand": "✎ by hand" };
const COLUMNS = [
  { name: "number", label: "#", title: "Number of the component in the result, from 0", show: String },
  { name: "decision", label: "Decision", title: "What was decided", text: true },
  { name: "engine", label: "Engine", title: "Verdict of the engine", text: true, show: (value) => ENGINE[value] },
  { name: "doubt", label: "Doubt", title: "How near the engine's verdict was, 0 to 1: an order, no probability", show: number(2), down: true },
  { name: "probability", label: "Cell", title: "Probability of being a cell, as the engine computes it", show: number(2), down: true },
  { name: "snr", label: "SNR", title: "Signal to noise ratio of the trace", show: number(1), down: true },
  { name: "r", label: "Consistency", title: "Correlation of the footprint with the image of its activity", show: number(2), down: true },
  { name: "classifier", label: "Classifier", title: "Value of the engine's classifier", show: number(2), down: true },
  { name: "events", label: "Events", title: "Runs of frames whose activity exceeds the noise of the trace", show: (value) => value ?? "–", down: true },
  { name: "size", label: "Pixels", title: "Pixels of the footprint", show: String, down: true },
  { name: "note", label: "Note", title: "Note", text: true },
];

const SHORT = 100; // rows of a table that is there as a whole
const ROW_PX = 26; // until one was measured
const AROUND = 12; // rows of a longer one above and below those that are seen; by so many they move, too

export class Table extends EventTarget {
  // Events: "pick" with detail.component, "shown" when other rows are shown.
  constructor(table, properties, states) {
    super();
    [this.above, this.body, this.below] = [document.createElement("tbody"), table.tBodies[0], document.createElement("tbody")];
    this.body.before(this.above);
    this.body.after(this.below);
    this.whole = table;
    this.place = table.parentElement;
    this.place.addEventListener("scroll", () => this.#showRows());
    new ResizeObserver(() => this.#showRows()).observe(this.place);
    this.properties = properties;
    this.states = states;
    this.columns = COLUMNS.filter(({ name }) => ["number", "decision", "note", "events"].includes(name) || properties[name]);
    this.filter = { decision: "", engine: "", text: "" };
    this.sort = { name: "doubt", down: true };
    this.rows = new Map(); // those that were shown so far
    this.n = properties.engine.length;
    this.#head(table.tHead);
    this.arrange();
  }

  #head(head) {
    const row = head.insertRow();
    for (const column of this.columns) {
      const cell = document.createElement("th"), button = document.createElement("button");
      cell.scope = "col";
      cell.className = column.text ? "text" : "";
      cell.dataset.column = column.name;
      this.#width(head.parentElement, column);
      button.type = "button";
      button.title = column.title;
      button.addEventListener("click", () => this.sortBy(column));
      cell.append(button);
      row.append(cell);
    }
    this.head = row;
  }

  // Widths that don't depend on the rows: a changed cell moves nothing, and a thousand rows are laid out at once.
  #width(table, { name }) {
    const group = table.querySelector("colgroup") ?? table.insertBefore(document.createElement("colgroup"), table.firstChild);
    const one = document.createElement("col");
    one.className = `column-${name}`;
    group.append(one);
  }

  #row(component) {
    if (this.rows.has(component)) return this.rows.get(component);
    const row = document.createElement("tr");
    row.dataset.component = component;
    for (const column of this.columns) {
      const cell = row.insertCell();
      cell.className = column.text ? "text" : "";
      if (column.name === "note") cell.classList.add("note-text");
    }
    row.addEventListener("click", () => this.dispatchEvent(new CustomEvent("pick", { detail: { component } })));
    this.rows.set(component, row);
    return row;
  }

  value(name, component) {
    if (name === "number") return component;
    if (name === "decision" || name === "note") return this.states()[component]?.[name] ?? (name === "note" ? "" : "undecided");
    return this.properties[name]?.[component] ?? null;
  }

  #fill(row, component) {
    this.columns.forEach((column, k) => {
      const value = this.value(column.name, component), cell = row.cells[k];
      if (column.name === "decision") {
        cell.className = `text ${value}`;
        cell.textContent = `${STYLES[value].mark} ${value}`;
      } else {
        cell.textContent = column.show ? column.show(value) : value;
        if (column.name === "note") cell.title = value;
      }
    });
  }

  sortBy(column) {
    const same = this.sort.name === column.name;
    this.sort = { name: column.name, down: same ? !this.sort.down : Boolean(column.down) };
    this.arrange();
  }

  // Components that edits made, behind the others.
  extend(n) {
    this.edited = this.n < n;
    this.n = n;
  }

  // Fill rows anew; null: all of them.
  update(components) {
    for (const component of components ?? this.rows.keys()) {
      if (this.rows.get(component)?.isConnected) this.#fill(this.rows.get(component), component);
    }
    const { decision, text } = this.filter;
    if (!components || this.edited || decision || text || ["decision", "note"].includes(this.sort.name)) this.arrange();
  }

  arrange() {
    const { decision, engine, text } = this.filter, wanted = text.trim().toLowerCase(), { name, down } = this.sort;
    const chosen = this.#all().filter((component) => {
      const state = this.states()[component];
      return state?.present && (!decision || state.decision === decision || component === this.kept)
        && (!engine || this.properties.engine[component] === engine)
        && (!wanted || String(component) === wanted || state.note.toLowerCase().includes(wanted));
    });
    const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
    chosen.sort((a, b) => {
      const [first, second] = [this.value(name, a), this.value(name, b)];
      if (first === null || second === null) return (first === null) - (second === null) || a - b;
      return (down ? order(second, first) : order(first, second)) || a - b;
    });
    if (this.order?.length !== chosen.length || chosen.some((component, k) => component !== this.order[k])) {
      this.order = chosen;
      this.first = undefined;
      this.#showRows();
      this.dispatchEvent(new CustomEvent("shown"));
    }
    this.columns.forEach((column, k) => {
      const sorted = column.name === name;
      this.head.cells[k].ariaSort = sorted ? (down ? "descending" : "ascending") : "none";
      this.head.cells[k].firstChild.textContent = column.label + (sorted ? (down ? " ↓" : " ↑") : "");
    });
  }

  #all() { return Array.from({ length: this.n }, (_, component) => component); }

  // The rows that are seen and those around them, with the room that the others would take above and below.
  #showRows() {
    const { order, place, height = ROW_PX } = this;
    let [first, last] = [0, order.length];
    if (last > SHORT) {
      first = Math.max(0, AROUND * (Math.floor(place.scrollTop / height / AROUND) - 1));
      last = Math.min(last, first + 3 * AROUND + Math.ceil(place.clientHeight / height));
    }
    if (first === this.first && last === this.last) return;
    Object.assign(this, { first, last });
    const rows = order.slice(first, last).map((component) => this.#row(component));
    rows.forEach((row, k) => {
      this.#fill(row, order[first + k]);
      row.ariaRowIndex = String(first + k + 2); // the head is the first
      row.ariaSelected = String(order[first + k] === this.kept);
    });
    this.whole.ariaRowCount = String(order.length + 1);
    this.body.replaceChildren(...rows);
    this.height ??= rows[0]?.getBoundingClientRect().height || undefined; // no whole number of pixels
    this.#leave(this.above, first);
    this.#leave(this.below, order.length - last);
  }

  #leave(place, rows) {
    place.replaceChildren();
    if (rows <= 0) return;
    const cell = place.insertRow().insertCell();
    cell.parentElement.ariaHidden = "true";
    cell.style.height = `${rows * (this.height ?? ROW_PX)}px`;
    cell.className = "room";
    cell.colSpan = this.columns.length;
  }

  select(component) {
    const before = this.rows.get(this.kept);
    if (before) before.ariaSelected = "false";
    this.kept = component;
    if (this.filter.decision) this.arrange(); // the selected one stays to be seen, whatever was decided
    if (component === null) return;
    this.#scrollTo(this.order.indexOf(component));
    const row = this.rows.get(component);
    if (row) row.ariaSelected = "true";
  }

  // Bring a row into view, by as little as that takes.
  #scrollTo(at) {
    if (at < 0) return;
    const { place, height = ROW_PX } = this, top = at * height, room = place.clientHeight - this.head.offsetHeight;
    if (top < place.scrollTop) place.scrollTop = top;
    else if (top + height > place.scrollTop + room) place.scrollTop = top + height - room;
    this.#showRows();
  }

  // The row so many rows further down; the first one if none is selected.
  step(by) {
    if (!this.order.length) return null;
    const at = this.order.indexOf(this.kept);
    return this.order[at < 0 ? 0 : Math.max(0, Math.min(this.order.length - 1, at + by))];
  }

  // The undecided component that is most doubtful, other than one; of those that are shown, or else of all.
  nextDoubtful(but) {
    const undecided = (component) => {
      const { decision, present } = this.states()[component];
      return component !== but && present && decision === "undecided";
    };
    const doubt = (component) => this.properties.doubt[component];
    for (const among of [this.order, this.#all()]) {
      const left = among.filter(undecided);
      if (left.length) return left.reduce((best, one) => (doubt(one) > doubt(best) ? one : best));
    }
    return null;
  }
}
