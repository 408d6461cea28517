"use strict";

// Keeps live parts of the console up to date, without losing what the reader has opened.
//
// data-refresh="url": the element is replaced by what the url gives, every data-every milliseconds,
//   for as long as what comes still carries data-refresh (the server leaves it out at the end).
//   data-then-reload loads the page anew then, because its buttons have changed as well.
// data-refresh-page="selector": that part of this very page is fetched again.

(() => {
  const failuresAllowed = 20;

  function opened(root) {
    return new Map(
      [...root.querySelectorAll("details[data-key]")].map((node) => [node.dataset.key, node.open]),
    );
  }

  // Fold-outs, scroll positions and the focus stay where they were.
  function replace(old, fresh) {
    const state = opened(old);
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    const key = active?.closest("details[data-key]")?.dataset.key;
    const link = active?.getAttribute("href");
    const scrolled = [...old.querySelectorAll("pre, .cx-text")].map((node) => node.scrollTop);
    // Who shows more than what the server sent takes it over: see workflow-graph.js.
    old.dispatchEvent(new CustomEvent("console:replace", { bubbles: true, detail: { fresh } }));
    for (const node of fresh.querySelectorAll("details[data-key]")) {
      if (state.has(node.dataset.key)) node.open = state.get(node.dataset.key);
    }
    old.replaceWith(fresh);
    [...fresh.querySelectorAll("pre, .cx-text")].forEach((node, index) => {
      if (scrolled[index]) node.scrollTop = scrolled[index];
    });
    if (key) {
      const again = [...fresh.querySelectorAll("details[data-key]")].find((d) => d.dataset.key === key);
      again?.querySelector("summary")?.focus({ preventScroll: true });
    } else if (link) {
      [...fresh.querySelectorAll("a[href]")]
        .find((a) => a.getAttribute("href") === link)
        ?.focus({ preventScroll: true });
    }
  }

  async function page(url) {
    const answer = await fetch(url, { headers: { "X-Requested-With": "refresh" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  // `sent`: what the server gave last, before scripts changed anything in it.
  function follow(element, failures = 0, sent = element.outerHTML) {
    const every = Number(element.dataset.every) || 2000;
    setTimeout(async () => {
      if (!element.isConnected) return;
      if (document.hidden) return follow(element, failures, sent);
      try {
        const fresh = (await page(element.dataset.refresh)).getElementById(element.id);
        if (!fresh) throw new Error("part is missing");
        const now = fresh.outerHTML;
        if (now === sent) return follow(element, 0, sent);
        if (element.hasAttribute("data-then-reload") && !fresh.dataset.refresh) {
          return location.reload();
        }
        const adopted = document.adoptNode(fresh);
        replace(element, adopted);
        if (adopted.dataset.refresh) follow(adopted, 0, now);
      } catch {
        // A server that is away for a moment must not stop the page for good.
        if (failures < failuresAllowed) follow(element, failures + 1, sent);
      }
    }, every);
  }

  function followPage(marker, failures = 0) {
    const selector = marker.dataset.refreshPage;
    setTimeout(async () => {
      if (!marker.isConnected) return;
      const target = document.querySelector(selector);
      // Whoever is choosing rows or typing isn't interrupted.
      const busy = target?.querySelector("input:checked") || target?.contains(document.activeElement);
      if (document.hidden || busy) return followPage(marker, failures);
      try {
        const fresh = (await page(location.href)).querySelector(selector);
        if (target && fresh && fresh.innerHTML !== target.innerHTML) {
          target.replaceChildren(...[...document.adoptNode(fresh).childNodes]);
        }
        followPage(marker);
      } catch {
        if (failures < failuresAllowed) followPage(marker, failures + 1);
      }
    }, Number(marker.dataset.every) || 2500);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-refresh]")) follow(element);
    for (const marker of document.querySelectorAll("[data-refresh-page]")) followPage(marker);
  });
})();
