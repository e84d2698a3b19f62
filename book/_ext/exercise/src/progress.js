// How many exercises are solved: in the side bar, beside each chapter, and on the progress page.
// `unrolledExercises`, put in front of this script, maps each chapter's page to its exercises.
import { forget, load, whenChanged } from "./store.js";

const root = new URL("../../", document.currentScript.src);
const chapters = Object.entries(window.unrolledExercises ?? {});
const counts = (exercises) => exercises.filter((exercise) => load(exercise).solved).length;

function showInSidebar() {
  const links = [...document.querySelectorAll(".bd-sidebar-primary a.reference")];
  for (const [page, exercises] of chapters) {
    const address = new URL(page, root).pathname;
    const link = links.find((a) => new URL(a.href, location.href).pathname === address);
    if (!link) continue;
    let badge = link.querySelector(".unrolled-count");
    if (!badge) {
      badge = document.createElement("span");
      badge.className = "unrolled-count";
      link.append(badge);
    }
    const solved = counts(exercises);
    badge.dataset.all = solved === exercises.length;
    const shown = document.createElement("span");
    shown.setAttribute("aria-hidden", "true");
    shown.textContent = `${solved}/${exercises.length}`;
    const spoken = document.createElement("span");
    spoken.className = "visually-hidden";
    spoken.textContent = ` (${solved} of ${exercises.length} exercises solved)`;
    badge.replaceChildren(shown, spoken);
  }
}

function showOnProgressPage() {
  const all = chapters.flatMap(([, exercises]) => exercises);
  for (const place of document.querySelectorAll("[data-solved-of]")) {
    const exercises = place.dataset.solvedOf === "*" ? all : place.dataset.solvedOf.split(" ");
    const solved = counts(exercises);
    place.querySelector("progress").value = solved;
    place.querySelector("[data-count]").textContent = `${solved} of ${exercises.length} solved`;
  }
  for (const place of document.querySelectorAll("[data-state-of]")) {
    const { solved, code } = load(place.dataset.stateOf);
    place.textContent = solved ? "✓ solved" : code === null ? "not started" : "started";
    place.dataset.solved = solved;
  }
}

window.addEventListener("DOMContentLoaded", () => {
  whenChanged(() => {
    showInSidebar();
    showOnProgressPage();
  });
  const reset = document.querySelector("[data-forget-all]");
  reset?.addEventListener("click", () => {
    if (window.confirm("Delete all code and progress that this browser keeps of this course?")) {
      forget(chapters.flatMap(([, exercises]) => exercises));
    }
  });
  reset?.removeAttribute("hidden");
});
