// The chapter's notebook with the reader's solutions in it, as a file.
import { load } from "./store.js";

export async function downloadNotebook(address, chapter) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the notebook could not be loaded (${response.status})`);
  const notebook = await response.json();
  for (const cell of notebook.cells) {
    const about = cell.metadata.unrolled ?? {};
    const code = about.role === "solution" ? load(about.exercise).code : null;
    if (code !== null) cell.source = code;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(notebook, null, 1)}\n`]));
  link.download = `${chapter}.ipynb`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
