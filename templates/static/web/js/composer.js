// Where a message is written: grows with it, says what may be done, keeps the draft.

import { codePoints } from "./text.js";

const NEAR = 0.9; // of the limit, from where on the count is shown

/** Events: "submit" (detail: {text}), "stop". */
export class Composer extends EventTarget {
  #form = document.getElementById("composer");
  #field = document.getElementById("message");
  #send = document.getElementById("send");
  #stop = document.getElementById("stop");
  #count = document.getElementById("count");
  #hint = document.getElementById("hint");
  #connection = document.getElementById("connection");
  #limit;
  #draftKey;
  #state = { open: false, busy: false, canStop: false, offline: false };

  constructor(limit, draftKey) {
    super();
    this.#limit = limit;
    this.#draftKey = draftKey;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => this.#edited());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#stop.addEventListener("click", () => this.#askToStop());
    this.#field.value ||= read(draftKey);
    this.#edited();
  }

  get text() {
    return this.#field.value;
  }

  set text(value) {
    this.#field.value = value;
    this.#edited();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** The draft's place moves with the conversation, from "new" to its own. */
  keepDraftAs(key) {
    write(this.#draftKey, "");
    this.#draftKey = key;
    this.#edited();
  }

  show(state) {
    const focused = document.activeElement;
    this.#state = state;
    this.#connection.textContent = state.open ? "" : state.offline ? "You are offline" : "Connecting…";
    this.#form.dataset.connection = state.open ? "open" : "down";
    this.#stop.hidden = !state.busy;
    this.#stop.disabled = !state.canStop;
    this.#send.hidden = state.busy;
    this.#edited();
    // A button that is gone can't keep the focus: give it to the field, not to the page.
    if (focused === this.#send || focused === this.#stop) {
      if (focused.hidden || focused.disabled) this.focus();
    }
  }

  #submit() {
    const text = this.text;
    if (this.#send.disabled || this.#state.busy) return;
    this.dispatchEvent(new CustomEvent("submit", { detail: { text } }));
  }

  #askToStop() {
    this.dispatchEvent(new Event("stop"));
  }

  #key(event) {
    if (event.key === "Escape" && this.#state.canStop) {
      event.stopPropagation();
      this.#askToStop();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit();
    }
  }

  #edited() {
    const { text } = this;
    const field = this.#field;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
    // Units are never fewer than code points: only a long text needs counting.
    const length = text.length > this.#limit * NEAR ? codePoints(text) : text.length;
    const over = length > this.#limit;
    this.#count.hidden = length <= this.#limit * NEAR;
    this.#count.textContent = `${length.toLocaleString("en")} of ${this.#limit.toLocaleString("en")} characters`;
    this.#count.classList.toggle("over", over);
    field.setAttribute("aria-invalid", String(over));
    const { open, busy } = this.#state;
    this.#hint.textContent = !open ? "" : busy ? "Esc stops the answer" : "Enter sends, Shift+Enter makes a new line";
    this.#send.disabled = !open || busy || over || !text.trim();
    write(this.#draftKey, text);
  }
}

function read(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function write(key, text) {
  try {
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch {
    // Without storage the draft lasts as long as the page.
  }
}
