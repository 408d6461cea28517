// The page of a workflow's run: puts its parts together.

import "./approval_cards.js";
import { drawStored } from "./markdown.js";
import { NodePanel } from "./node_panel.js";
import { NodeStates } from "./node_states.js";
import { socket } from "./page_socket.js";
import { LivePart } from "./run_live.js";
import { isBehind } from "./text.js";

const place = document.getElementById("flow");
const announcer = document.getElementById("announcer");
const SILENCE = 20_000; // ms without a frame while the run is live, after which it is asked for anew
const ENDS = new Set(["run.completed", "run.failed", "run.cancelled"]);

const states = new NodeStates(place, JSON.parse(document.getElementById("flow-states").textContent));
const panel = new NodePanel(place);
const live = new LivePart(place, (fresh) => {
  states.set(fresh);
  panel.refresh();
  drawStored(place);
});
drawStored(place);

// --- following -------------------------------------------------------------------------------------

const { run } = place.dataset;
let last = null; // id of the last event applied
let heard = performance.now();
let refs = 0;

function follow() {
  if (!live.isLive) return;
  heard = performance.now();
  refs += 1;
  const frame = { action: "follow", ref: `flow-${refs}`, run_id: run };
  if (last) frame.last_event_id = last;
  socket.send(frame);
}

function apply(event) {
  if (last && isBehind(event.id, last)) return;
  last = event.id;
  const own = event.run_id === run;
  if (own && event.type === "node.started") states.began(event.node);
  else if (own && event.type === "node.completed") states.ended(event.node, event.status, event.duration_ms);
  else if (event.type.startsWith("approval.") || (own && event.type.startsWith("run."))) live.look();
  if (event.type === "approval.requested") announcer.textContent = "The run waits for a decision.";
  if (own && ENDS.has(event.type)) announcer.textContent = `The run is ${event.type.slice(4)}.`;
  if (own && event.node && panel.shows(event.node)) panel.refresh();
}

if (live.isLive) {
  socket.addEventListener("open", () => {
    live.look(); // what the stream doesn't tell of, such as a decision while it was away
    follow();
  });
  socket.addEventListener("frame", ({ detail: frame }) => {
    heard = performance.now();
    if (frame.type === "error") {
      // Following broke, the run did not; what may not be seen any more is not asked for again.
      if (frame.run_id === run && frame.problem.status >= 500) setTimeout(follow, 1_500);
    }
    else if (frame.run_id && frame.id) apply(frame);
  });
  setInterval(() => {
    if (live.isLive && socket.isOpen && performance.now() - heard > SILENCE) {
      live.look();
      follow();
    }
  }, 2_000);
  if (socket.isOpen) follow();
  socket.connect();
}

// --- graph or list ---------------------------------------------------------------------------------

const shown = place.querySelector(".flow-shown");
const views = place.querySelector(".flow-views");

function view(name) {
  shown.dataset.view = name;
  for (const button of views.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
  // It could not be measured while it was hidden.
  const graph = shown.querySelector("[data-graph]");
  if (name === "graph") graph.dispatchEvent(new CustomEvent("workflow:drawn", { bubbles: true }));
}

if (views) {
  views.hidden = false;
  views.addEventListener("click", (event) => {
    const { view: name } = event.target.closest("button")?.dataset ?? {};
    if (name) view(name);
  });
  view(window.matchMedia("(max-width: 47.99rem)").matches ? "list" : "graph");
}

// --- finding in the list ---------------------------------------------------------------------------

const find = document.getElementById("flow-find");
if (find) {
  find.parentElement.hidden = false;
  find.addEventListener("input", () => states.find(find.value));
}
