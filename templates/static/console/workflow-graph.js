"use strict";

// The view of a workflow's graph: its size, and nodes reached with the arrow keys.

(() => {
  const least = 0.2;
  const most = 2;

  function drawing(view) {
    return view.querySelector("svg.wf-graph");
  }

  function resize(view, scale) {
    const svg = drawing(view);
    if (!svg) return;
    const kept = Math.min(most, Math.max(least, scale));
    view.dataset.scale = String(kept);
    svg.style.width = `${svg.viewBox.baseVal.width * kept}px`;
  }

  // From then on the size stays, however the graph grows.
  function choose(view, factor) {
    view.dataset.chosen = "";
    resize(view, Number(view.dataset.scale || 1) * factor);
  }

  function fit(view) {
    delete view.dataset.chosen;
    const svg = drawing(view);
    const pan = view.querySelector("[data-pan]");
    if (svg && pan.clientWidth) resize(view, Math.min(1, Math.max(0.62, pan.clientWidth / svg.viewBox.baseVal.width)));
  }

  // One node is in the tab order, the one that was last on; the arrows lead to the others.
  function prepare(view) {
    const svg = drawing(view);
    view.querySelector(".wf-tools").hidden = !svg;
    if (!svg) return;
    const nodes = [...svg.querySelectorAll(".wf-node")];
    const now = nodes.find((node) => node.dataset.node === view.dataset.on) ?? nodes[0];
    for (const node of nodes) node.setAttribute("tabindex", node === now ? "0" : "-1");
    if ("chosen" in view.dataset) resize(view, Number(view.dataset.scale));
    else fit(view);
  }

  function middle(node) {
    const box = node.querySelector(".wf-box").getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }

  function beside(node, key) {
    const from = middle(node);
    const along = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
    let best = null;
    let nearest = Infinity;
    for (const other of node.ownerSVGElement.querySelectorAll(".wf-node")) {
      if (other === node) continue;
      const to = middle(other);
      const ahead = (to.x - from.x) * along[0] + (to.y - from.y) * along[1];
      if (ahead <= 1) continue;
      const aside = Math.abs((to.x - from.x) * along[1]) + Math.abs((to.y - from.y) * along[0]);
      if (ahead + 3 * aside < nearest) {
        nearest = ahead + 3 * aside;
        best = other;
      }
    }
    return best;
  }

  document.addEventListener("keydown", (event) => {
    const view = event.target.closest?.("[data-graph]");
    if (!view || event.ctrlKey || event.metaKey || event.altKey) return;
    const node = event.target.closest(".wf-node");
    if (node && event.key.startsWith("Arrow")) {
      const next = beside(node, event.key);
      if (next) {
        node.setAttribute("tabindex", "-1");
        next.setAttribute("tabindex", "0");
        view.dataset.on = next.dataset.node;
        next.focus();
        next.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
      event.preventDefault();
    } else if (event.key === "+" || event.key === "-") {
      choose(view, event.key === "+" ? 1.25 : 0.8);
      event.preventDefault();
    } else if (event.key === "0") {
      fit(view);
      event.preventDefault();
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    const view = button?.closest("[data-graph]");
    if (!view) return;
    if (button.dataset.zoom === "fit") fit(view);
    else choose(view, button.dataset.zoom === "in" ? 1.25 : 0.8);
  });

  // On a run's page a node leads to its step.
  function open(node) {
    const step = node.ownerDocument.querySelector(`details[data-key="${node.dataset.step}"]`);
    if (!step) return;
    step.open = true;
    step.querySelector("summary").focus({ preventScroll: true });
    step.scrollIntoView({ block: "center" });
  }

  document.addEventListener("click", (event) => {
    const node = event.target.closest?.(".wf-node[data-step]");
    if (node) open(node);
  });
  document.addEventListener("keydown", (event) => {
    const node = event.target.closest?.(".wf-node[data-step]");
    if (node && (event.key === "Enter" || event.key === " ")) {
      open(node);
      event.preventDefault();
    }
  });

  // The page's live part is replaced: size, place and focus of its graph stay.
  document.addEventListener("console:replace", (event) => {
    const old = event.target.querySelector("[data-graph]");
    const fresh = event.detail.fresh.querySelector("[data-graph]");
    if (!old || !fresh) return;
    for (const key of ["scale", "chosen", "on"]) {
      if (key in old.dataset) fresh.dataset[key] = old.dataset[key];
    }
    const pan = old.querySelector("[data-pan]");
    const { scrollLeft, scrollTop } = pan;
    const focused = document.activeElement?.closest(".wf-node")?.dataset.node;
    queueMicrotask(() => {
      prepare(fresh);
      fresh.querySelector("[data-pan]").scrollTo(scrollLeft, scrollTop);
      if (!focused) return;
      const again = [...fresh.querySelectorAll(".wf-node")].find((one) => one.dataset.node === focused);
      again?.focus({ preventScroll: true });
    });
  });

  document.addEventListener("workflow:drawn", (event) => prepare(event.target));
  document.addEventListener("DOMContentLoaded", () => {
    for (const view of document.querySelectorAll("[data-graph]")) prepare(view);
  });
})();
