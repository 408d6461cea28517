// Runs before the first paint, so that a chosen theme doesn't flash the other one.
"use strict";
(() => {
  const themes = ["system", "light", "dark"];
  const key = "theme";

  function chosen() {
    try {
      const saved = localStorage.getItem(key);
      return themes.includes(saved) ? saved : "system";
    } catch {
      return "system"; // storage may be forbidden
    }
  }

  function apply(theme) {
    document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const next = themes[(themes.indexOf(theme) + 1) % themes.length];
      button.setAttribute("aria-label", `Theme: ${theme}. Change to ${next}`);
      button.title = `Theme: ${theme}`;
      const use = button.querySelector("use");
      use?.setAttribute("href", use.getAttribute("href").replace(/#.*$/, `#${theme}`));
    }
  }

  apply(chosen());
  document.addEventListener("DOMContentLoaded", () => apply(chosen()));
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-toggle]")) return;
    const next = themes[(themes.indexOf(chosen()) + 1) % themes.length];
    try {
      localStorage.setItem(key, next);
    } catch {
      // it holds for this page then
    }
    apply(next);
  });
})();
