// A WebSocket that comes back: grows its pauses, wakes with the network and with the tab.

const FIRST_PAUSE = 400; // ms
const LONGEST_PAUSE = 15_000;

/**
 * Events: "open", "frame" (detail: the parsed frame), "down" (detail: {waiting}).
 * Nothing is queued: whoever sends knows what is to be sent anew after a drop.
 */
export class RunSocket extends EventTarget {
  #url;
  #socket = null;
  #timer = 0;
  #failures = 0;
  #wanted = false;

  constructor(path) {
    super();
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#url = url.href;
    window.addEventListener("online", () => this.#soon());
    window.addEventListener("offline", () => this.drop());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#soon();
    });
    // A page kept for the Back button loses its socket; one that comes back wants it again.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.#soon();
    });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    this.#wanted = true;
    if (!this.#socket) this.#open();
  }

  /** Sends the frame if the socket is open, and says whether it did. */
  send(frame) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Lets the present connection go, as after a sign that it is dead; another is made. */
  drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#forget(socket);
    socket.close();
    this.#again();
  }

  #open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#failures = 0;
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = (message) => {
      this.dispatchEvent(new CustomEvent("frame", { detail: JSON.parse(message.data) }));
    };
    socket.onclose = () => {
      this.#forget(socket);
      this.#again();
    };
  }

  #forget(socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (this.#socket === socket) this.#socket = null;
  }

  #again() {
    if (!this.#wanted) return;
    this.dispatchEvent(new CustomEvent("down", { detail: { offline: !navigator.onLine } }));
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE);
    this.#failures += 1;
    clearTimeout(this.#timer);
    // Many pages that lost the same server must not come back in the same moment.
    this.#timer = setTimeout(() => this.#open(), pause * (0.5 + Math.random() / 2));
  }

  #soon() {
    if (this.#wanted && !this.#socket) {
      this.#failures = 0;
      this.#open();
    }
  }
}
