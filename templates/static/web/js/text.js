// The text of one step as it streams in. Offsets count Unicode code points, as the server does;
// JavaScript's own lengths count UTF-16 units, in which an emoji is two.

export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export class StepText {
  #length = 0; // in code points
  text = "";
  attempt = 0;

  /**
   * Puts a piece at its offset: what stood from there on is replaced.
   * Returns false when the piece begins beyond what is known: something was missed.
   */
  apply(attempt, offset, piece) {
    if (attempt !== this.attempt) {
      this.attempt = attempt;
      this.text = "";
      this.#length = 0;
    }
    if (offset > this.#length) return false;
    if (offset < this.#length) {
      this.text = Array.from(this.text).slice(0, offset).join("");
      this.#length = offset;
    }
    this.text += piece;
    this.#length += codePoints(piece);
    return true;
  }

  /** The whole text, once the server has said it. */
  complete(text) {
    this.text = text;
    this.#length = codePoints(text);
  }
}

/** Order of event ids, `position.n`: negative when `a` comes before `b`. */
export function compareIds(a, b) {
  const [p1, n1] = a.split(".").map(Number);
  const [p2, n2] = b.split(".").map(Number);
  return p1 - p2 || n1 - n2;
}
