// Keeps the sidebar's row of the open conversation up to date.

const TITLE_PAUSES = [0, 2_000, 6_000]; // ms after a run: its title is made by a background job

let timers = [];

/** Puts the conversation on top of the list, now and again when its title should be there. */
export function refreshRecent(sessionsUrl, sessionId) {
  timers.forEach(clearTimeout);
  timers = TITLE_PAUSES.map((pause) => setTimeout(() => refresh(sessionsUrl, sessionId), pause));
}

async function refresh(sessionsUrl, sessionId) {
  const list = document.getElementById("recent");
  if (!list) return;
  let before = document.getElementById(`sidebar-${sessionId}`);
  // Not under someone's hands: while it is being renamed or deleted, or its menu is open.
  if (busy(before)) return;
  const url = `${sessionsUrl}${sessionId}/?place=sidebar`;
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
  let response;
  try {
    response = await fetch(url, { headers });
  } catch {
    return; // the next refresh will do
  }
  if (!response.ok) return;
  // Inert until it is put in, and made by this host's own templates, which escape what they show.
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const row = page.querySelector("li[data-session]");
  before = document.getElementById(`sidebar-${sessionId}`);
  if (!row || busy(before)) return;
  const hadFocus = before?.contains(document.activeElement);
  before?.remove();
  list.prepend(row);
  window.htmx.process(row);
  if (hadFocus) row.querySelector("a").focus();
  document.getElementById("recent-empty")?.setAttribute("hidden", "");
  const title = row.querySelector(".session-title").textContent;
  document.getElementById("session-title").textContent = title;
  document.title = [title, ...document.title.split(" · ").slice(-2)].join(" · ");
}

function busy(row) {
  return row && ("editing" in row.dataset || row.querySelector("[open]"));
}
