// Stays at the end while the reader is there, and never pulls them away from elsewhere.

const CLOSE = 48; // px from the end that still count as being at it

export class Scroller {
  #box;
  #button;
  #following = true;

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
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#show();
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
    this.#following = this.#atEnd;
    this.#show();
  }

  #grown() {
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
    this.#show();
  }

  #show() {
    this.#button.hidden = this.#following || this.#atEnd;
  }
}
