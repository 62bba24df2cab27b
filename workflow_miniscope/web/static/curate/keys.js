// Keys: what each does, and the list of them.

export class Keys {
  constructor() {
    this.actions = [];
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  // What the keys that are added next are for.
  group(name) { this.named = name; }

  // keys: names of KeyboardEvent.key, with "Shift+" or "Ctrl+" before them
  add(keys, label, run) {
    this.actions.push({ keys, label, run, group: this.named });
  }

  #pressed(event) {
    if (event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.matches("input[type=text], input[type=search], textarea");
    if (typing) {
      if (event.key === "Escape" || event.key === "Enter") event.target.blur();
      return;
    }
    if (event.key === "Escape") event.target.blur(); // what has the keys gives them back
    // a list or a slider keeps its own keys
    else if (event.target.matches("select, input[type=range]") && !/^[a-z0-9?.,<>/]$/i.test(event.key)) return;
    if (event.target.matches("select") && event.key !== "Escape" && !(event.ctrlKey || event.metaKey)) return;
    if (event.target.matches("button, input[type=checkbox]") && [" ", "Enter"].includes(event.key)) return;
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const shifted = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
    const name = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (shifted ? "Shift+" : "") + letter;
    const action = this.actions.find(({ keys }) => keys.includes(name));
    if (!action) return;
    event.preventDefault();
    action.run(name);
  }

  list(place) {
    const shown = { " ": "Space", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };
    let list, named;
    for (const { keys, label, group } of this.actions) {
      if (group !== named) {
        const part = document.createElement("section"), head = document.createElement("h3");
        list = document.createElement("dl");
        head.textContent = named = group;
        part.append(head, list);
        place.append(part);
      }
      const term = document.createElement("dt"), meaning = document.createElement("dd");
      for (const key of keys) {
        const cap = document.createElement("kbd");
        cap.textContent = key.split("+").map((part) => shown[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join("+") || "+";
        term.append(cap, " ");
      }
      meaning.textContent = label;
      list.append(term, meaning);
    }
  }
}
