// The unrolled network of one unit: values go forward, then gradients come back, step by step.

import { scalarNetwork } from "./maths.js";
import { arrow, box, digits, draw, label, tone } from "./svg.js";

const [FORWARD, BACKWARD, INPUT] = [tone(2), tone(4), tone(1)];
const TICK = 700; // milliseconds between two steps when it plays

export function mount(stage) {
  const { data } = stage;
  const button = stage.root.querySelector("button");
  let timer = null;

  const net = () => {
    const T = stage.number("T");
    return scalarNetwork({ x: data.x.slice(0, T), k: data.k.slice(0, T), wh: stage.number("wh"), h0: data.h0 });
  };

  function update(changed) {
    if (changed) stop();
    const T = stage.number("T");
    const step = stage.control("step");
    const wasAtEnd = step.value === step.max;
    step.max = 2 * T;
    if (changed === "T" && wasAtEnd) step.value = step.max;
    const now = Number(step.value);
    const values = net();
    stage.show("T", String(T));
    stage.show("wh", digits(stage.number("wh")));
    const back = now - T;
    stage.show("step", back > 0 ? `backward, at step ${T - back + 1}` : now > 0 ? `forward, at step ${now}` : "start");
    stage.paint(describe(T, now, values), (svg) => paint(svg, T, now, values, data));
    stage.say(sentence(T, now, values, stage.number("wh")));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }

  button.addEventListener("click", () => {
    if (timer) return stop();
    const step = stage.control("step");
    if (stage.reduced.matches) {
      // One press, one step: nothing moves by itself.
      step.value = step.value === step.max ? 0 : Number(step.value) + 1;
      return update(null);
    }
    if (step.value === step.max) step.value = 0;
    button.textContent = "Pause";
    timer = setInterval(() => {
      step.value = Number(step.value) + 1;
      update(null);
      if (step.value === step.max) stop();
    }, TICK);
    update(null);
  });
  return update;
}

function paint(svg, T, now, { h, dh, dh0 }, { x, h0 }) {
  const pitch = 364 / T, width = Math.min(46, pitch - 16);
  const at = (t) => 56 + pitch * (t - 0.5);
  label(svg, 8, 74, "h_0", { italic: true, anchor: "start" });
  label(svg, 8, 94, digits(h0), { size: 13, fill: FORWARD, anchor: "start" });
  for (let t = 1; t <= T; t++) {
    const middle = at(t);
    const reached = now >= t, returned = now >= 2 * T - t + 1;
    box(svg, middle, 84, width, 44, INPUT);
    label(svg, middle, 84, `h_${t}`, { italic: true });
    arrow(svg, middle, 148, middle, 108);
    label(svg, middle, 162, digits(x[t - 1]), { size: 13 });
    if (reached) {
      arrow(svg, t > 1 ? at(t - 1) + width / 2 : 40, 78, middle - width / 2, 78, { stroke: FORWARD });
      label(svg, middle, 48, digits(h[t - 1]), { size: 14, fill: FORWARD });
    }
    if (returned) {
      arrow(svg, middle - width / 2, 94, t > 1 ? at(t - 1) + width / 2 : 40, 94, { stroke: BACKWARD, dashed: true });
      label(svg, middle, 24, digits(dh[t - 1]), { size: 14, fill: BACKWARD });
    }
    const current = now > T ? 2 * T - now + 1 : now;
    if (t === current) {
      const around = { x: middle - width / 2 - 4, y: 58, width: width + 8, height: 52, rx: 9 };
      draw(svg, "rect", { ...around, fill: "none", stroke: "currentColor", "stroke-width": 2 });
    }
  }
  if (now === 2 * T) label(svg, 8, 114, digits(dh0), { size: 13, fill: BACKWARD, anchor: "start" });
  label(svg, 8, 48, "h", { size: 14, fill: FORWARD, anchor: "start", italic: true });
  label(svg, 8, 24, "dh", { size: 14, fill: BACKWARD, anchor: "start", italic: true });
  label(svg, 8, 162, "x", { size: 14, anchor: "start", italic: true });
}

function describe(T, now, { h, dh }) {
  const forward = h.slice(0, Math.min(now, T)).map((value) => digits(value));
  const backward = dh.slice(Math.max(0, 2 * T - now)).map((value) => digits(value));
  const states = forward.length ? `States of steps 1 to ${forward.length}: ${forward.join(", ")}. ` : "";
  const gradients = now > T ? `Gradients of steps ${2 * T - now + 1} to ${T}: ${backward.join(", ")}.` : "";
  return `A network of one unit unrolled over ${T} steps. ${states}${gradients}`.trim();
}

function sentence(T, now, { h, dh, loss, dwh }, wh) {
  if (now === 0) return "Move the step, or press Play.";
  if (now <= T) return `Forward: h_${now} = tanh(x_${now} + ${digits(wh)} · h_${now - 1}) = ${digits(h[now - 1], 4)}.`;
  const t = 2 * T - now + 1;
  if (t > 1) return `Backward: dh_${t} = ${digits(dh[t - 1], 4)}: its own miss and what step ${t + 1} sends.`
    .replace(` and what step ${T + 1} sends`, "");
  return `dh_1 = ${digits(dh[0], 4)}. Loss ${digits(loss, 4)}; the weight's gradient is ${digits(dwh, 4)}.`;
}
