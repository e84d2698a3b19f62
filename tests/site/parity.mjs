// Runs exercises in the Python that pages load: node parity.mjs RUNTIME; jobs on standard input, one a line.
// The worker's own `python.js` boots it, so what is compared here is what a page says.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [runtime, source] = process.argv.slice(2);
const folder = join(runtime, "python");
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")));
const { boot } = await import(pathToFileURL(join(source, "python.js")));
const run = await boot(loadPyodide, `${folder}/`, async (name) => new Uint8Array(await readFile(join(folder, name))));
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(run(JSON.parse(line), () => {}))}\n`);
}
