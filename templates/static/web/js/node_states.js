// The states of a run's nodes, in the graph and in the list beside it. Applying the same twice
// changes nothing, and what has ended stays ended: a stream may begin again from its beginning.

import { taken } from "./durations.js";

// Of a node that ran several times the first of these is shown.
const STATES = ["failed", "running", "waiting", "completed", "cancelled", "skipped"];
const OVER = new Set(["failed", "completed", "cancelled", "skipped"]);

function baseOf(key) {
  return key.replace(/\[\d+\]/g, "");
}

export class NodeStates {
  #keys = new Map(); // key -> [state, milliseconds or null]
  #bases = new Map(); // node of the graph -> its keys
  #nodes = new Map(); // node of the graph -> its box
  #lines = new Map(); // node of the graph -> its line
  #counts;
  #changed = new Set();
  #words = "";

  constructor(place, states) {
    for (const box of place.querySelectorAll(".wf-node")) this.#nodes.set(box.dataset.node, box);
    for (const line of place.querySelectorAll("[data-line]")) this.#lines.set(line.dataset.line, line);
    this.#counts = document.getElementById("flow-counts");
    this.set(states);
    this.#paint();
  }

  began(key) {
    if (!OVER.has(this.#keys.get(key)?.[0])) this.#put(key, ["running", null]);
  }

  ended(key, status, ms) {
    this.#put(key, [status, status === "skipped" ? null : (ms ?? null)]);
  }

  /** As the server has them: it knows as well who waits for people. */
  set(states) {
    for (const [key, [state, ms]] of Object.entries(states)) {
      // It may be behind the stream, which has told of an end meanwhile.
      if (OVER.has(this.#keys.get(key)?.[0]) && !OVER.has(state)) continue;
      this.#put(key, [state, ms]);
    }
  }

  /** Shows the lines in which all of these words are. */
  find(text) {
    this.#words = text;
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const line of this.#lines.values()) {
      const said = line.textContent.toLowerCase();
      const hit = words.every((word) => said.includes(word));
      line.parentElement.hidden = !hit;
      left += hit;
    }
    document.getElementById("flow-none").hidden = left > 0;
  }

  #put(key, state) {
    const base = baseOf(key);
    this.#keys.set(key, state);
    if (!this.#bases.has(base)) this.#bases.set(base, new Set());
    this.#bases.get(base).add(key);
    if (!this.#changed.size) requestAnimationFrame(() => this.#paint());
    this.#changed.add(base);
  }

  #paint() {
    for (const base of this.#changed) this.#paintNode(base);
    this.#changed.clear();
    const total = new Map();
    for (const keys of this.#bases.values()) {
      const state = this.#shown(keys);
      total.set(state, (total.get(state) ?? 0) + 1);
    }
    const open = Math.max(this.#lines.size - this.#bases.size, 0);
    const counts = STATES.filter((state) => total.has(state)).map((state) => `${total.get(state)} ${state}`);
    if (open) counts.push(`${open} not begun`);
    const said = counts.join(" · ");
    if (this.#counts && this.#counts.textContent !== said) this.#counts.textContent = said;
    if (this.#words) this.find(this.#words);
  }

  #shown(keys) {
    const there = new Set([...keys].map((key) => this.#keys.get(key)[0]));
    return STATES.find((state) => there.has(state));
  }

  #said(keys) {
    if (keys.size === 1) return this.#shown(keys);
    const counts = new Map();
    for (const key of keys) {
      const [state] = this.#keys.get(key);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return STATES.filter((state) => counts.has(state))
      .map((state) => `${counts.get(state)} ${state}`)
      .join(", ");
  }

  #paintNode(base) {
    const keys = this.#bases.get(base);
    const state = this.#shown(keys);
    const words = this.#said(keys);
    const box = this.#nodes.get(base);
    if (box) {
      const kept = [...box.classList].filter((name) => !name.startsWith("wf-state-"));
      box.setAttribute("class", [...kept, `wf-state-${state}`].join(" "));
      box.setAttribute("aria-label", `${words}. ${box.dataset.said ?? ""}`);
    }
    const line = this.#lines.get(base);
    if (!line) return;
    line.dataset.state = state;
    line.querySelector('[data-part="words"]').textContent = words;
    const [only] = keys;
    const ms = keys.size === 1 ? this.#keys.get(only)[1] : null;
    line.querySelector('[data-part="took"]').textContent = ms === null ? "" : taken(ms);
  }
}
