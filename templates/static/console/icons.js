"use strict";

// Icons are words of a font ("smart_toy"): beside a label they would be read out with it.

document.addEventListener("DOMContentLoaded", () => {
  for (const icon of document.querySelectorAll(".material-symbols-outlined:not([aria-label])")) {
    const beside = icon.parentElement?.textContent.trim();
    if (beside && beside !== icon.textContent.trim()) icon.setAttribute("aria-hidden", "true");
  }
});
