// From the old state to the candidate in both forms of the GRU, with the numbers of two units.

import { gruCandidates } from "./maths.js";
import { arrow, box, digits, draw, label, tone } from "./svg.js";

const [STATE, RESET, CANDIDATE] = [tone(1), tone(2), tone(4)];

export function mount(stage) {
  const { h, weights } = stage.data;
  return function update() {
    const r = [stage.number("r1"), stage.number("r2")], bias = stage.number("b");
    const W = weights[stage.control("weights").value];
    const stages = gruCandidates({ h, r, W, b: [bias, bias], fromInput: [0, 0] });
    stage.show("r1", digits(r[0]));
    stage.show("r2", digits(r[1]));
    stage.show("b", digits(bias));
    const pair = (values) => `(${values.map((value) => digits(value)).join(", ")})`;
    const gap = stages.after.map((value, k) => value - stages.before[k]);
    stage.paint(`Candidate with reset before the product ${pair(stages.before)}, after it ${pair(stages.after)}.`, (svg) => {
      chain(svg, 0, "reset before the product", [
        ["h", h, STATE], ["× r", stages.gatedState, RESET], ["· W + b", stages.beforeSum, CANDIDATE], ["tanh", stages.before, CANDIDATE],
      ]);
      chain(svg, 128, "reset after the product", [
        ["h", h, STATE], ["· W + b", stages.product, CANDIDATE], ["× r", stages.gatedProduct, RESET], ["tanh", stages.after, CANDIDATE],
      ]);
    });
    const same = gap.every((value) => Math.abs(value) < 5e-5);
    stage.say(same ? "Both forms give the same candidate." : `The candidates differ by ${pair(gap)} (after minus before).`);
  };
}

function chain(svg, top, title, stages) {
  label(svg, 6, top + 14, title, { anchor: "start" });
  stages.forEach(([name, values, fill], k) => {
    const x = 33 + 118 * k;
    if (k > 0) arrow(svg, x - 88, top + 82, x - 30, top + 82);
    label(svg, k > 0 ? x - 59 : x, k > 0 ? top + 68 : top + 36, name, { size: 14, italic: k === 0 });
    if (k === stages.length - 1) label(svg, x, top + 36, "n", { size: 14, italic: true });
    values.forEach((value, unit) => {
      const y = top + 64 + 36 * unit;
      const edge = box(svg, x, y, 56, 32, fill);
      edge.setAttribute("fill-opacity", 0.08 + 0.4 * Math.min(1, Math.abs(value)));
      draw(svg, "title", {}, `unit ${unit + 1}`);
      label(svg, x, y, digits(value));
    });
  });
}
