// Markdown from a model, made safe: no HTML of its own, no scripts, no request to anywhere.

const { markdownit, DOMPurify } = window;

const md = markdownit({ html: false, linkify: true, breaks: true });
// Only what is written as an address becomes a link: "notes.py" is a file, not a site in Paraguay.
md.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

// An image would be fetched from wherever the model says, and tell that host who reads: a link.
md.renderer.rules.image = (tokens, index, options, env, self) => {
  const token = tokens[index];
  const source = token.attrGet("src") ?? "";
  const text = self.renderInlineAsText(token.children ?? [], options, env) || source;
  const { escapeHtml } = md.utils;
  return `<a href="${escapeHtml(source)}">${escapeHtml(`Image: ${text}`)}</a>`;
};
// Inside a link it stays text: links don't nest.
md.core.ruler.push("plain_images_in_links", (state) => {
  for (const block of state.tokens) {
    let depth = 0;
    for (const token of block.children ?? []) {
      if (token.type === "link_open") depth += 1;
      else if (token.type === "link_close") depth -= 1;
      else if (token.type === "image" && depth > 0) {
        token.type = "text";
        token.content = `Image: ${token.content}`;
      }
    }
  }
});
// Columns are aligned by a style attribute, which the page's policy forbids: by a class instead.
for (const rule of ["th_open", "td_open"]) {
  md.renderer.rules[rule] = (tokens, index, options, _env, self) => {
    const token = tokens[index];
    const side = /text-align:(left|right|center)/.exec(token.attrGet("style") ?? "")?.[1];
    token.attrs = side ? [["class", `align-${side}`]] : null;
    return self.renderToken(tokens, index, options);
  };
}

const ALLOWED = {
  ALLOWED_TAGS: [
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "a", "table", "thead", "tbody", "tr", "th", "td",
  ],
  ALLOWED_ATTR: ["href", "title", "class", "start"],
  ADD_URI_SAFE_ATTR: ["start"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName !== "A") return;
  if (!node.hasAttribute("href")) return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** A document fragment for the text. */
export function render(text) {
  const fragment = DOMPurify.sanitize(md.render(text), ALLOWED);
  fragment.querySelectorAll("pre").forEach(dressCode);
  fragment.querySelectorAll("table").forEach(dressTable);
  return fragment;
}

function dressCode(pre) {
  const box = document.createElement("div");
  box.className = "code";
  const head = document.createElement("div");
  head.className = "code-head";
  const language = document.createElement("span");
  language.textContent = /language-([\w+#.-]{1,30})/.exec(pre.firstElementChild?.className)?.[1] ?? "";
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "button quiet";
  copy.dataset.copyCode = "";
  copy.textContent = "Copy";
  head.append(language, copy);
  pre.replaceWith(box);
  pre.tabIndex = 0;
  box.append(head, pre);
}

function dressTable(table) {
  const box = document.createElement("div");
  box.className = "table";
  box.tabIndex = 0;
  table.replaceWith(box);
  box.append(table);
}

/**
 * Draws a growing text once a frame. Finished blocks stay as they are and only the last part is
 * drawn anew, so that a long answer doesn't cost more with every piece.
 */
export class GrowingMarkdown {
  #element;
  #tail = document.createElement("div");
  #text = "";
  #settled = 0; // UTF-16 units of the text whose blocks are drawn for good
  #frame = 0;

  constructor(element) {
    this.#element = element;
    this.#tail.className = "tail";
  }

  update(text) {
    if (!text.startsWith(this.#text.slice(0, this.#settled))) this.#clear();
    this.#text = text;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** The whole text, drawn at once and as one document. */
  finish(text) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#text = text;
    this.#element.replaceChildren(render(text));
  }

  #clear() {
    this.#settled = 0;
    this.#element.replaceChildren();
  }

  #draw() {
    this.#frame = 0;
    const end = this.#settled + settledEnd(this.#text.slice(this.#settled));
    if (!this.#tail.isConnected) this.#element.append(this.#tail);
    if (end > this.#settled) {
      this.#tail.before(render(this.#text.slice(this.#settled, end)));
      this.#settled = end;
    }
    this.#tail.replaceChildren(render(this.#text.slice(end)));
  }
}

/** Where the last finished block ends: before a blank line outside a fence that begins a new block. */
function settledEnd(text) {
  let fence = "";
  let blank = false;
  let end = 0;
  let place = 0;
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (fence) {
      if (mark.startsWith(fence) && line.trim() === mark) fence = "";
    } else {
      // What goes on a list, a quote or an indented part belongs to what stands before it.
      if (blank && /^[^\s>|]/.test(line) && !/^([-*+]|\d{1,9}[.)])(\s|$)/.test(line)) end = place;
      if (mark) fence = mark;
    }
    blank = line.trim() === "";
    place += line.length + 1;
  }
  return end;
}

/** Draws stored texts below `root` that haven't been drawn yet. */
export function drawStored(root) {
  const found = [...root.querySelectorAll("[data-markdown]")];
  if (root.matches?.("[data-markdown]")) found.push(root);
  for (const element of found) {
    const text = element.textContent;
    element.removeAttribute("data-markdown");
    element.classList.add("drawn");
    element.replaceChildren(render(text));
    sources.set(element, text);
  }
}

/** The markdown that an element was drawn from, for copying. */
export const sources = new WeakMap();
