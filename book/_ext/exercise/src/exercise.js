// An exercise on a page: its editor, its buttons, what it printed and what is said of it.
import { downloadNotebook } from "./notebook.js";
import { LIMIT, Runner } from "./runner.js";
import { load, save, whenChanged } from "./store.js";
import { verdict } from "./verdict.js";

const base = new URL("./", document.currentScript.src);
const version = `?v=${window.unrolledVersion}`; // of everything that this script asks for
const runner = new Runner(new URL(`worker.js${version}`, base));
const served = location.protocol !== "file:";

let editorScript;
function loadEditor() {
  editorScript ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`editor.js${version}`, base);
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return editorScript;
}

const jobs = new Map();
async function loadJob(exercise) {
  if (!jobs.has(exercise)) {
    const response = await fetch(new URL(`data/${exercise}.json${version}`, base));
    if (!response.ok) throw new Error(`the exercise could not be loaded (${response.status})`);
    jobs.set(exercise, await response.json());
  }
  return jobs.get(exercise);
}

// The cells to run, with the reader's own code in those of the exercises before this one.
function stepsOf(job, exercise, code, checking) {
  return job.steps
    .filter((step) => step.role !== (checking ? "toy" : "check"))
    .map((step) => {
      if (step.role !== "solution") return step;
      return { ...step, source: step.exercise === exercise ? code : (load(step.exercise).code ?? step.source) };
    });
}

class Pane {
  constructor(element) {
    this.element = element;
    this.exercise = element.dataset.exercise;
    this.find = (name) => element.querySelector(`[data-part="${name}"]`);
    this.stub = this.find("stub").querySelector("pre").textContent.replace(/\n$/, "");
    this.editor = null;
    this.running = false;
    this.printed = [];
    this.find("controls").hidden = false;
    const press = (name, action) => this.find(name).addEventListener("click", action);
    press("run", () => this.go(false));
    press("check", () => this.go(true));
    press("stop", () => runner.stop("reader"));
    press("reset", () => this.reset());
    press("download", () => this.download());
    whenChanged(() => this.showSolved());
    const near = new IntersectionObserver((seen) => {
      if (!seen.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      this.edit().catch(() => this.say("The editor could not be loaded: reload the page to try again."));
    }, { rootMargin: "600px" });
    near.observe(element);
  }

  get code() {
    return this.editor ? this.editor.read() : (load(this.exercise).code ?? this.stub);
  }

  async edit() {
    await loadEditor();
    if (this.editor) return this;
    const place = this.find("editor");
    const label = `Your code for “${this.element.dataset.title}”`;
    this.editor = window.unrolledEditor(place, load(this.exercise).code ?? this.stub, label, this.find("keys").id, {
      change: (code) => this.keep(code),
      run: () => this.go(false),
      check: () => this.go(true),
    });
    this.find("stub").hidden = true;
    place.hidden = false;
    return this;
  }

  keep(code) {
    const kept = save(this.exercise, { code: code === this.stub ? null : code });
    if (!kept && !this.warned) {
      this.warned = true;
      this.say("This browser keeps nothing: download the notebook before you leave.");
    }
  }

  showSolved() {
    this.element.dataset.solved = load(this.exercise).solved;
    this.find("solved").hidden = !load(this.exercise).solved;
  }

  say(text, ...more) {
    this.find("status").replaceChildren(text, ...more);
  }

  setRunning(running) {
    this.running = running;
    this.element.setAttribute("aria-busy", running);
    this.find("stop").hidden = !running;
    for (const name of ["run", "check"]) this.find(name).disabled = running;
  }

  async go(checking) {
    if (this.running) return;
    if (!served) {
      this.say("Opened as a file, a page may not run Python. Serve the site: python3 -m http.server -d _build/html");
      return;
    }
    const output = this.find("output");
    output.replaceChildren();
    output.hidden = true;
    this.find("verdict").replaceChildren();
    this.setRunning(true);
    this.say("Starting …");
    const limit = Number(this.element.dataset.limit) || LIMIT;
    try {
      const code = this.code;
      const job = await loadJob(this.exercise);
      const keys = checking ? { [this.exercise]: job.key } : {};
      const steps = stepsOf(job, this.exercise, code, checking);
      const result = await runner.run({ steps, exercise: this.exercise, keys }, {
        loading: (part) => this.say(`Loading Python: ${Math.round(100 * part)} %`),
        started: () => this.say("Running …"),
        text: (piece) => this.print(piece),
      }, limit);
      this.show(result, checking, limit);
    } catch (error) {
      this.say(`This did not work: ${error.message}. Reload the page to try again.`);
    } finally {
      this.setRunning(false);
    }
  }

  show({ outcome, stopped, message }, checking, limit) {
    if (stopped) {
      this.flush();
      const why = {
        limit: `Stopped after ${limit} seconds: is there a loop that never ends?`,
        reader: "Stopped.",
        broken: `Python stopped and will be started again: ${message}`,
      };
      this.say("");
      this.find("verdict").append(verdict({ state: "error", head: "No verdict", body: why[stopped] }));
      return;
    }
    if (outcome.error) this.print(outcome.error, "error");
    if (outcome.display) this.print(`${outcome.display}\n`);
    this.find("verdict").append(...outcome.verdicts.map(verdict));
    const right = checking && outcome.verdicts.length > 0 && outcome.verdicts.every(({ state }) => state === "right");
    if (right) save(this.exercise, { solved: true, code: this.code });
    this.flush();
    const nothing = !checking && !outcome.error && this.find("output").hidden;
    this.say(nothing ? "It ran, and displayed nothing." : "");
  }

  // Text comes in many small pieces: they are shown once for each frame.
  print(text, kind = "text") {
    const last = this.printed.at(-1);
    if (last?.kind === kind) last.text += text;
    else this.printed.push({ kind, text });
    if (this.printed.length === 1 && last === undefined) requestAnimationFrame(() => this.flush());
  }

  flush() {
    const output = this.find("output");
    for (const { kind, text } of this.printed.splice(0)) {
      const piece = document.createElement("span");
      piece.dataset.kind = kind;
      piece.textContent = text;
      output.append(piece);
      output.hidden = false;
    }
    output.scrollTop = output.scrollHeight;
  }

  reset() {
    const before = load(this.exercise);
    runner.stop("reader");
    this.editor?.write(this.stub);
    save(this.exercise, { code: null, solved: false });
    this.find("output").hidden = true;
    this.find("verdict").replaceChildren();
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = "Undo";
    undo.addEventListener("click", () => {
      this.editor?.write(before.code ?? this.stub);
      save(this.exercise, before);
      this.say("Your code is back.");
      this.editor?.focus();
    });
    this.say("Back to the start. ", undo);
  }

  async download() {
    try {
      const { chapter } = this.element.dataset;
      await downloadNotebook(new URL(`data/${chapter}.ipynb${version}`, base), chapter);
      this.say(`${chapter}.ipynb holds your solutions of this chapter: autograder check ${chapter}.ipynb`);
    } catch (error) {
      this.say(`This did not work: ${error.message}.`);
    }
  }
}

window.addEventListener("DOMContentLoaded", () => {
  const panes = [...document.querySelectorAll(".unrolled-pane")].map((element) => new Pane(element));
  window.unrolledPanes = new Map(panes.map((pane) => [pane.exercise, pane]));
});
