"use strict";

// data-copy="id": the button copies the field with this id; data-copied says so.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // a plain http host has no clipboard interface
  }
  const said = document.querySelector("[data-copied]");
  if (said) said.hidden = false;
});
