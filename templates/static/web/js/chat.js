// The chat page: puts its parts together.

import { toast } from "./app.js";
import { copy } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { drawStored, sources } from "./markdown.js";
import { socket } from "./page_socket.js";
import { refreshRecent } from "./recent.js";
import { answersOf } from "./run_view.js";
import { Scroller } from "./scroll.js";

const place = document.getElementById("conversation");
const thread = document.getElementById("thread");
const announcer = document.getElementById("announcer");
const { kind, slug, mode, chatUrl, sessionsUrl, signInUrl, agent, liveRun, inputMax } = place.dataset;

drawStored(thread);
const scroller = new Scroller(document.getElementById("scroll"), document.getElementById("latest"));
// Earlier messages go above what is being read.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "earlier" || !event.detail.shouldSwap) return;
  event.detail.shouldSwap = false;
  scroller.keepingPlace(() => {
    window.htmx.swap(event.detail.target, event.detail.serverResponse, { swapStyle: "outerHTML" });
    drawStored(thread);
  });
});

// --- talking, for those who may ------------------------------------------------------------------

const mayTalk = Boolean(document.getElementById("composer"));
const conversation = new Conversation(socket, thread, { kind, slug, mode }, place.dataset.session);
const composer = mayTalk
  ? new Composer(Number(inputMax), draftKey(place.dataset.session || "new"))
  : null;

function draftKey(session) {
  return `draft:${kind === "team" ? "team:" : ""}${slug}:${session}`;
}

function say(text) {
  document.getElementById("welcome")?.remove();
  hideProblem();
  conversation.start(text);
  scroller.toEnd();
  announcer.textContent = `${agent} is working.`;
}

composer?.addEventListener("submit", ({ detail }) => {
  say(detail.text);
  composer.text = "";
});
composer?.addEventListener("stop", () => conversation.stop());

function showState() {
  composer?.show({
    open: socket.isOpen,
    busy: conversation.busy,
    canStop: conversation.canStop,
    offline: !navigator.onLine,
  });
}
conversation.addEventListener("change", showState);
window.addEventListener("online", showState);
window.addEventListener("offline", showState);

conversation.addEventListener("started", ({ detail }) => {
  if (place.dataset.session === detail.sessionId) return;
  place.dataset.session = detail.sessionId;
  history.replaceState(null, "", `${chatUrl}${detail.sessionId}/`);
  composer?.keepDraftAs(draftKey(detail.sessionId));
  refreshRecent(sessionsUrl, detail.sessionId);
});

conversation.addEventListener("asked", ({ detail: { approval } }) => {
  announcer.textContent = `${agent} waits for a decision: ${approval.tool.replaceAll("_", " ")}.`;
});

conversation.addEventListener("ended", ({ detail: { view, type } }) => {
  const ends = { "run.completed": view.spoken, "run.cancelled": "Stopped." };
  announcer.textContent = ends[type] ?? "The run failed.";
  refreshRecent(sessionsUrl, conversation.sessionId);
  if (view.handedOver) location.reload(); // the page of whoever goes on
});

// --- problems -------------------------------------------------------------------------------------

const box = document.getElementById("problem");
let unsent = "";

function part(name) {
  return box.querySelector(`[data-part="${name}"]`);
}

function hideProblem() {
  if (box) box.hidden = true;
}

function showProblem(problem, input) {
  unsent = input;
  part("title").textContent = `${problem.title}.`;
  part("detail").textContent = problem.detail === problem.title ? "" : problem.detail;
  part("trace").textContent = problem.trace_id ?? "";
  part("trace-row").hidden = !problem.trace_id;
  part("again").hidden = !input && problem.status !== 401;
  part("again").textContent = problem.status === 401 ? "Sign in" : "Try again";
  part("again").dataset.signIn = problem.status === 401 ? "yes" : "";
  box.hidden = false;
}

conversation.addEventListener("refused", ({ detail }) => {
  // What was written goes back to where it was written, unless something new stands there.
  if (!composer.text) composer.text = detail.input;
  announcer.textContent = "";
  showProblem(detail.problem, detail.input);
  composer.focus();
});
conversation.addEventListener("problem", ({ detail }) => {
  if (box) showProblem(detail.problem, "");
  else toast(detail.problem.detail);
});

box?.addEventListener("click", (event) => {
  const clicked = event.target.closest("button")?.dataset.part;
  if (clicked === "dismiss") {
    hideProblem();
    composer.focus();
  } else if (clicked === "again" && part("again").dataset.signIn) {
    location.assign(`${signInUrl}?next=${encodeURIComponent(location.pathname)}`);
  } else if (clicked === "again" && !conversation.busy) {
    if (composer.text === unsent) composer.text = "";
    say(unsent);
    composer.focus();
  }
});

// --- buttons inside the thread --------------------------------------------------------------------

thread.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const run = button.closest(".run");
  if ("retry" in button.dataset && composer && !conversation.busy && socket.isOpen) {
    say(run.querySelector('[data-part="input"]').textContent);
  } else if ("copyAnswer" in button.dataset) {
    const texts = answersOf(run).map((text) => sources.get(text) ?? "");
    confirmCopy(button, await copy(texts.filter(Boolean).join("\n\n")));
  } else if ("copyCode" in button.dataset) {
    confirmCopy(button, await copy(button.closest(".code").querySelector("code").textContent));
  }
});

function confirmCopy(button, done) {
  toast(done ? "Copied" : "Copying isn’t allowed here");
  button.focus();
}

// --- begin ------------------------------------------------------------------------------------------

const live = liveRun && document.getElementById(`run-${liveRun}`);
if (live) conversation.adopt(live);
socket.connect();
showState();
