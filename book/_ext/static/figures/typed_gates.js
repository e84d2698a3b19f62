// The gates of a trained LSTM over the line that the visitor types.

import { readText } from "./maths.js";
import { digits, draw, INK, label, tone } from "./svg.js";

const ROWS = [["i", 3], ["f", 2], ["g", 4], ["o", 5], ["c", 1]];
const [COLUMNS, UNIT, HIGH, LEFT, BLOCK] = [32, 11.8, 15, 40, 124];
const shown = { " ": "·", "\n": "↵" };

export function mount(stage) {
  const weights = stage.data;
  return function update() {
    const text = [...stage.control("text").value].slice(0, 2 * COLUMNS).join("");
    const unit = weights.units[stage.number("unit")];
    const read = afterLineEnd(weights, text);
    const answers = read.answer.map((depth) => (depth === 3 ? "3 or more" : String(depth)));
    const words = text ? `Gates of unit ${unit} over the ${[...text].length} characters typed. ` : "No text. ";
    stage.paint(`${words}Brackets open, as the network counts them: ${read.answer.join("") || "none"}.`, (svg) =>
      paint(svg, [...text], read, unit));
    const last = read.c.at(-1)?.[unit];
    stage.say(text ? `After the last character the network counts ${answers.at(-1)} open; c = ${digits(last)}.` : "Type a line of Python.");
  };
}

/** The network's record of the text as a new line of a file: a line end is read first, and dropped. */
function afterLineEnd(weights, text) {
  const read = readText(weights, `\n${text}`);
  return Object.fromEntries(Object.entries(read).map(([name, values]) => [name, values.slice(1)]));
}

function paint(svg, characters, read, unit) {
  const reach = Math.max(1e-9, ...read.c.map((values) => Math.abs(values[unit])));
  for (let start = 0, top = 0; start < Math.max(1, characters.length); start += COLUMNS, top += BLOCK) {
    const piece = characters.slice(start, start + COLUMNS);
    piece.forEach((character, k) => {
      const x = LEFT + UNIT * (k + 0.5);
      label(svg, x, top + 10, shown[character] ?? character, { size: 14 });
      label(svg, x, top + 28 + HIGH * ROWS.length, String(read.answer[start + k]), { size: 13 });
    });
    ROWS.forEach(([name, role], row) => {
      const y = top + 20 + HIGH * row;
      label(svg, LEFT - 10, y + HIGH / 2, name, { size: 14, anchor: "end", italic: true });
      piece.forEach((_, k) => {
        const value = read[name][start + k][unit] / (name === "c" ? reach : 1);
        const fill = tone(value >= 0 ? role : 2);
        const place = { x: LEFT + UNIT * k, y, width: UNIT, height: HIGH - 2 };
        draw(svg, "rect", { ...place, fill, "fill-opacity": Math.min(1, Math.abs(value)).toFixed(2) });
      });
      const frame = { x: LEFT, y, width: UNIT * piece.length, height: HIGH - 2 };
      draw(svg, "rect", { ...frame, fill: "none", stroke: INK, "stroke-opacity": 0.35 });
    });
    label(svg, LEFT - 10, top + 28 + HIGH * ROWS.length, "open", { size: 12, anchor: "end" });
  }
}
