// What a reader wrote and solved, kept in this browser: one entry for each exercise.
// Where a browser keeps nothing (a private window, a full disk) the page still works: `kept` is false.

const PREFIX = "unrolled:";
const unkept = new Map();
export const CHANGED = "unrolled-progress";

export function load(exercise) {
  try {
    const record = JSON.parse(localStorage.getItem(PREFIX + exercise)) ?? unkept.get(exercise) ?? {};
    return {
      code: typeof record.code === "string" ? record.code : null,
      solved: record.solved === true,
    };
  } catch {
    return { code: null, solved: false, ...unkept.get(exercise) };
  }
}

// Returns whether the browser keeps it.
export function save(exercise, changes) {
  const record = { ...load(exercise), ...changes };
  let kept = true;
  try {
    if (record.code === null && !record.solved) localStorage.removeItem(PREFIX + exercise);
    else localStorage.setItem(PREFIX + exercise, JSON.stringify(record));
    unkept.delete(exercise);
  } catch {
    unkept.set(exercise, record);
    kept = false;
  }
  if ("solved" in changes) window.dispatchEvent(new Event(CHANGED));
  return kept;
}

export function forget(exercises) {
  for (const exercise of exercises) save(exercise, { code: null, solved: false });
}

// Calls `show` now, and whenever an exercise is solved or reset here or in another tab.
export function whenChanged(show) {
  show();
  window.addEventListener(CHANGED, show);
  window.addEventListener("storage", (event) => {
    if (event.key === null || event.key.startsWith(PREFIX)) show();
  });
}
