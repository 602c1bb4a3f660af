// The button that prints; without scripts the browser's own menu does. A print is noted at the
// node, so that it can be compared with the records later and waits for its stamped page.
(function () {
  "use strict";
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });
  var form = document.querySelector("[data-printed]");
  if (!form || typeof fetch !== "function") { return; }
  var isNoted = false;
  window.addEventListener("beforeprint", function () {
    if (isNoted) { return; }
    isNoted = true;
    fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin", redirect: "manual", keepalive: true })
      .catch(function () { isNoted = false; });
  });
})();
// On a phone a wide table scrolls in its part of the sheet: by keyboard too.
function reach() {
  document.querySelectorAll("section").forEach((part) => {
    if (part.scrollWidth > part.clientWidth) { part.tabIndex = 0; } else { part.removeAttribute("tabindex"); }
  });
}
reach();
addEventListener("resize", reach);
