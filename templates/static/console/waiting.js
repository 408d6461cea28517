"use strict";

// data-waiting="url": the number of approvals that wait for whoever is signed in, kept up to date.

(() => {
  const EVERY = 8_000;
  const FAILURES_ALLOWED = 20;

  async function show(element, failures = 0) {
    let failed = failures;
    if (!document.hidden) {
      try {
        const answer = await fetch(element.dataset.waiting, { headers: { Accept: "application/json" } });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        draw(element, (await answer.json()).waiting);
        failed = 0;
      } catch {
        failed += 1; // a server that is away for a moment is asked again
      }
    }
    if (failed < FAILURES_ALLOWED) setTimeout(() => show(element, failed), EVERY);
  }

  function draw(element, number) {
    element.hidden = number === 0;
    element.textContent = String(number);
    element.title = `${number} waiting for you to decide`;
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-waiting]")) {
      show(element);
      // What is decided on this page counts at once.
      document.addEventListener("concord:decided", async () => {
        const answer = await fetch(element.dataset.waiting);
        if (answer.ok && !answer.redirected) draw(element, (await answer.json()).waiting);
      });
    }
  });
})();
