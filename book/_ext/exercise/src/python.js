// Python for the exercises, the same in the page's worker and in Node, where tests compare verdicts.

// `read(name)` gives the bytes of a file of the folder that holds Python.
export async function boot(loadPyodide, indexURL, read) {
  const silent = { stdout() {}, stderr() {} };
  const archives = Promise.all([read("numpy.zip"), read("autograder.zip")]);
  const pyodide = await loadPyodide({ indexURL, ...silent });
  for (const archive of await archives) pyodide.unpackArchive(archive, "zip");
  pyodide.runPython("from autograder.wasm import watch_floats; watch_floats()");
  const page = pyodide.pyimport("autograder.page");

  // A job is `{steps, exercise, keys}` (see autograder/page.py); `write` gets what is printed.
  return function run(job, write) {
    for (const [name, text] of Object.entries(job.keys)) page.add_key(name, text);
    const steps = pyodide.toPy(job.steps);
    try {
      const outcome = page.run(steps, job.exercise, write);
      const plain = outcome.toJs({ dict_converter: Object.fromEntries });
      outcome.destroy();
      return plain;
    } finally {
      steps.destroy();
    }
  };
}
