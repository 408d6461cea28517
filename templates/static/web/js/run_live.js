// What of a run's page the server draws anew while the run goes on: its status, what it asks of
// people, its result. Nothing that is being typed is lost.

import { load } from "./approval_cards.js";

const SOON = 80; // ms: what is told in one go is one look
const PAUSE = 700; // ms between two looks

export class LivePart {
  #root;
  #told;
  #timer = 0;
  #last = 0;
  #drawn = new Map(); // id of a part -> the server's text of it: a script may have changed it since

  /** `told` is called with the nodes' states whenever they came anew. */
  constructor(place, told) {
    this.#root = place.querySelector("#flow-live");
    this.#told = told;
  }

  get isLive() {
    return "live" in (this.#root.querySelector("#flow-head")?.dataset ?? {});
  }

  look() {
    if (this.#timer) return;
    const pause = Math.max(SOON, this.#last + PAUSE - performance.now());
    this.#timer = setTimeout(() => this.#look(), pause);
  }

  async #look() {
    this.#timer = 0;
    this.#last = performance.now();
    let html;
    try {
      const answer = await fetch(`${location.pathname}?part=live`);
      if (!answer.ok || answer.redirected) return;
      html = await answer.text();
    } catch {
      return; // the next change brings it
    }
    const page = new DOMParser().parseFromString(html, "text/html");
    const wasLive = this.isLive;
    this.#replace(page, "flow-way");
    this.#replace(page, "flow-head");
    this.#replace(page, "flow-more");
    this.#replace(page, "flow-result");
    await this.#ask(page);
    this.#told(JSON.parse(page.getElementById("flow-states").textContent));
    if (wasLive && !this.isLive) document.title = document.title.replace(/ · [^·]* · /, ` · ${this.#status} · `);
  }

  get #status() {
    return this.#root.querySelector("#flow-head .flow-state").textContent;
  }

  #replace(page, id) {
    const old = document.getElementById(id);
    const fresh = page.getElementById(id);
    const busy = old.contains(document.activeElement) || old.querySelector("details[open]");
    if (busy && "live" in fresh.dataset) return; // under somebody's hands: the next look will do
    const text = fresh.innerHTML;
    if ((this.#drawn.get(id) ?? old.innerHTML) === text) return;
    this.#drawn.set(id, text);
    old.replaceWith(document.adoptNode(fresh));
  }

  /** New cards come after those that are there; what is asked no more says what became of it. */
  async #ask(page) {
    const list = document.getElementById("flow-asked");
    const fresh = [...page.querySelectorAll("#flow-asked > .approval")];
    const there = new Set(fresh.map((card) => card.id));
    for (const card of fresh) {
      if (document.getElementById(card.id)) continue;
      list.append(document.adoptNode(card));
      window.htmx.process(card);
    }
    for (const card of list.querySelectorAll(".approval")) {
      if (there.has(card.id) || card.dataset.state === "ended") continue;
      const place = document.createElement("div");
      place.className = "approval-place";
      place.dataset.card = card.dataset.approval;
      card.replaceWith(place);
      place.append(card);
      await load(place);
    }
  }
}
