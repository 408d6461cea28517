// What every signed-in page has: the drawer, menus, htmx's token, focus after a swap, toasts.

const body = document.body;
const sidebar = document.getElementById("sidebar");
const main = document.getElementById("main");
const backdrop = document.querySelector(".backdrop");
const opener = document.querySelector('[data-drawer="open"]');

// --- the drawer, on a phone ---------------------------------------------------------------------

function setDrawer(open) {
  body.classList.toggle("drawer-open", open);
  backdrop.hidden = !open;
  main.inert = open; // so that Tab stays in the drawer
  opener?.setAttribute("aria-expanded", String(open));
  if (open) sidebar.querySelector('[data-drawer="close"]').focus();
  else opener?.focus();
}

document.addEventListener("click", (event) => {
  const action = event.target.closest("[data-drawer]")?.dataset.drawer;
  if (action) setDrawer(action === "open");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("[data-menu][open]");
  const cancel = event.target.closest?.("[data-editing]")?.querySelector("[data-cancel]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (cancel) {
    cancel.click();
  } else if (body.classList.contains("drawer-open")) {
    setDrawer(false);
  }
});
window.matchMedia("(min-width: 60rem)").addEventListener("change", (wide) => {
  if (wide.matches && body.classList.contains("drawer-open")) setDrawer(false);
});

// --- menus: one open at a time ------------------------------------------------------------------

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// --- htmx -----------------------------------------------------------------------------------------

// The cookie, not a copy in the page: signing in elsewhere renews it.
function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrfToken();
});

// A swapped row takes the focus with it: give it to the row that came, or to the one after it.
let row = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.requestConfig.triggeringEvent) return; // the script's own, not the reader's
  const item = event.detail.elt.closest("li[data-session]");
  row = item && { id: item.id, next: item.nextElementSibling?.id };
});
document.addEventListener("htmx:afterSettle", () => {
  if (!row) return;
  const { id, next } = row;
  row = null;
  const title = document.getElementById("session-title");
  const shown = document.querySelector('#recent [aria-current="page"] .session-title');
  if (title && shown) title.textContent = shown.textContent;
  if (document.activeElement && document.activeElement !== body) return;
  const place = document.getElementById(id) ?? (next && document.getElementById(next));
  (place?.querySelector("summary") ?? place?.querySelector("a, input") ?? main).focus();
});

// The same session may be listed twice, in the sidebar and on the page.
document.addEventListener("htmx:afterRequest", (event) => {
  // The form may be gone from the page by now: the event then comes from what stood around it.
  const form = event.detail.requestConfig.elt;
  const item = event.detail.successful && form.matches("form") && form.closest("li[data-session]");
  if (!item || event.detail.requestConfig.verb !== "post") return;
  if (event.detail.xhr.responseText.includes("data-editing")) return; // it was refused
  const { session } = item.dataset;
  const deleted = event.detail.requestConfig.path.includes("/delete/");
  for (const other of document.querySelectorAll(`li[data-session="${session}"]`)) {
    if (other.id === item.id) continue;
    if (deleted) other.remove();
    else refreshRow(other, session);
  }
});

function refreshRow(item, session) {
  const place = item.id.startsWith("sidebar-") ? "sidebar" : "page";
  window.htmx.ajax("GET", `/sessions/${session}/?place=${place}`, { target: item, swap: "outerHTML" });
}

document.addEventListener("htmx:responseError", (event) => {
  const gone = event.detail.xhr.status === 404;
  toast(gone ? "That is gone. Reload the page to see what is there." : "That didn’t work. Try again.");
});
document.addEventListener("htmx:sendError", () => toast("No connection. Try again when it is back."));

// --- toasts ---------------------------------------------------------------------------------------

export function toast(text) {
  const place = document.getElementById("toasts");
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  place.append(note);
  setTimeout(() => note.remove(), 6000);
}
