// Cards of what a run asks of people: drawn by the server, put where the call stands.

const SOON = 40; // ms: what was asked and decided long ago comes in one go, and is drawn once
const timers = new WeakMap();

/** The place of a card in a conversation; what stands in it comes by `load`. */
export function cardPlace(id, step) {
  const place = document.createElement("div");
  place.className = "approval-place";
  place.dataset.card = id;
  place.dataset.step = step;
  return place;
}

/** Draws the card anew, as it is now. */
export function loadSoon(place) {
  clearTimeout(timers.get(place));
  timers.set(place, setTimeout(() => load(place), SOON));
}

export async function load(place) {
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
  let html;
  try {
    const answer = await fetch(`/approvals/${place.dataset.card}/`, { headers });
    if (!answer.ok) throw new Error(String(answer.status));
    html = await answer.text();
  } catch {
    return place.replaceChildren(failure(place));
  }
  // Made by this host's own templates, which escape what they show.
  const page = new DOMParser().parseFromString(html, "text/html");
  const focused = place.contains(document.activeElement);
  place.replaceChildren(...document.adoptNode(page.body).children);
  window.htmx.process(place);
  if (focused) place.querySelector("h3")?.focus({ preventScroll: true });
}

function failure(place) {
  const note = document.createElement("p");
  note.className = "notice danger";
  const words = document.createElement("span");
  words.textContent = "Something is asked here that could not be loaded.";
  const again = document.createElement("button");
  again.type = "button";
  again.className = "button";
  again.textContent = "Try again";
  again.addEventListener("click", () => load(place));
  note.append(words, again);
  return note;
}

// After a card has answered: to what is wrong, or to the card, which has no button any more.
document.addEventListener("htmx:afterSettle", ({ detail: { elt } }) => {
  const card = elt.matches?.(".approval") ? elt : elt.closest?.(".approval");
  if (!card) return;
  const wrong = card.querySelector('[aria-invalid="true"], .field.wrong input, [role="alert"]');
  if (wrong && !wrong.matches("input, select, textarea")) wrong.tabIndex = -1;
  (wrong ?? card.querySelector("h3"))?.focus();
});

// Enter in a text of several lines makes a line; with Ctrl or Cmd it sends the form.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest(".approval form")) {
    event.preventDefault();
    event.target.closest("form").requestSubmit();
  }
  if (event.key === "Escape") {
    const part = event.target.closest?.(".approval-part[open]");
    if (!part) return;
    event.stopPropagation();
    part.open = false;
    part.querySelector("summary").focus();
  }
});
