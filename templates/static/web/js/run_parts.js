// What one run says and does, in a place of the page: texts, tool calls and, of a team, its members.

import { taken } from "./durations.js";
import { StepText } from "./text.js";
import { GrowingMarkdown, sources } from "./markdown.js";

export function clone(template) {
  return document.getElementById(template).content.firstElementChild.cloneNode(true);
}

/** An element's named place; `within` has no places of the same name but its own, which comes first. */
export function partOf(within, name) {
  return within.querySelector(`[data-part="${name}"]`);
}

export class RunParts {
  #blocks = new Map(); // step -> {element, words, drawing, open}
  #boxes = new Map(); // step -> details of a tool call or a member

  /** `top`: the step of the run on the page that these are part of; null: they are its own. */
  constructor(element, top = null) {
    this.element = element;
    this.top = top;
  }

  get size() {
    return this.#blocks.size + this.#boxes.size;
  }

  isWriting(element) {
    return element?.classList.contains("markdown") &&
      Boolean(this.#blocks.get(Number(element.dataset.step))?.open);
  }

  // --- text -------------------------------------------------------------------------------------

  /** Returns false when something before the piece is missing. */
  delta(event) {
    const block = this.#block(event.step);
    if (!block.words.apply(event.attempt, event.offset, event.text)) return false;
    block.open = true;
    block.drawing.update(block.words.text);
    return true;
  }

  complete(step, text) {
    this.#finish(this.#block(step), text);
  }

  /** The answer, where no text of its own was it. */
  answer(output) {
    const last = [...this.#blocks.values()].at(-1);
    if (typeof output !== "string" || !output || last?.words.text === output) return;
    const steps = [...this.#blocks.keys(), ...this.#boxes.keys(), 0];
    this.complete(Math.max(...steps) + 1, output);
  }

  #block(step) {
    let block = this.#blocks.get(step);
    if (!block) {
      const element = document.createElement("div");
      element.className = "markdown drawn";
      element.dir = "auto";
      element.dataset.step = step;
      this.place(element, step);
      block = { element, words: new StepText(), drawing: new GrowingMarkdown(element), open: true };
      this.#blocks.set(step, block);
    }
    return block;
  }

  #finish(block, text) {
    block.words.complete(text);
    block.open = false;
    block.drawing.finish(text);
    sources.set(block.element, text);
  }

  // --- tools ------------------------------------------------------------------------------------

  tool(event, verb) {
    const box = this.#box(event.step, "tool-template");
    const set = (part, text) => {
      partOf(box, part).textContent = text;
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
    for (const part of ["result", "result-heading"]) partOf(box, part).hidden = false;
  }

  #box(step, template) {
    let box = this.#boxes.get(step);
    if (!box) {
      box = clone(template);
      box.dataset.step = step;
      this.place(box, step);
      this.#boxes.set(step, box);
    }
    return box;
  }

  // --- members of a team ------------------------------------------------------------------------

  /** The place of what the member says and does. `open`: it is to be seen as it comes. */
  memberStarted(event, open) {
    const box = this.#box(event.step, "member-template");
    partOf(box, "label").textContent = event.member.name;
    partOf(box, "task").textContent = event.task;
    box.open = open;
    return new RunParts(partOf(box, "said"), this.top ?? event.step);
  }

  memberEnded(event) {
    const box = this.#box(event.step, "member-template");
    const failed = Boolean(event.error);
    box.dataset.state = failed ? "failed" : "done";
    box.open = false;
    partOf(box, "label").textContent = event.member.name;
    partOf(box, "state").textContent = failed ? "Failed" : "Done";
    partOf(box, "duration").textContent = failed ? "" : taken(event.duration_ms);
    // Its own calls have places of the same names: the member's error is the last of them.
    const error = box.lastElementChild.lastElementChild;
    error.textContent = event.error?.message ?? "";
    error.hidden = !failed;
  }

  // --- the end ----------------------------------------------------------------------------------

  /** Nothing more comes: what is under way stays as it is. */
  stop() {
    for (const box of this.#boxes.values()) {
      if (box.dataset.state !== "running") continue;
      box.dataset.state = "stopped";
      partOf(box, "state").textContent = "Stopped";
    }
    for (const block of this.#blocks.values()) {
      if (block.open) this.#finish(block, block.words.text);
    }
  }

  /** Parts stand in the order of their steps, whatever order they came in. */
  place(element, step) {
    const later = [...this.element.children].find((other) => Number(other.dataset.step) > step);
    this.element.insertBefore(element, later ?? null);
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
