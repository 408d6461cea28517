// The conversation's protocol: starts runs, follows them, and loses nothing when the socket drops.

import { addRun, RunView } from "./run_view.js";

const SILENCE = 20_000; // ms without a frame while a run is live, after which the socket is probed
const PATIENCE = 8_000; // ms that an answer to the probe may take

/**
 * Events: "change" (what may be done has changed), "started" (detail: {sessionId}), "ended"
 * (detail: {view, type}), "refused" (detail: {problem, input}), "problem" (detail: {problem}).
 */
export class Conversation extends EventTarget {
  #socket;
  #thread;
  #partner; // {kind, slug, mode}
  #refs = 0;
  #pending = null; // a start without its ack: {frame, view}
  #live = null; // the run being followed: {id, view}
  #stopping = false;
  #heard = 0;

  /** `partner`: the kind and slug of who is talked to, and of a team its mode. */
  constructor(socket, thread, partner, sessionId) {
    super();
    this.#socket = socket;
    this.#thread = thread;
    this.#partner = partner;
    this.sessionId = sessionId || null;
    socket.addEventListener("open", () => this.#resume());
    socket.addEventListener("frame", (event) => this.#frame(event.detail));
    socket.addEventListener("down", () => this.#changed());
    setInterval(() => this.#probe(), 2_000);
  }

  get busy() {
    return Boolean(this.#pending || this.#live);
  }

  get canStop() {
    return Boolean(this.#live) && !this.#stopping && this.#socket.isOpen;
  }

  /** Follows a run that was live when the page was made, from its beginning. */
  adopt(article) {
    this.#live = { id: article.dataset.run, view: new RunView(article, this.#partner.mode) };
    if (this.#socket.isOpen) this.#resume();
    this.#changed();
  }

  start(input) {
    const view = addRun(this.#thread, input, this.#partner.mode);
    const frame = {
      action: "start",
      ref: this.#ref("start"),
      kind: this.#partner.kind,
      slug: this.#partner.slug,
      input,
      // The same key if it must be sent again: a start whose ack was lost isn't done twice.
      idempotency_key: uuid(),
    };
    if (this.sessionId) frame.session_id = this.sessionId;
    this.#pending = { frame, view };
    this.#heard = performance.now();
    this.#send(frame);
    this.#changed();
    return view;
  }

  stop() {
    if (!this.canStop) return;
    this.#stopping = true;
    this.#heard = performance.now();
    this.#send({ action: "cancel", ref: this.#ref("cancel"), run_id: this.#live.id });
    this.#changed();
  }

  // --- what comes -------------------------------------------------------------------------------

  #frame(frame) {
    this.#heard = performance.now();
    if (frame.type === "ack") this.#ack(frame);
    else if (frame.type === "error") this.#error(frame);
    else if (this.#live?.view.has(frame.run_id)) this.#event(frame);
  }

  #ack(frame) {
    if (frame.action !== "start" || frame.ref !== this.#pending?.frame.ref) return;
    const { view } = this.#pending;
    view.named(frame.run_id);
    this.#pending = null;
    this.#live = { id: frame.run_id, view };
    this.sessionId = frame.session_id;
    this.dispatchEvent(new CustomEvent("started", { detail: { sessionId: frame.session_id } }));
    this.#changed();
  }

  #event(event) {
    const { view } = this.#live;
    if (event.type === "approval.requested") {
      this.dispatchEvent(new CustomEvent("asked", { detail: { approval: event.approval } }));
    }
    if (!view.apply(event)) {
      // Something before it never came: take the run from its beginning.
      view.reset();
      this.#follow();
      return;
    }
    if (!view.ended) return;
    this.#live = null;
    this.#stopping = false;
    this.dispatchEvent(new CustomEvent("ended", { detail: { view, type: event.type } }));
    this.#changed();
  }

  #error({ ref, problem, run_id: runId }) {
    if (ref && ref === this.#pending?.frame.ref) {
      const { frame, view } = this.#pending;
      this.#pending = null;
      view.remove();
      const detail = { problem, input: frame.input };
      this.dispatchEvent(new CustomEvent("refused", { detail }));
    } else if (String(ref).startsWith("cancel")) {
      this.#stopping = false;
      // It ended in the same moment: its last event says so.
      if (problem.status !== 409) this.dispatchEvent(new CustomEvent("problem", { detail: { problem } }));
    } else if (ref === "inbox") {
      return; // the inbox's own, on the same socket
    } else if (runId && runId === this.#live?.id && problem.status >= 500) {
      setTimeout(() => this.#follow(), 1_500); // following broke, the run did not
    } else {
      if (String(ref).startsWith("follow") && problem.status < 500) this.#leave();
      this.dispatchEvent(new CustomEvent("problem", { detail: { problem } }));
    }
    this.#changed();
  }

  #leave() {
    this.#live?.view.leave();
    this.#live = null;
  }

  // --- a socket that drops ----------------------------------------------------------------------

  #resume() {
    this.#heard = performance.now();
    this.#stopping = false;
    if (this.#pending) this.#send(this.#pending.frame);
    else if (this.#live) this.#follow();
    this.#changed();
  }

  #follow() {
    if (!this.#live) return;
    const frame = { action: "follow", ref: this.#ref("follow"), run_id: this.#live.id };
    if (this.#live.view.lastEventId) frame.last_event_id = this.#live.view.lastEventId;
    this.#send(frame);
  }

  /** A connection can be dead without saying so; asking to follow again is answered, or it is. */
  #probe() {
    if (!this.busy || !this.#socket.isOpen) return;
    const silent = performance.now() - this.#heard;
    if (silent > SILENCE + PATIENCE) this.#socket.drop();
    else if (silent > SILENCE && this.#live) this.#follow();
  }

  // --- small things -----------------------------------------------------------------------------

  #ref(action) {
    this.#refs += 1;
    return `${action}-${this.#refs}`;
  }

  #send(frame) {
    this.#socket.send(frame);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** A random UUID; `crypto.randomUUID` is there in secure contexts only. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
