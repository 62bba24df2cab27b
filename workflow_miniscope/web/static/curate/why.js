// Why is something no cell? What the engine recorded of a pixel while it looked for cells, in sentences and numbers.

import { getJson } from "./api.js";

const byId = (id) => document.getElementById(id);
const COLUMNS = [["round", 0], ["scale", 0], ["correlation", 2], ["pnr", 1]];
const NAMES = { round: "Round", scale: "Width of the band (somata)", correlation: "Correlation", pnr: "Peak to noise" };

export class Why {
  constructor(field) {
    this.field = field;
    byId("why-close").addEventListener("click", () => this.close());
  }

  get open() { return !byId("why").hidden; }

  async ask({ x, y }) {
    const answer = await getJson(`why/${y}/${x}`);
    this.at = { x, y };
    byId("why").hidden = false;
    byId("why-title").textContent = `x ${x}, y ${y}`;
    byId("why-said").replaceChildren(...answer.sentences.map((sentence) => {
      const line = document.createElement("li");
      line.textContent = sentence;
      return line;
    }));
    this.#table(answer);
    this.field.mark([[x, y], ...answer.places]);
    return answer;
  }

  #table({ seen, min_corr, min_pnr }) {
    const table = byId("why-seen"), head = document.createElement("tr");
    table.hidden = !seen.length;
    if (!seen.length) return;
    table.caption.textContent = `At this pixel; a place needs correlation ${min_corr.toFixed(2)} and peak to noise ${min_pnr.toFixed(1)}.`;
    for (const [name] of COLUMNS) head.append(Object.assign(document.createElement("th"), { textContent: NAMES[name] }));
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(...seen.map((one) => {
      const row = document.createElement("tr");
      for (const [name, digits] of COLUMNS) {
        const cell = row.insertCell(), limit = { correlation: min_corr, pnr: min_pnr }[name];
        cell.textContent = (Math.round(one[name] * 10 ** digits) / 10 ** digits || 0).toFixed(digits); // no -0
        if (limit !== undefined && one[name] >= limit) cell.className = "enough";
      }
      return row;
    }));
  }

  close() {
    byId("why").hidden = true;
    this.field.mark([]);
  }
}
