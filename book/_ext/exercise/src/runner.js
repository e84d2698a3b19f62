// One worker for the page: started by the first run, stopped by a time limit or the reader, started again.

export const LIMIT = 10; // seconds for one run

export class Runner {
  constructor(address) {
    this.address = address;
    this.worker = null;
    this.current = null;
    this.runs = 0;
  }

  // Runs a job. `on` has `loading(part)`, `started()` and `text(piece)`.
  // Gives `{outcome}`, or `{stopped: "limit" | "reader" | "broken", message}`.
  run(job, on, limit = LIMIT) {
    this.stop("reader");
    this.#start();
    const id = ++this.runs;
    return new Promise((resolve) => {
      this.current = { id, on, resolve, limit, timer: null };
      this.worker.postMessage({ id, job });
      if (this.ready) this.#startClock();
    });
  }

  // Ends the run that is under way, with its worker.
  stop(why, message = "") {
    const current = this.current;
    if (!current) return;
    clearTimeout(current.timer);
    this.current = null;
    if (this.ready || why === "broken") {
      this.worker.terminate();
      this.worker = null;
      if (why === "limit") this.#start(); // so that the next run need not wait
    }
    current.resolve({ stopped: why, message });
  }

  #start() {
    if (this.worker) return;
    this.ready = false;
    const worker = new Worker(this.address);
    this.worker = worker;
    worker.onmessage = ({ data }) => worker === this.worker && this.#heard(data);
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker !== this.worker) return;
      this.#heard({ type: "broken", message: event.message || "the worker did not start" });
    };
  }

  #startClock() {
    const current = this.current;
    current.on.started();
    current.timer = setTimeout(() => this.stop("limit"), current.limit * 1000);
  }

  #heard(data) {
    const current = this.current;
    if (data.type === "ready") {
      this.ready = true;
      if (current) this.#startClock();
    } else if (data.type === "loading") {
      current?.on.loading(data.part);
    } else if (data.type === "broken") {
      if (current) return this.stop("broken", data.message);
      this.worker?.terminate();
      this.worker = null;
    } else if (current && data.id === current.id) {
      if (data.type === "text") return current.on.text(data.text);
      clearTimeout(current.timer);
      this.current = null;
      current.resolve({ outcome: data.outcome });
    }
  }
}
