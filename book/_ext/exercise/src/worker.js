// The web worker: Python, loaded once, and one job after the other. A page that stops it starts another.
import { boot } from "./python.js";

const base = new URL("python/", self.location.href).href;

// Counts what is loaded on a copy of each response, so that the browser may still compile while it loads.
async function countLoading() {
  const sizes = await (await fetch(new URL("sizes.json", self.location.href))).json();
  const total = sizes["pyodide.asm.wasm"] + sizes["python_stdlib.zip"] + sizes["numpy.zip"];
  const plainFetch = self.fetch.bind(self);
  let loaded = 0;
  self.fetch = async (...request) => {
    const response = await plainFetch(...request);
    if (response.ok && response.body) {
      const reader = response.clone().body.getReader();
      (async () => {
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          loaded += part.value.length;
          self.postMessage({ type: "loading", part: Math.min(1, loaded / total) });
        }
      })().catch(() => {});
    }
    return response;
  };
}

async function read(name) {
  const response = await fetch(base + name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const ready = (async () => {
  await countLoading();
  importScripts(`${base}pyodide.js`);
  const run = await boot(self.loadPyodide, base, read);
  self.postMessage({ type: "ready" });
  return run;
})();
ready.catch((error) => self.postMessage({ type: "broken", message: String(error.message ?? error).slice(0, 300) }));

self.onmessage = async ({ data: { id, job } }) => {
  const run = await ready;
  try {
    const outcome = run(job, (text) => self.postMessage({ type: "text", id, text }));
    self.postMessage({ type: "done", id, outcome });
  } catch (error) {
    const lines = String(error.message ?? error).trim().split("\n");
    self.postMessage({ type: "broken", id, message: lines.at(-1).slice(0, 300) });
  }
};
