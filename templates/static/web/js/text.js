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

/**
 * Whether an event tells nothing that is new after the one with the id `last`.
 *
 * An id is `position.n`, and of a team `position.n~position.n...`: then it names besides what there
 * is of each message that others write meanwhile. One that is named no more has ended.
 */
export function isBehind(id, last) {
  const [[position, n], ...open] = places(id);
  const [[lastPosition, lastN], ...lastOpen] = places(last);
  const ahead = position - lastPosition || n - lastN;
  if (ahead) return ahead < 0;
  const had = new Map(open);
  return lastOpen.every(([at, length]) => had.has(at) && had.get(at) <= length);
}

function places(id) {
  return id.split("~").map((place) => place.split(".").map(Number));
}
