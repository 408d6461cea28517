// A node's details beside the graph, or over it on a phone: drawn by the server, kept up to date.

const SOON = 250; // ms: several changes at once are one look

export class NodePanel {
  #place;
  #panel = document.getElementById("node");
  #wanted = ""; // the node, or the key of one time that it ran
  #timer = 0;
  #from = null; // what was chosen, to give the focus back to

  constructor(place) {
    this.#place = place;
    if (!this.#panel) return;
    const there = this.#panel.querySelector("[data-key]");
    if (there) this.#mark(new URLSearchParams(location.search).get("node") ?? there.dataset.node);
    place.addEventListener("click", (event) => this.#click(event));
    place.addEventListener("keydown", (event) => {
      const node = event.target.closest?.(".wf-node");
      if (node && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.open(node.dataset.node, node);
      }
    });
    document.addEventListener("keydown", (event) => {
      const inside = this.#panel.contains(event.target) || event.target.closest?.(".flow-nodes");
      if (event.key === "Escape" && !this.#panel.hidden && inside) this.close();
    });
  }

  /** Whether the step with this key is of the node that is shown. */
  shows(key) {
    return !this.#panel?.hidden && baseOf(key) === baseOf(this.#wanted);
  }

  refresh() {
    if (!this.#panel || this.#panel.hidden || !this.#wanted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(false), SOON);
  }

  open(wanted, from) {
    if (from) this.#from = from;
    this.#mark(wanted);
    this.#load(true);
  }

  close() {
    this.#panel.hidden = true;
    this.#mark("");
    this.#from?.focus({ preventScroll: true });
    this.#from = null;
  }

  #click(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const box = event.target.closest(".wf-node");
    const link = event.target.closest("[data-line], [data-node-link]");
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      this.close();
    } else if (box) {
      this.open(box.dataset.node, box);
    } else if (link) {
      event.preventDefault();
      const inside = this.#panel.contains(link);
      this.open(link.dataset.line ?? link.dataset.nodeLink, inside ? null : link);
    }
  }

  #mark(wanted) {
    this.#wanted = wanted;
    const base = baseOf(wanted);
    for (const one of this.#place.querySelectorAll(".wf-node[aria-current], [data-line][aria-current]")) {
      one.removeAttribute("aria-current");
    }
    for (const one of this.#place.querySelectorAll(".wf-node, [data-line]")) {
      if (base && (one.dataset.node ?? one.dataset.line) === base) one.setAttribute("aria-current", "true");
    }
    const url = new URL(location.href);
    if (wanted) url.searchParams.set("node", wanted);
    else url.searchParams.delete("node");
    history.replaceState(null, "", url.pathname + url.search);
  }

  async #load(focus) {
    clearTimeout(this.#timer);
    const wanted = this.#wanted;
    let html;
    try {
      const answer = await fetch(`${this.#place.dataset.nodeUrl}?node=${encodeURIComponent(wanted)}`);
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      html = await answer.text();
    } catch {
      if (focus) this.#say("That could not be loaded. Choose the node again.");
      return;
    }
    if (wanted !== this.#wanted) return; // another was chosen meanwhile
    const before = this.#panel.contains(document.activeElement);
    // Unfolded values and the place that is read stay.
    const opened = new Set([...this.#panel.querySelectorAll("details[open]")].map((one) => one.textContent));
    const { scrollTop } = this.#panel;
    // Made by this host's own templates, which escape what they show.
    const page = new DOMParser().parseFromString(html, "text/html");
    this.#panel.replaceChildren(...document.adoptNode(page.body).children);
    this.#panel.hidden = false;
    if (!focus) {
      for (const one of this.#panel.querySelectorAll("details")) one.open = opened.has(one.textContent);
    }
    this.#panel.scrollTop = focus ? 0 : scrollTop;
    if (focus || before) this.#panel.querySelector("h3")?.focus({ preventScroll: true });
    if (!focus) return;
    this.#panel.scrollIntoView({ block: "nearest" });
    // The graph is narrower beside it: what was chosen stays in sight.
    this.#place.querySelector(".wf-node[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #say(text) {
    const note = document.createElement("p");
    note.className = "notice danger";
    note.textContent = text;
    this.#panel.replaceChildren(note);
    this.#panel.hidden = false;
  }
}

function baseOf(key) {
  return key.replace(/\[\d+\]/g, "");
}
