// A verdict as the notebook shows it, made of text alone: nothing that Python sent is read as HTML.

const MARKS = { right: "✓", none: "·" };

function codeSpans(text) {
  return text.split("`").map((part, i) => {
    if (i % 2 === 0) return document.createTextNode(part);
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}

export function verdict({ check, state, head, body }) {
  const box = document.createElement("div");
  box.className = "unrolled-verdict";
  box.dataset.state = state;
  const strong = document.createElement("strong");
  strong.textContent = `${MARKS[state] ?? "✗"} ${head}`;
  box.append(strong);
  if (check) {
    const name = document.createElement("code");
    name.textContent = check;
    box.append(" ", name);
  }
  const words = document.createElement("div");
  words.append(...codeSpans(body));
  box.append(words);
  return box;
}
