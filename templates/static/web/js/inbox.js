// How much waits for the member, in the menu and at the top, kept up to date over the socket.

import { socket } from "./page_socket.js";

const AGAIN = 60_000; // ms: what expires by the clock alone nobody tells of
const places = [...document.querySelectorAll("[data-inbox-count]")];

/** Told of by the event "inbox" (detail: {waiting}), on the first answer and on each change. */
export const inbox = new EventTarget();
let known = null;

function ask() {
  socket.send({ action: "inbox", ref: "inbox" });
}

function show(waiting) {
  for (const place of places) {
    place.hidden = waiting === 0;
    place.textContent = waiting > 99 ? "99+" : String(waiting);
  }
  for (const words of document.querySelectorAll("[data-inbox-words]")) {
    words.textContent = waiting ? `, ${waiting} waiting for you` : "";
  }
  known = waiting;
  inbox.dispatchEvent(new CustomEvent("inbox", { detail: { waiting } }));
}

if (places.length) {
  socket.addEventListener("open", ask);
  socket.addEventListener("frame", ({ detail: frame }) => {
    const told = frame.type === "inbox" || (frame.type === "ack" && frame.action === "inbox");
    if (told && (frame.type === "inbox" || frame.waiting !== known)) show(frame.waiting);
  });
  setInterval(ask, AGAIN);
  socket.connect();
}
