// Decisions as events. What the server has confirmed is on its disk; what it has not yet is kept in this browser and
// sent again until it is. The same rules as workflow_miniscope/results/curation/decisions.py.

import { getJson, postJson, RequestError } from "./api.js";

const RETRY_MS = 1500;
const LOOK_MS = 5000;
const LONGEST_NOTE = 4000;
const UNDECIDED = { decision: "undecided", note: "", present: true };
const ABSENT = { ...UNDECIDED, present: false };
const EDITS = ["merge", "split", "add", "redraw"];

class Curation {
  constructor(n) {
    this.states = new Array(n).fill(UNDECIDED);
    this.steps = [];
    this.standing = 0;
  }

  get canUndo() { return this.standing > 0; }
  get canRedo() { return this.standing < this.steps.length; }

  apply(event) {
    if (event.action === "undo") return this.canUndo ? this.#set(this.steps[--this.standing], 1) : [];
    if (event.action === "redo") return this.canRedo ? this.#set(this.steps[this.standing++], 2) : [];
    const step = EDITS.includes(event.action) ? this.#edit(event) : this.#decide(event);
    if (!step.length) return [];
    this.steps.length = this.standing;
    this.steps.push(step);
    this.standing += 1;
    return this.#set(step, 2);
  }

  #decide(event) {
    const step = [];
    for (const component of event.components) {
      const before = this.states[component];
      const after = event.action === "decide" ? { ...before, decision: event.decision } : { ...before, note: event.note ?? "" };
      if (before.present && (after.decision !== before.decision || after.note !== before.note)) step.push([component, before, after]);
    }
    return step;
  }

  // What an edit is made of goes, what it made comes.
  #edit({ action, components = [], made }) {
    while (this.states.length <= Math.max(...made)) this.states.push(ABSENT);
    const before = components.map((component) => this.states[component]);
    if (!before.every(({ present }) => present)) return [];
    const note = [...new Set(before.map((state) => state.note).filter(Boolean))].join("; ").slice(0, LONGEST_NOTE);
    const decision = { split: "undecided", redraw: before[0]?.decision }[action] ?? "accepted";
    return [
      ...components.map((component, k) => [component, before[k], { ...before[k], present: false }]),
      ...made.map((component) => [component, ABSENT, { decision, note, present: true }]),
    ];
  }

  #set(step, side) {
    for (const change of step) this.states[change[0]] = change[side];
    return step.map((change) => change[0]);
  }
}

// A page that is not opened from a secure address has no crypto.randomUUID
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export class Decisions extends EventTarget {
  // Events: "change" with detail.components (null: any), "saving" with detail {waiting, sentence}.
  // learn: fetches what is to be shown of components that edits made, from a number on
  constructor(n, kept, learn) {
    super();
    Object.assign(this, { n, learn });
    this.prefix = `decisions:${kept}:`;
    this.key = this.prefix + newId();
    this.confirmed = [];
    this.waiting = [];
    this.curation = new Curation(n);
    this.sending = false;
  }

  get states() { return this.curation.states; }
  get canUndo() { return this.curation.canUndo; }
  get canRedo() { return this.curation.canRedo; }

  async load() {
    this.confirmed = (await getJson("decisions?seen=0")).events;
    await this.#learnAbout(this.confirmed);
    this.#adopt();
    this.#rebuild();
    this.#send();
    if (!this.waiting.length) this.#say(null);
    setInterval(() => document.hidden || this.#send(true), LOOK_MS);
  }

  decide(components, decision) { return this.#do({ action: "decide", components, decision }); }
  note(components, note) { return this.#do({ action: "note", components, note }); }
  undo() { return this.canUndo ? this.#do({ action: "undo" }) : []; }
  redo() { return this.canRedo ? this.#do({ action: "redo" }) : []; }

  // Fitted by the server, then saved by it: nothing is done while it cannot be reached. Returns the components made.
  async edit(action, components, place = []) {
    await this.#settled();
    const { event } = await postJson("edit", { id: newId(), action, components, place });
    await this.#settled();
    while (!this.confirmed.some(({ id }) => id === event.id)) {
      await this.#send(true);
      if (this.trouble) throw new RequestError(this.trouble, 0);
    }
    return event.made;
  }

  // Until all that was decided is on the disk.
  async #settled() {
    while (this.sending || this.waiting.length) {
      if (this.trouble) throw new RequestError(this.trouble, 0);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async #learnAbout(events) {
    const made = events.flatMap((event) => event.made ?? []);
    if (made.length) await this.learn(Math.min(...made));
  }

  #do(event) {
    event.id = newId();
    this.waiting.push(event);
    this.#keep();
    const changed = this.curation.apply(event);
    this.#tell(changed);
    this.#send();
    return changed;
  }

  // What another page of this browser, or this one before it was closed, could not send.
  #adopt() {
    const known = new Set(this.confirmed.map((event) => event.id));
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(this.prefix))) {
      for (const event of JSON.parse(localStorage.getItem(key))) {
        if (!known.has(event.id)) this.waiting.push(event);
        known.add(event.id);
      }
      if (key !== this.key) localStorage.removeItem(key);
    }
    this.#keep();
  }

  #keep() {
    if (this.waiting.length) localStorage.setItem(this.key, JSON.stringify(this.waiting));
    else localStorage.removeItem(this.key);
  }

  #rebuild() {
    this.curation = new Curation(this.n);
    for (const event of [...this.confirmed, ...this.waiting]) this.curation.apply(event);
    this.#tell(null);
  }

  async #send(look = false) {
    if (this.sending || !(this.waiting.length || look)) return;
    this.sending = true;
    const sent = this.waiting.slice();
    if (sent.length) this.#say(null);
    try {
      const seen = this.confirmed.length;
      const answer = sent.length
        ? await postJson("decisions", { seen, events: sent }) : await getJson(`decisions?seen=${seen}`);
      await this.#learnAbout(answer.events);
      const saved = new Set(answer.events.map((event) => event.id));
      const expected = answer.events.length <= sent.length && answer.events.every((event, k) => event.id === sent[k].id);
      this.confirmed.push(...answer.events);
      this.waiting = this.waiting.filter((event) => !saved.has(event.id));
      this.#keep();
      if (!expected) this.#rebuild(); // another page has decided, too
      this.#say(null);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#failed(error, sent);
    } finally {
      this.sending = false;
    }
    if (this.waiting.length) setTimeout(() => this.#send(), this.trouble ? RETRY_MS : 0);
  }

  #failed(error, sent) {
    if (error.status === 400) { // it would be refused again
      this.waiting = this.waiting.filter((event) => !sent.includes(event));
      this.#keep();
      this.#rebuild();
    }
    const ended = error.status === 403
      ? "The server was started again: open the address that it printed. Nothing is lost." : error.message;
    this.#say(ended);
  }

  #tell(components) {
    this.dispatchEvent(new CustomEvent("change", { detail: { components } }));
  }

  #say(sentence) {
    this.trouble = sentence;
    this.dispatchEvent(new CustomEvent("saving", { detail: { waiting: this.waiting.length, sentence } }));
  }
}
