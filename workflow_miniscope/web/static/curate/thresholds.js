// Histograms of what the engine measured, each with a threshold to be dragged, and decisions on all beyond it at once.

const BINS = 48;
const VALUES = [
  { name: "probability", label: "Probability of a cell", digits: 2 },
  { name: "snr", label: "Signal to noise ratio", digits: 1, limit: "min_SNR" },
  { name: "r", label: "Footprint consistency", digits: 2, limit: "rval_thr" },
  { name: "size", label: "Pixels", digits: 0 },
];

export class Thresholds extends EventTarget {
  // Events: "decide" with detail {components, decision}.
  constructor(place, { properties, thresholds }, among) {
    super();
    this.properties = properties;
    this.among = among; // gives the undecided components that are shown
    this.parts = VALUES.filter(({ name }) => properties[name]?.some(Number.isFinite)).map((value) => this.#build(value, thresholds));
    place.append(...this.parts.map(({ box }) => box));
  }

  #build(value, thresholds) {
    const known = this.properties[value.name].filter(Number.isFinite).sort((a, b) => a - b);
    // a few values far out would leave one bar for all others
    const low = known[0], high = known[Math.ceil(0.98 * (known.length - 1))];
    const part = { ...value, low, high: high > low ? high : low + 1 };
    part.box = document.createElement("fieldset");
    const title = document.createElement("legend");
    title.textContent = value.label;
    part.canvas = Object.assign(document.createElement("canvas"), { ariaHidden: "true" });
    part.slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1000 });
    part.slider.ariaLabel = `Threshold of ${value.label}`;
    const start = thresholds[value.limit] ?? (value.name === "probability" ? 0.5 : part.low);
    part.slider.value = Math.round((1000 * (start - part.low)) / (part.high - part.low));
    part.buttons = ["rejected", "accepted"].map((decision) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.all = decision;
      button.addEventListener("click", () => this.#decide(part, decision));
      return button;
    });
    part.slider.addEventListener("input", () => this.#show(part));
    part.box.append(title, part.canvas, part.slider, ...part.buttons);
    part.box.dataset.value = value.name;
    return part;
  }

  threshold({ slider, low, high }) { return low + (Number(slider.value) / 1000) * (high - low); }

  // Those below are rejected, those from the threshold on are accepted; one without the value is left out.
  #beyond(part, decision) {
    const at = this.threshold(part), values = this.properties[part.name];
    return this.among().filter((k) => Number.isFinite(values[k]) && (decision === "rejected" ? values[k] < at : values[k] >= at));
  }

  #decide(part, decision) {
    const components = this.#beyond(part, decision);
    if (components.length) this.dispatchEvent(new CustomEvent("decide", { detail: { components, decision } }));
  }

  show() { this.parts.forEach((part) => this.#show(part)); }

  #show(part) {
    const at = this.threshold(part).toFixed(part.digits), [reject, accept] = part.buttons;
    const below = this.#beyond(part, "rejected").length, above = this.#beyond(part, "accepted").length;
    reject.textContent = `✕ Reject ${below} below ${at}`;
    accept.textContent = `✓ Accept ${above} from ${at} on`;
    reject.disabled = !below;
    accept.disabled = !above;
    this.#draw(part);
  }

  #draw({ canvas, name, low, high, slider }) {
    const ratio = devicePixelRatio, width = canvas.clientWidth * ratio, height = canvas.clientHeight * ratio;
    if (!width) return;
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas), bars = new Array(BINS).fill(0);
    for (const component of this.among()) {
      const value = this.properties[name][component];
      if (Number.isFinite(value)) bars[Math.max(0, Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS)))] += 1;
    }
    const most = Math.max(...bars, 1), at = (Number(slider.value) / 1000) * width;
    bars.forEach((count, k) => {
      const left = (k / BINS) * width, tall = (count / most) * (height - 2);
      context.globalAlpha = left < at ? 0.45 : 1;
      context.fillStyle = style.color;
      context.fillRect(left, height - tall, width / BINS - 1, tall);
    });
    context.globalAlpha = 1;
    context.fillRect(at - ratio, 0, 2 * ratio, height);
  }
}
