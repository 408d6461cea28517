// One run on the page: draws its events, and those of the runs below it. Applying the same event
// twice changes nothing.

import { cardPlace, loadSoon } from "./approval_cards.js";
import { taken } from "./durations.js";
import { isBehind } from "./text.js";
import { clone, partOf, RunParts } from "./run_parts.js";

const HAND_OVER = "hand_over";
const TERMINAL = new Set(["run.completed", "run.failed", "run.cancelled"]);

/** A new run's article, at the end of the thread. `mode`: of the team that it is of, if it is. */
export function addRun(thread, input, mode) {
  const article = clone("run-template");
  article.querySelector('[data-part="input"]').textContent = input;
  thread.append(article);
  return new RunView(article, mode);
}

export class RunView {
  #own; // RunParts of the run itself
  #below = new Map(); // child run -> its RunParts
  #cards = new Map(); // approval -> its place
  #last = null; // id of the last event applied

  constructor(article, mode = "") {
    this.article = article;
    this.mode = mode;
    this.ended = false;
    this.handedOver = false; // the next message is another agent's to answer
    this.#own = new RunParts(this.#part("parts"));
    this.#toggle("waiting", true);
  }

  /** What a follow begins after: null means from the beginning. */
  get lastEventId() {
    return this.#last;
  }

  /** Whether this is the run of an event, or has it below it. */
  has(runId) {
    return runId === this.article.dataset.run || this.#below.has(runId);
  }

  named(runId) {
    this.article.id = `run-${runId}`;
    this.article.dataset.run = runId;
    const tree = this.article.querySelector("[data-tree]");
    if (tree) {
      tree.href = `${tree.dataset.tree}${runId}/`;
      tree.parentElement.hidden = false;
    }
  }

  remove() {
    this.article.remove();
  }

  /** Forgets what came by events, before following from the beginning again. */
  reset() {
    this.#last = null;
    this.#below.clear();
    this.#cards.clear();
    this.#own = new RunParts(this.#part("parts"));
    this.#own.element.replaceChildren();
    this.#toggle("waiting", true);
  }

  /** It can't be followed any more: what came of it stays. */
  leave() {
    this.#toggle("waiting", false);
  }

  /** Returns false when something before the event is missing. */
  apply(event) {
    if (this.ended || (this.#last && isBehind(event.id, this.#last))) return true;
    const parts = this.#below.get(event.run_id) ?? this.#own;
    const [, verb] = event.type.split(".");
    switch (event.type) {
      case "message.delta":
        if (!parts.delta(event)) return false;
        break;
      case "message.completed":
        parts.complete(event.step, event.text);
        break;
      case "tool.started":
      case "tool.completed":
      case "tool.failed":
        parts.tool(event, verb);
        if (parts === this.#own && event.type === "tool.completed" && event.tool === HAND_OVER) {
          this.handedOver = true;
        }
        break;
      case "delegate.started":
        this.#delegate(parts, event);
        break;
      case "delegate.completed":
        parts.memberEnded(event);
        break;
      case "approval.requested":
        this.#ask(parts, event);
        break;
      case "approval.decided":
        if (this.#cards.has(event.approval_id)) loadSoon(this.#cards.get(event.approval_id));
        break;
      default:
        if (parts === this.#own) this.#turn(event, verb);
        else if (TERMINAL.has(event.type)) this.#endBelow(parts, event, verb);
    }
    this.#last = event.id;
    if (!this.ended) this.#showWaiting();
    return true;
  }

  /** What becomes of the run itself. */
  #turn(event, verb) {
    if (event.type === "run.started" || event.type === "run.resumed") this.#status("running");
    else if (event.type === "run.paused") this.#status("paused");
    else if (TERMINAL.has(event.type)) this.#end(event, verb);
  }

  /** The last text of the answer, as plain words. */
  get spoken() {
    return this.answers.at(-1)?.textContent.trim() ?? "";
  }

  /** The texts of the answer, without what members said among themselves. */
  get answers() {
    return answersOf(this.article);
  }

  // --- members of a team ------------------------------------------------------------------------

  #delegate(parts, event) {
    // Where one is picked and its answer is the answer, that is what one came to read.
    const open = this.mode === "route" && parts === this.#own;
    const place = parts.memberStarted(event, open);
    if (event.child_run_id) this.#below.set(event.child_run_id, place);
  }

  #endBelow(parts, event, verb) {
    if (verb === "completed") parts.answer(event.output);
    parts.stop();
  }

  // --- what it asks of people -------------------------------------------------------------------

  /** A member's questions stand where all can see them, below the card of the member. */
  #ask(parts, { approval: { id }, step }) {
    if (this.#cards.has(id)) return;
    const at = parts.top ?? step;
    const place = cardPlace(id, at);
    this.#own.place(place, at);
    this.#cards.set(id, place);
    loadSoon(place);
  }

  // --- the end ----------------------------------------------------------------------------------

  #end(event, verb) {
    this.ended = true;
    const status = event.status ?? verb;
    this.#status(status);
    this.#toggle("waiting", false);
    // What was still open was withdrawn with the run.
    if (verb !== "completed") for (const place of this.#cards.values()) loadSoon(place);
    for (const parts of [...this.#below.values(), this.#own]) parts.stop();
    if (verb === "completed") this.#own.answer(event.output);
    else this.#notice(status, event.error, event.run?.trace_id);
    this.#foot(event.run);
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
    this.#toggle("foot", this.#own.size > 0);
  }

  // --- small things -----------------------------------------------------------------------------

  #part(name) {
    return partOf(this.article, name);
  }

  #toggle(name, visible) {
    this.#part(name).hidden = !visible;
  }

  #status(status) {
    this.article.dataset.status = status;
  }

  #showWaiting() {
    const writing = this.#own.isWriting(this.#own.element.lastElementChild);
    // Paused, it does nothing: its cards say for whom it waits.
    this.#toggle("waiting", !writing && this.article.dataset.status !== "paused");
  }
}

/** The texts of a run's answer on the page, without what members said among themselves. */
export function answersOf(article) {
  return [...article.querySelectorAll(".markdown")].filter((text) => !text.closest(".member"));
}
