// The inbox while it is open: new cards appear, what others decided says so, nothing typed is lost.

import "./approval_cards.js";
import { load } from "./approval_cards.js";
import { inbox } from "./inbox.js";

const list = document.getElementById("inbox");
const empty = document.getElementById("inbox-empty");
const said = document.getElementById("inbox-said");
let first = true; // the page was made a moment ago: the first count may bring nothing new

function cards() {
  return [...list.querySelectorAll(".approval")];
}

async function look() {
  let answer;
  try {
    answer = await fetch(list.dataset.url);
  } catch {
    return; // the next change brings it
  }
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = [...page.querySelectorAll("#inbox > .approval")];
  const there = new Set(fresh.map((card) => card.id));
  let added = 0;
  for (const card of fresh) {
    if (document.getElementById(card.id)) continue;
    list.append(document.adoptNode(card));
    window.htmx.process(card);
    added += 1;
  }
  for (const card of cards()) {
    if (there.has(card.id) || card.dataset.state === "ended") continue;
    const place = document.createElement("div");
    place.dataset.card = card.dataset.approval;
    card.replaceWith(place);
    place.append(card);
    await load(place);
  }
  const others = document.getElementById("inbox-others");
  const now = page.getElementById("inbox-others");
  others.hidden = now.hidden;
  if (!others.contains(document.activeElement)) {
    others.replaceChildren(...document.adoptNode(now).children);
  }
  empty.hidden = list.querySelector(".approval") !== null;
  if (added) said.textContent = added === 1 ? "Something new waits for you." : `${added} new wait for you.`;
}

inbox.addEventListener("inbox", ({ detail }) => {
  if (!first || detail.waiting !== cards().length) look();
  first = false;
});
