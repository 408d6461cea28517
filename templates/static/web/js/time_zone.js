// Proposes the browser's own time zone where nothing has been chosen yet.

"use strict";

for (const field of document.querySelectorAll("select[data-own-time-zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = [...field.options].some((option) => option.value === own);
  if (known && field.value === "UTC") field.value = own;
}
