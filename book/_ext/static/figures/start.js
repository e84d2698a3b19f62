// Brings the page's interactive figures to life when they come near the window.
// Their controls are in the page already (see unrolled_figures.py), so nothing moves when this runs.
// A figure whose code or data cannot be had gives way to the still one below it.

import { lowered } from "./svg.js";

/** What a figure's module works with: its drawing, its controls, its data. */
class Stage {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.svg = root.querySelector("svg");
    this.reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.status = root.querySelector(".unrolled-readout");
  }

  control(name) {
    return this.root.querySelector(`[name="${name}"]`);
  }

  number(name) {
    return Number(this.control(name).value);
  }

  /** Set a control's value, without calling anyone. */
  set(name, value) {
    this.control(name).value = value;
  }

  /** Show beside a range what it stands at, and say so to a screen reader. */
  show(name, text) {
    const input = this.control(name);
    input.closest("label").querySelector(".unrolled-value").textContent = text;
    input.setAttribute("aria-valuetext", text);
  }

  say(text) {
    const shown = lowered(text);
    if (this.status.textContent !== shown) this.status.textContent = shown;
  }

  /** Draw anew: empty the drawing, call `paint`, give the drawing its text. */
  paint(describe, paint) {
    this.svg.replaceChildren();
    paint(this.svg);
    this.svg.setAttribute("aria-label", describe);
  }
}

async function start(root) {
  try {
    const module = await import(`./${root.dataset.figure}.js`);
    const source = root.dataset.source;
    const response = source ? await fetch(source) : null;
    if (response && !response.ok) throw new Error(`${response.status} ${source}`);
    const stage = new Stage(root, response ? await response.json() : null);
    const update = module.mount(stage);
    root.addEventListener("input", (event) => update(event.target.name));
    update(null);
    root.dataset.ready = "true";
  } catch (error) {
    root.classList.add("failed");
    console.error(`interactive figure ${root.dataset.figure}:`, error);
  }
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      start(target);
    }
  },
  { rootMargin: "800px" },
);
document.querySelectorAll(".unrolled-interactive").forEach((root) => near.observe(root));
