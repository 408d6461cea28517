"use strict";

// Rows of conditions: added, taken away, and checked by the server while they are written.

(() => {
  const pause = 300; // milliseconds without a key before the server is asked

  function tool(root) {
    return root.closest("form")?.querySelector("[name=tool]")?.value ?? "";
  }

  function say(row, text, wrong) {
    const verdict = row.querySelector(".cx-verdict");
    const when = row.querySelector("textarea");
    verdict.textContent = text;
    verdict.classList.toggle("cx-error-text", wrong);
    if (wrong) when.setAttribute("aria-invalid", "true");
    else when.removeAttribute("aria-invalid");
  }

  function place(issue) {
    return issue.line > 1 ? `Line ${issue.line}, column ${issue.column}` : `Column ${issue.column}`;
  }

  async function check(root, row) {
    const when = row.querySelector("textarea");
    const asked = when.value;
    if (!asked.trim()) return say(row, "", false);
    const body = new URLSearchParams({ tool: tool(root), when: asked });
    try {
      const answer = await fetch(root.dataset.check, {
        method: "POST",
        body,
        headers: { "X-CSRFToken": root.closest("form").querySelector("[name=csrfmiddlewaretoken]").value },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const { issues } = await answer.json();
      if (when.value !== asked) return; // it was written on meanwhile
      const text = issues.map((issue) => `${place(issue)}: ${issue.message}`).join(" ");
      say(row, text || "This can be asked.", issues.length > 0);
    } catch {
      say(row, "It can't be checked right now; it will be when you save.", false);
    }
  }

  function number(root) {
    const rows = [...root.querySelectorAll(".cx-condition")];
    rows.forEach((row, index) => {
      row.setAttribute("aria-label", `Condition ${index + 1}`);
      row.querySelector("textarea").id = `${root.id}_${index}_when`;
    });
    root.querySelector("[data-add]").disabled = rows.length >= Number(root.dataset.most);
  }

  function prepare(root) {
    const add = root.querySelector("[data-add]");
    const empty = root.querySelector("[data-empty]");
    empty.removeAttribute("data-empty");
    const blank = empty.cloneNode(true);
    empty.remove();
    const timers = new WeakMap();

    function later(row) {
      clearTimeout(timers.get(row));
      timers.set(row, setTimeout(() => check(root, row), pause));
    }
    function ready(row) {
      row.querySelector("[data-remove]").hidden = false;
      row.querySelector("textarea").addEventListener("input", () => later(row));
    }
    for (const row of root.querySelectorAll(".cx-condition")) {
      ready(row);
      check(root, row);
    }
    add.hidden = false;
    add.addEventListener("click", () => {
      const row = blank.cloneNode(true);
      add.parentElement.before(row);
      ready(row);
      number(root);
      row.querySelector("textarea").focus();
    });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove]");
      if (!button) return;
      button.closest(".cx-condition").remove();
      number(root);
      add.focus();
    });
    root.closest("form")?.querySelector("[name=tool]")?.addEventListener("change", () => {
      for (const row of root.querySelectorAll(".cx-condition")) check(root, row);
    });
    number(root);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("[data-conditions]")) prepare(root);
  });
})();
