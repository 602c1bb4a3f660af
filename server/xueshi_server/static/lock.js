// Whoever has gone away is logged out by the node; then the page must not stay on the screen.
// A form that somebody has begun to fill in is left as it is: the node has ended the session anyway.
(() => {
  const idle = Number(document.currentScript.dataset.idle) * 1000 + 30000;
  let last = Date.now();
  let begun = false;
  for (const name of ["keydown", "pointerdown", "scroll"]) {
    addEventListener(name, () => { last = Date.now(); }, { passive: true });
  }
  addEventListener("input", () => { begun = true; });
  addEventListener("submit", () => { begun = false; });
  const look = () => {
    if (!begun && Date.now() - last > idle) location.replace(location.pathname);
  };
  setInterval(look, 15000);
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
})();
