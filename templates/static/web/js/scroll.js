// Stays at the end while the reader is there, and never pulls them away from elsewhere.

const CLOSE = 48; // px from the end that still count as being at it

export class Scroller {
  #box;
  #button;
  #following = true;
  #top = 0; // where this scrolled to last: further up than that is the reader's own doing

  constructor(box, button) {
    this.#box = box;
    this.#button = button;
    box.addEventListener("scroll", () => this.#moved(), { passive: true });
    button.addEventListener("click", () => {
      this.toEnd();
      box.focus({ preventScroll: true });
    });
    // Whatever makes the content or the box higher or lower: text, a folded tool, the keyboard.
    const observer = new ResizeObserver(() => this.#grown());
    observer.observe(box);
    for (const child of box.children) observer.observe(child);
    this.toEnd();
  }

  toEnd() {
    this.#following = true;
    this.#grown();
  }

  /** Runs `change`, which puts something above, without moving what is being read. */
  keepingPlace(change) {
    const { scrollHeight, scrollTop } = this.#box;
    change();
    this.#box.scrollTop = scrollTop + this.#box.scrollHeight - scrollHeight;
  }

  get #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    return scrollHeight - scrollTop - clientHeight < CLOSE;
  }

  #moved() {
    // The content may have grown since the scroll that this event tells of: no reason to let go.
    if (this.#atEnd) this.#following = true;
    else if (this.#box.scrollTop < this.#top - 1) this.#following = false;
    this.#top = this.#box.scrollTop;
    this.#show();
  }

  #grown() {
    if (this.#following) {
      this.#box.scrollTop = this.#box.scrollHeight;
      this.#top = this.#box.scrollTop;
    }
    this.#show();
  }

  #show() {
    this.#button.hidden = this.#following || this.#atEnd;
  }
}
