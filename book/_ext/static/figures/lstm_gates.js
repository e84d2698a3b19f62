// One LSTM unit whose gates are set by hand, at every step, and what its cell state does.

import { handGates } from "./maths.js";
import { axes, digits, draw, INK, label, line, tone } from "./svg.js";

const GATES = [["f", 2], ["i", 3], ["g", 4], ["o", 5]];
const [LEFT, PITCH, TOP, HIGH, GAP] = [40, 31, 8, 30, 10];
const limits = (gate) => (gate === "g" ? [-1, 1] : [0, 1]);
const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));

export function mount(stage) {
  const presets = stage.data;
  let gates = structuredClone(presets.table);
  const T = gates.f.length;

  function update(changed) {
    const t = stage.number("step") - 1;
    if (changed === "preset") gates = structuredClone(presets[stage.control("preset").value]);
    else if (changed && changed !== "step") gates[changed][t] = stage.number(changed);
    for (const [gate] of GATES) {
      stage.set(gate, gates[gate][t]);
      stage.show(gate, digits(gates[gate][t]));
    }
    stage.show("step", `${t + 1} of ${T}`);
    const { c, h } = handGates(gates);
    const words = `Gates f, i, g and o over ${T} steps as bars. Cell state: ${c.map((v) => digits(v)).join(", ")}.`;
    stage.paint(words, (svg) => paint(svg, gates, t, c, h));
    const before = t > 0 ? c[t - 1] : 0;
    const [f, i, g] = ["f", "i", "g"].map((gate) => digits(gates[gate][t]));
    stage.say(`c_${t + 1} = ${f} · ${digits(before)} + ${i} · ${g} = ${digits(c[t], 4)}, h_${t + 1} = ${digits(h[t], 4)}.`);
  }

  drag(stage, (gate, t, value) => {
    gates[gate][t] = value;
    stage.set("step", t + 1);
    update(null);
  });
  return update;
}

/** Dragging a bar is the pointer's way; the ranges below do the same from the keyboard. */
function drag(stage, moved) {
  let held = null;
  const grab = (event) => {
    const { left, top, width } = stage.svg.getBoundingClientRect();
    const scale = 420 / width;
    const x = (event.clientX - left) * scale, y = (event.clientY - top) * scale;
    held ??= [Math.floor((y - TOP + GAP / 2) / (HIGH + GAP)), Math.floor((x - LEFT) / PITCH)];
    const [row, t] = held;
    if (row < 0 || row >= GATES.length || t < 0 || t > 11) return (held = null);
    const gate = GATES[row][0], [low, high] = limits(gate);
    const share = (TOP + row * (HIGH + GAP) + HIGH - y) / HIGH;
    return moved(gate, t, Math.round(20 * clamp(low + share * (high - low), [low, high])) / 20);
  };
  stage.svg.addEventListener("pointerdown", (event) => {
    if (grab(event) === null) return;
    stage.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  stage.svg.addEventListener("pointermove", (event) => held && grab(event));
  for (const end of ["pointerup", "pointercancel"]) stage.svg.addEventListener(end, () => (held = null));
}

function paint(svg, gates, chosen, c, h) {
  const T = c.length, right = LEFT + PITCH * T;
  draw(svg, "rect", { x: LEFT + PITCH * chosen, y: 2, width: PITCH, height: 322, fill: INK, "fill-opacity": 0.09 });
  GATES.forEach(([gate, role], row) => {
    const top = TOP + row * (HIGH + GAP), [low, high] = limits(gate);
    const place = (value) => top + HIGH - ((value - low) / (high - low)) * HIGH;
    label(svg, LEFT - 12, top + HIGH / 2, gate, { italic: true });
    draw(svg, "path", { d: `M${LEFT} ${place(0)}H${right}`, stroke: INK, "stroke-opacity": 0.5 });
    gates[gate].forEach((value, t) => {
      const x = LEFT + PITCH * t + 3, width = PITCH - 6;
      draw(svg, "rect", { x, y: top, width, height: HIGH, fill: tone(role), "fill-opacity": 0.12 });
      const [a, b] = [place(Math.max(value, 0)), place(Math.min(value, 0))];
      draw(svg, "rect", { x, y: a, width, height: Math.max(b - a, 1.5), fill: tone(role) });
    });
  });
  const reach = Math.max(1, Math.ceil(Math.max(...c.map(Math.abs))));
  const { px, py } = axes(svg, {
    left: LEFT, right, top: 206, bottom: 310, x: [0.5, T + 0.5], y: [-reach, reach],
    xTicks: c.map((_, t) => [t + 1, String(t + 1)]),
    yTicks: [-reach, 0, reach].map((value) => [value, digits(value, 0)]), xLabel: "step t", yLabel: "",
  });
  [[c, tone(1), "c", {}], [h, tone(5), "h", { "stroke-dasharray": "6 3" }]].forEach(([values, stroke, name, more], k) => {
    line(svg, values.map((value, t) => [px(t + 1), py(value)]), stroke, more);
    values.forEach((value, t) => draw(svg, "circle", { cx: px(t + 1), cy: py(value), r: 3, fill: stroke }));
    line(svg, [[150 + 90 * k, 186], [178 + 90 * k, 186]], stroke, more);
    label(svg, 186 + 90 * k, 186, name, { italic: true, anchor: "start" });
  });
}
