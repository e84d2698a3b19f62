// The length of a gradient on its way back, against spectral radius and number of steps.

import { gradientNorms, tanhStates } from "./maths.js";
import { axes, digits, draw, INK, label, line, powerOfTen, tone } from "./svg.js";

const LOWEST = -12, HIGHEST = 12; // powers of ten that are drawn

const power = (value) => {
  const exponent = Math.floor(Math.log10(value));
  return Math.abs(exponent) < 3 ? digits(value, 3) : `${digits(value / 10 ** exponent, 1)} · ${powerOfTen(exponent)}`;
};

export function mount(stage) {
  const { base, x, last } = stage.data;
  return function update() {
    const rho = stage.number("rho"), T = stage.number("T");
    const W = base.map((row) => row.map((value) => rho * value));
    const linear = gradientNorms(last, Array(T).fill(last.map(() => 0)), W);
    const squeezed = gradientNorms(last, tanhStates(W, x.slice(0, T)), W);
    const ends = [linear, squeezed].map((norms) => power(norms[T]));
    stage.show("rho", digits(rho));
    stage.show("T", String(T));
    const what = `Length of the gradient, ${T} steps back with spectral radius ${digits(rho)}: `;
    stage.paint(`${what}linear ${ends[0]}, with tanh ${ends[1]}.`, (svg) => paint(svg, rho, T, linear, squeezed));
    stage.say(`${T} steps back the gradient's length is ${ends[0]} without and ${ends[1]} with the tanh.`);
  };
}

function paint(svg, rho, T, linear, squeezed) {
  const powers = [-12, -6, 0, 6, 12];
  const { px, py } = axes(svg, {
    left: 62, right: 412, top: 62, bottom: 226, x: [0, 60], y: [LOWEST, HIGHEST],
    xTicks: [0, 20, 40, 60].map((value) => [value, String(value)]),
    yTicks: powers.map((value) => [value, value ? powerOfTen(value) : "1"]),
    xLabel: "steps back, T − t", yLabel: "length of the gradient",
  });
  // The curve stops where it leaves the plot.
  const inside = (points) => points.filter(([, value]) => value >= LOWEST && value <= HIGHEST);
  const logs = (norms) => norms.map((value, k) => [k, Math.log10(Math.max(value, 1e-300))]);
  const place = (points) => inside(points).map(([k, value]) => [px(k), py(value)]);
  line(svg, place(linear.map((_, k) => [k, k * Math.log10(rho)])), INK, { "stroke-width": 1 });
  line(svg, place(logs(linear)), tone(1));
  line(svg, place(logs(squeezed)), tone(2), { "stroke-dasharray": "6 3" });
  draw(svg, "path", { d: `M${px(T)} 62V226`, stroke: INK, "stroke-dasharray": "2 4" });
  const legend = [[INK, "ρᵏ", { "stroke-width": 1 }], [tone(1), "linear", {}], [tone(2), "tanh", { "stroke-dasharray": "6 3" }]];
  legend.forEach(([stroke, text, more], k) => {
    line(svg, [[70 + 120 * k, 14], [100 + 120 * k, 14]], stroke, more);
    label(svg, 106 + 120 * k, 14, text, { size: 14, anchor: "start" });
  });
}
