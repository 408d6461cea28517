// The approval queue: what is chosen is shown beside the list and decided there; the list follows
// what others do; everything goes by keyboard.

const EVERY = 4_000; // ms between two looks at the list
const frame = document.getElementById("queue-frame");
const list = document.getElementById("queue");
const pane = document.getElementById("queue-pane");
const said = document.getElementById("queue-said");
const hint = pane.innerHTML;
const IN_PLACE = { "X-Requested-With": "queue" };

let chosen = null; // id of the approval in the pane
let asking = null; // the request under way for it

function rows() {
  return [...list.querySelectorAll("[data-approval]")];
}

function rowOf(id) {
  return document.getElementById(`approval-${id}`);
}

function link(row) {
  return row.querySelector(".cq-link");
}

function wide() {
  return window.matchMedia("(min-width: 1100px)").matches;
}

function say(text, bad = false) {
  said.textContent = text;
  said.classList.toggle("cq-bad", bad);
}

// --- the pane -----------------------------------------------------------------------------------

function mark() {
  for (const row of rows()) {
    const here = row.dataset.approval === chosen;
    row.classList.toggle("cq-chosen", here);
    if (here) link(row).setAttribute("aria-current", "true");
    else link(row).removeAttribute("aria-current");
  }
  frame.classList.toggle("cq-open", Boolean(chosen) && !wide());
}

function close() {
  const before = chosen;
  asking?.abort();
  chosen = null;
  pane.innerHTML = hint;
  mark();
  if (before && rowOf(before)) link(rowOf(before)).focus();
}

/** Shows an approval in the pane. Rejects nothing: what fails is said. */
async function choose(row, { focus = false } = {}) {
  chosen = row.dataset.approval;
  mark();
  if (focus) link(row).focus();
  row.scrollIntoView({ block: "nearest" });
  await load(link(row).href);
  if (!wide()) pane.scrollIntoView({ block: "start" });
}

async function load(url) {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  pane.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: IN_PLACE, signal: mine.signal });
    if (answer.redirected) return location.reload(); // signed out meanwhile
    if (!answer.ok) throw new Error(String(answer.status));
    draw(await answer.text());
  } catch (error) {
    if (error.name !== "AbortError") say("That could not be loaded. Try again.", true);
  } finally {
    if (asking === mine) pane.setAttribute("aria-busy", "false");
  }
}

// Made by this console's own templates, which escape what they show.
function draw(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  pane.replaceChildren(...document.adoptNode(page.body).childNodes);
  pane.scrollTop = 0;
}

list.addEventListener("click", (event) => {
  const clicked = event.target.closest(".cq-link");
  if (!clicked || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  choose(clicked.closest("[data-approval]"), { focus: true });
});

pane.addEventListener("click", (event) => {
  if (event.target.closest("[data-back]")) close();
});

// --- deciding -----------------------------------------------------------------------------------

pane.addEventListener("submit", async (event) => {
  const form = event.target.closest("form.cq-decision");
  if (!form) return;
  event.preventDefault();
  if (pane.getAttribute("aria-busy") === "true") return; // a double click is one decision
  pane.setAttribute("aria-busy", "true");
  try {
    const body = new FormData(form);
    const answer = await fetch(form.action, { method: "POST", headers: IN_PLACE, body });
    if (answer.redirected) return location.reload();
    if (answer.headers.get("Content-Type")?.includes("json")) return decided((await answer.json()).said);
    const html = await answer.text();
    if (!html.includes("data-panel=")) throw new Error(String(answer.status));
    refused(html);
  } catch {
    say("That did not get through: nothing was decided, as far as this page knows. Try again.", true);
  } finally {
    pane.setAttribute("aria-busy", "false");
  }
});

function decided(sentence) {
  say(sentence);
  document.dispatchEvent(new Event("concord:decided"));
  const row = rowOf(chosen);
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  row?.remove();
  chosen = null;
  showNone();
  if (next) {
    if (wide()) choose(next, { focus: true });
    else {
      pane.innerHTML = hint;
      mark();
      link(next).focus();
    }
  } else {
    pane.innerHTML = hint;
    mark();
    pane.focus();
  }
  ticked();
}

function refused(html) {
  draw(html);
  const wrong = pane.querySelector('[aria-invalid="true"]') ?? pane.querySelector('[role="alert"]');
  if (!wrong) return;
  wrong.tabIndex = wrong.matches("input, select, textarea") ? 0 : -1;
  wrong.focus();
}

/** Opens one of the forms: "approve", "edit" or "reject"; it asks before anything is done. */
function open(part) {
  const form = pane.querySelector(`[data-part="${part}"]`);
  if (!form) return;
  form.open = true;
  const first = form.querySelector("[data-first]") ?? form.querySelector("form :is(input:not([type=hidden]), select, textarea)");
  first?.focus();
}

// --- keys ---------------------------------------------------------------------------------------

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.dataset.approval === chosen);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  choose(all[next], { focus: true });
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  a: () => open("approve"),
  e: () => open("edit"),
  r: () => open("reject"),
  x: () => rowOf(chosen)?.querySelector(".cq-tick input:not(:disabled)")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    const form = pane.querySelector("details.cq-form-part[open]");
    if (form) {
      form.open = false;
      form.querySelector("summary").focus();
    } else if (chosen && (pane.contains(document.activeElement) || !wide())) {
      close();
    }
    return;
  }
  const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (typing || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

// --- several at once ----------------------------------------------------------------------------

const bulk = document.getElementById("queue-bulk");

function ticked() {
  if (!bulk) return;
  const number = list.querySelectorAll(".cq-tick input:checked").length;
  for (const button of bulk.querySelectorAll("button")) button.disabled = number === 0;
  document.getElementById("queue-ticked").textContent = number
    ? `${number} ticked`
    : "Tick several to decide them together";
}
list.addEventListener("change", ticked);

// --- what others do -----------------------------------------------------------------------------

function showNone() {
  document.getElementById("queue-none").hidden = rows().length > 0;
}

async function look() {
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = [...page.querySelectorAll("#queue > [data-approval]")];
  const there = new Set(fresh.map((row) => row.dataset.approval));
  for (const row of rows()) {
    if (there.has(row.dataset.approval)) continue;
    const { approval } = row.dataset;
    const focused = row.contains(document.activeElement);
    row.remove();
    // The one being read was decided elsewhere: show how it ended, unless somebody is writing.
    if (approval === chosen && !pane.querySelector("details.cq-form-part[open]")) {
      await load(link(row).href);
      if (focused) pane.focus();
    }
  }
  let before = null;
  for (const row of fresh) {
    const known = rowOf(row.dataset.approval);
    if (known) {
      known.querySelector(".cq-meta").innerHTML = row.querySelector(".cq-meta").innerHTML;
      before = known;
    } else {
      const added = document.adoptNode(row);
      if (before) before.after(added);
      else list.prepend(added);
      before = added;
    }
  }
  showNone();
  mark();
  ticked();
}

async function keepLooking() {
  if (!document.hidden) {
    try {
      await look();
    } catch {
      // The server is away for a moment: the list stays as it is.
    }
  }
  setTimeout(keepLooking, EVERY);
}

ticked();
setTimeout(keepLooking, EVERY);
window.matchMedia("(min-width: 1100px)").addEventListener("change", mark);
if (wide() && rows().length) choose(rows()[0]);
