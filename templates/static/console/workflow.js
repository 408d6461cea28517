"use strict";

// A workflow's text: its lines are numbered, and the server says what is wrong on which and draws it.

(() => {
  const pause = 350; // milliseconds without a key before the server is asked

  function number(root, bad) {
    const text = root.querySelector("textarea");
    const lines = root.querySelector("[data-lines]");
    const wanted = text.value.split("\n").length;
    while (lines.childElementCount > wanted) lines.lastElementChild.remove();
    while (lines.childElementCount < wanted) {
      const line = document.createElement("div");
      line.textContent = String(lines.childElementCount + 1);
      lines.append(line);
    }
    if (bad) {
      [...lines.children].forEach((line, index) => {
        line.classList.toggle("wf-bad", bad.has(index + 1));
        line.title = bad.get(index + 1) ?? "";
      });
    }
    lines.scrollTop = text.scrollTop;
  }

  function goTo(root, line, column) {
    const text = root.querySelector("textarea");
    const lines = text.value.split("\n");
    const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const start = before + Math.min(Math.max(column - 1, 0), (lines[line - 1] ?? "").length);
    text.focus();
    text.setSelectionRange(start, before + (lines[line - 1] ?? "").length);
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, (line - 4) * height);
  }

  function problem(root, one) {
    const button = document.createElement("button");
    button.type = "button";
    const place = document.createElement("strong");
    place.textContent = `Line ${one.line}: `;
    button.append(place, one.node ? `${one.node}: ` : "", one.message);
    button.addEventListener("click", () => goTo(root, one.line, one.column));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function say(root, text, wrong) {
    const said = root.querySelector("[data-said]");
    said.textContent = text;
    said.classList.toggle("cx-error-text", wrong);
  }

  function show(root, answer) {
    const text = root.querySelector("textarea");
    const bad = new Map();
    for (const one of answer.problems) bad.set(one.line, `${bad.get(one.line) ?? ""} ${one.message}`.trim());
    number(root, bad);
    root.querySelector("[data-problems]").replaceChildren(...answer.problems.map((one) => problem(root, one)));
    if (answer.problems.length) text.setAttribute("aria-invalid", "true");
    else text.removeAttribute("aria-invalid");
    const count = answer.problems.length;
    const wrong = `${count} ${count === 1 ? "problem" : "problems"}`;
    const size = `${answer.nodes} ${answer.nodes === 1 ? "node" : "nodes"} in ${answer.phases} ${answer.phases === 1 ? "phase" : "phases"}`;
    if (!answer.svg) say(root, `${wrong}: it can't be saved like this.`, true);
    else if (count) say(root, `${size}. ${wrong}: it can be saved, but not published.`, true);
    else say(root, `${size}. It can be published.`, false);
    const pan = root.querySelector("[data-pan]");
    pan.classList.toggle("wf-old", !answer.svg);
    if (answer.svg) {
      const view = pan.closest("[data-graph]");
      const within = pan.contains(document.activeElement);
      pan.innerHTML = answer.svg; // made by the server, every text in it escaped
      view.dispatchEvent(new CustomEvent("workflow:drawn", { bubbles: true }));
      if (within) pan.querySelector(".wf-node[tabindex='0']")?.focus();
    }
  }

  async function look(root) {
    const text = root.querySelector("textarea");
    const form = root.closest("form");
    const asked = text.value;
    const body = new URLSearchParams({
      text: asked,
      slug: form.querySelector("[name=slug]")?.value ?? "",
    });
    try {
      const answer = await fetch(root.dataset.preview, {
        method: "POST",
        body,
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      if (text.value === asked) show(root, found); // else it was written on meanwhile
    } catch {
      say(root, "It can't be checked right now; it will be when you save.", true);
    }
  }

  function prepare(root) {
    const text = root.querySelector("textarea");
    let timer = 0;
    text.addEventListener("input", () => {
      number(root);
      clearTimeout(timer);
      timer = setTimeout(() => look(root), pause);
    });
    text.addEventListener("scroll", () => {
      root.querySelector("[data-lines]").scrollTop = text.scrollTop;
    });
    root.addEventListener("click", (event) => {
      const node = event.target.closest?.(".wf-node[data-line]");
      if (node) goTo(root, Number(node.dataset.line), 1);
    });
    root.addEventListener("keydown", (event) => {
      const node = event.target.closest?.(".wf-node[data-line]");
      if (node && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        goTo(root, Number(node.dataset.line), 1);
      }
    });
    number(root);
    look(root);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("[data-workflow]")) prepare(root);
  });
})();
