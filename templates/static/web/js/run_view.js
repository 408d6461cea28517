// One run on the page: draws its events. Applying the same event twice changes nothing.

import { cardPlace, loadSoon } from "./approval_cards.js";
import { compareIds, StepText } from "./text.js";
import { GrowingMarkdown, sources } from "./markdown.js";

const TERMINAL = new Set(["run.completed", "run.failed", "run.cancelled"]);

function clone(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

/** A new run's article, at the end of the thread. */
export function addRun(thread, input) {
  const article = clone("run-template");
  article.querySelector('[data-part="input"]').textContent = input;
  thread.append(article);
  return new RunView(article);
}

export class RunView {
  #blocks = new Map(); // step -> {element, words, drawing, open}
  #tools = new Map(); // step -> details
  #cards = new Map(); // approval -> its place
  #last = null; // id of the last event applied

  constructor(article) {
    this.article = article;
    this.ended = false;
    this.#toggle("waiting", true);
  }

  /** What a follow begins after: null means from the beginning. */
  get lastEventId() {
    return this.#last;
  }

  named(runId) {
    this.article.id = `run-${runId}`;
    this.article.dataset.run = runId;
  }

  remove() {
    this.article.remove();
  }

  /** Forgets what came by events, before following from the beginning again. */
  reset() {
    this.#last = null;
    this.#blocks.clear();
    this.#tools.clear();
    this.#cards.clear();
    this.#part("parts").replaceChildren();
    this.#toggle("waiting", true);
  }

  /** It can't be followed any more: what came of it stays. */
  leave() {
    this.#toggle("waiting", false);
  }

  /** Returns false when something before the event is missing. */
  apply(event) {
    if (this.ended || (this.#last && compareIds(event.id, this.#last) <= 0)) return true;
    const [, verb] = event.type.split(".");
    switch (event.type) {
      case "message.delta":
        if (!this.#delta(event)) return false;
        break;
      case "message.completed":
        this.#complete(this.#block(event.step), event.text);
        break;
      case "tool.started":
      case "tool.completed":
      case "tool.failed":
        this.#tool(event, verb);
        break;
      case "approval.requested":
        this.#ask(event);
        break;
      case "approval.decided":
        if (this.#cards.has(event.approval_id)) loadSoon(this.#cards.get(event.approval_id));
        break;
      case "run.started":
      case "run.resumed":
        this.#status("running");
        break;
      case "run.paused":
        this.#status("paused");
        break;
      default:
        if (TERMINAL.has(event.type)) this.#end(event, verb);
    }
    this.#last = event.id;
    if (!this.ended) this.#showWaiting();
    return true;
  }

  /** The last text of the answer, as plain words. */
  get spoken() {
    return [...this.article.querySelectorAll(".markdown")].at(-1)?.textContent.trim() ?? "";
  }

  // --- text -------------------------------------------------------------------------------------

  #block(step) {
    let block = this.#blocks.get(step);
    if (!block) {
      const element = document.createElement("div");
      element.className = "markdown drawn";
      element.dir = "auto";
      element.dataset.step = step;
      this.#place(element, step);
      block = { element, words: new StepText(), drawing: new GrowingMarkdown(element), open: true };
      this.#blocks.set(step, block);
    }
    return block;
  }

  #delta(event) {
    const block = this.#block(event.step);
    if (!block.words.apply(event.attempt, event.offset, event.text)) return false;
    block.open = true;
    block.drawing.update(block.words.text);
    return true;
  }

  #complete(block, text) {
    block.words.complete(text);
    block.open = false;
    block.drawing.finish(text);
    sources.set(block.element, text);
  }

  // --- tools ------------------------------------------------------------------------------------

  #tool(event, verb) {
    let box = this.#tools.get(event.step);
    if (!box) {
      box = clone("tool-template");
      box.dataset.step = event.step;
      this.#place(box, event.step);
      this.#tools.set(event.step, box);
    }
    const set = (part, text) => {
      box.querySelector(`[data-part="${part}"]`).textContent = text;
    };
    set("name", event.tool);
    set("label", label(event.tool));
    if (verb === "started") {
      box.dataset.state = "running";
      set("state", "Running");
      set("arguments", shown(event.arguments));
      return;
    }
    const failed = verb === "failed";
    box.dataset.state = failed ? "failed" : "done";
    set("state", failed ? "Failed" : "Done");
    set("result-heading", failed ? "Error" : "Result");
    set("result", failed ? event.error?.message ?? "The tool failed." : shown(event.output));
    set("duration", failed ? "" : taken(event.duration_ms));
    for (const part of ["result", "result-heading"]) {
      box.querySelector(`[data-part="${part}"]`).hidden = false;
    }
  }

  // --- what it asks of people -------------------------------------------------------------------

  #ask({ approval: { id }, step }) {
    if (this.#cards.has(id)) return;
    const place = cardPlace(id, step);
    this.#place(place, step);
    this.#cards.set(id, place);
    loadSoon(place);
  }

  // --- the end ----------------------------------------------------------------------------------

  #end(event, verb) {
    this.ended = true;
    const status = event.status ?? verb;
    this.#status(status);
    this.#toggle("waiting", false);
    for (const box of this.#tools.values()) {
      if (box.dataset.state !== "running") continue;
      box.dataset.state = "stopped";
      box.querySelector('[data-part="state"]').textContent = "Stopped";
    }
    // What was still open was withdrawn with the run.
    if (verb !== "completed") for (const place of this.#cards.values()) loadSoon(place);
    for (const block of this.#blocks.values()) {
      if (block.open) this.#complete(block, block.words.text);
    }
    if (verb === "completed") this.#answer(event.output);
    else this.#notice(status, event.error, event.run?.trace_id);
    this.#foot(event.run);
  }

  #answer(output) {
    const last = [...this.#blocks.values()].at(-1);
    if (typeof output !== "string" || !output || last?.words.text === output) return;
    const steps = [...this.#blocks.keys(), ...this.#tools.keys(), 0];
    this.#complete(this.#block(Math.max(...steps) + 1), output);
  }

  #notice(status, error, traceId) {
    const said = error?.message || "The run failed.";
    const text = {
      cancelled: "Stopped.",
      needs_review: `A person must look at this: ${said}`,
    }[status] ?? said;
    const box = this.#part("notice");
    box.classList.toggle("danger", status !== "cancelled");
    this.#part("notice-text").textContent = text;
    this.#part("trace").textContent = traceId ?? "";
    this.#toggle("notice-trace", status !== "cancelled" && Boolean(traceId));
    this.#toggle("retry-row", status === "failed");
    this.#toggle("notice", true);
  }

  #foot(run) {
    const ended = run?.started_at && run?.finished_at
      ? taken(Date.parse(run.finished_at) - Date.parse(run.started_at))
      : "";
    const tokens = run?.usage?.total_tokens;
    const counted = tokens ? `${tokens.toLocaleString("en")} tokens` : "";
    this.#part("footer").textContent = [ended, counted].filter(Boolean).join(" · ");
    this.#toggle("foot", this.#blocks.size + this.#tools.size > 0);
  }

  // --- small things -----------------------------------------------------------------------------

  #part(name) {
    return this.article.querySelector(`[data-part="${name}"]`);
  }

  #toggle(name, visible) {
    this.#part(name).hidden = !visible;
  }

  #status(status) {
    this.article.dataset.status = status;
  }

  #showWaiting() {
    const last = this.#part("parts").lastElementChild;
    const writing = last?.classList.contains("markdown") &&
      this.#blocks.get(Number(last.dataset.step))?.open;
    // Paused, it does nothing: its cards say for whom it waits.
    this.#toggle("waiting", !writing && this.article.dataset.status !== "paused");
  }

  /** Parts stand in the order of their steps, whatever order they came in. */
  #place(element, step) {
    const parts = this.#part("parts");
    const later = [...parts.children].find((other) => Number(other.dataset.step) > step);
    parts.insertBefore(element, later ?? null);
  }
}

function label(tool) {
  const words = tool.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function shown(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Milliseconds as people read them; the same wording as the server's. */
function taken(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  if (ms < 1000) return `${Math.max(ms, 0)} ms`;
  if (ms < 60_000) return `${(Math.floor((ms + 50) / 100) / 10).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor(ms / 1000) % 60} s`;
}
