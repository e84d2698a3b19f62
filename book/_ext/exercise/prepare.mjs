// Makes the Python that pages load from what was downloaded: node prepare.mjs PYODIDE NUMPY.tar.gz OUT
// The standard library and NumPy are compiled by the very Python that will run them, without
// their tests and what no exercise needs, and packed again: 3 MB and 3 s less for each reader.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [pyodideFolder, numpyArchive, out] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(pyodideFolder, "pyodide.mjs")));
const pyodide = await loadPyodide({ indexURL: pyodideFolder });

const pack = pyodide.runPython(readFileSync(new URL("pack.py", import.meta.url), "utf8") + "\npack");
mkdirSync(out, { recursive: true });
for (const [archive, prefix, name] of [
  [join(pyodideFolder, "python_stdlib.zip"), "", "python_stdlib.zip"],
  [numpyArchive, "lib/python3.11/site-packages/", "numpy.zip"],
]) {
  pyodide.FS.writeFile("/tmp/archive", readFileSync(archive));
  const packed = pack("/tmp/archive", prefix);
  writeFileSync(join(out, name), packed.toJs());
  packed.destroy();
}
for (const name of ["pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm"]) {
  copyFileSync(join(pyodideFolder, name), join(out, name));
}
// Nothing is to be fetched by name, so the list of Pyodide's own packages is not shipped either.
const { info } = JSON.parse(readFileSync(join(pyodideFolder, "pyodide-lock.json"), "utf8"));
writeFileSync(join(out, "pyodide-lock.json"), JSON.stringify({ info, packages: {} }));
