"use strict";

// The page is hidden until Alpine has begun (unfold's x-cloak), and what is hidden takes no focus:
// a browser that happens to draw before that gives [autofocus] up. So it is put here.

document.addEventListener("alpine:initialized", () => {
  // After the page has come out, which Alpine has put into this same queue.
  queueMicrotask(() => {
    const free = !document.activeElement || document.activeElement === document.body;
    if (free) document.querySelector("[autofocus]")?.focus();
  });
});
