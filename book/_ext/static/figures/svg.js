// Drawing: small helpers for SVG in the page's colours. Colours and labels follow book/figures.py.

const SVG = "http://www.w3.org/2000/svg";
export const INK = "currentColor";
export const tone = (role) => `var(--fig-${role})`;
export const GRID = "var(--fig-grid)";

/** A number with a real minus sign, and never "-0.00". */
export function digits(value, places = 2) {
  const text = value.toFixed(places);
  return (Number(text) === 0 ? (0).toFixed(places) : text).replace("-", "−");
}

const [RAISED, LOWERED] = ["⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "₀₁₂₃₄₅₆₇₈₉"];

/** 10 to a whole power, as text. */
export const powerOfTen = (exponent) =>
  "10" + [...String(exponent)].map((sign) => RAISED[sign === "-" ? 10 : Number(sign)]).join("");

/** Plain text in which `h_3` has a real subscript. */
export const lowered = (text) =>
  text.replace(/_(\d+)/g, (_, index) => [...index].map((sign) => LOWERED[sign]).join(""));

/** Make an SVG element; `parent` gets it. */
export function draw(parent, name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

/** Write a label centred on height y; `h_1` sets a subscript, letters before it in italics. */
export function label(parent, x, y, text, { size = 15, fill = INK, anchor = "middle", italic = false } = {}) {
  const element = draw(parent, "text", { x, y: y + size * 0.35, "font-size": size, fill, "text-anchor": anchor });
  text.split(/(_\w)/).forEach((part) => {
    if (!part) return;
    if (part.startsWith("_")) {
      draw(element, "tspan", { dy: 4, "font-size": "75%" }, part.slice(1));
      draw(element, "tspan", { dy: -4 }, "\u200b");
    } else draw(element, "tspan", italic ? { "font-style": "italic" } : {}, part);
  });
  return element;
}

/** A tinted, rounded box whose centre is (x, y). */
export function box(parent, x, y, width, height, fill) {
  const place = { x: x - width / 2, y: y - height / 2, width, height, rx: 7 };
  return draw(parent, "rect", { ...place, fill, "fill-opacity": 0.16, stroke: fill, "stroke-width": 1.6 });
}

/** A line from (x0, y0) to (x1, y1) with a head at its end. */
export function arrow(parent, x0, y0, x1, y1, { stroke = INK, dashed = false, width = 1.6 } = {}) {
  const size = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [ux, uy] = [(x1 - x0) / size, (y1 - y0) / size];
  const [bx, by] = [x1 - 8 * ux, y1 - 8 * uy];
  const dash = dashed ? { "stroke-dasharray": "4 4" } : {};
  draw(parent, "path", { d: `M${x0} ${y0}L${bx} ${by}`, stroke, "stroke-width": width, fill: "none", ...dash });
  const corners = [[x1, y1], [bx - 4 * uy, by + 4 * ux], [bx + 4 * uy, by - 4 * ux]];
  draw(parent, "polygon", { points: corners.map((corner) => corner.join(",")).join(" "), fill: stroke });
}

/** A line through points [[x, y], ...]. */
export function line(parent, points, stroke, more = {}) {
  const d = "M" + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  return draw(parent, "path", { d, stroke, fill: "none", "stroke-width": 2, "stroke-linejoin": "round", ...more });
}

/** Two axes with grid lines; ticks are [value, text]. Returns the functions that place x and y. */
export function axes(parent, { left, right, top, bottom, x, y, xTicks, yTicks, xLabel, yLabel }) {
  const px = (value) => left + ((value - x[0]) / (x[1] - x[0])) * (right - left);
  const py = (value) => bottom - ((value - y[0]) / (y[1] - y[0])) * (bottom - top);
  for (const [value, text] of yTicks) {
    const at = py(value);
    draw(parent, "path", { d: `M${left} ${at}H${right}`, stroke: GRID, "stroke-opacity": 0.4, "stroke-width": 0.8 });
    label(parent, left - 7, at, text, { size: 13, anchor: "end" });
  }
  for (const [value, text] of xTicks) label(parent, px(value), bottom + 14, text, { size: 13 });
  draw(parent, "path", { d: `M${left} ${top}V${bottom}H${right}`, stroke: INK, fill: "none" });
  label(parent, (left + right) / 2, bottom + 32, xLabel, { size: 14 });
  label(parent, left - 44, top - 18, yLabel, { size: 14, anchor: "start" });
  return { px, py };
}
