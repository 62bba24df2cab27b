"""Texts of a page that cannot be read by everybody: contrast as WCAG 2.2 (1.4.3, AA) asks for it."""

_LOOK = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((k) => top[k] * top[3] + below[k] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(rgba(getComputedStyle(one).backgroundColor));
    const page = rgba(matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff");
    return layers.reverse().reduce((below, top) => over(top, below), page);
  };
  const luminance = (colour) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Map();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || !element.checkVisibility()) continue;
    if (element.closest(":disabled, [aria-hidden=true], script, style")) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize), below = ground(element);
    const ink = over(rgba(style.color), below);
    const [light, dark] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05), bold = style.fontWeight >= 700;
    const least = size >= 24 || (size >= 18.66 && bold) ? 3 : 4.5, where = `${element.tagName} ${element.className}`;
    if (ratio < least) found.set(`${where} ${style.color}`, `${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return [...found].map(([where, what]) => `${what} (${where})`);
}"""


def hard_to_read(page) -> list[str]:
    """Texts that do not stand out of what is behind them, in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme} {one}" for one in page.evaluate(_LOOK)]
    return found
