// Whoever has gone away is logged out by the node; then the page must not stay on the screen.
// What was typed has been kept meanwhile, and stands there again after the PIN or the password.
(() => {
  const { idle, page } = document.currentScript.dataset;
  const idleMs = Number(idle) * 1000 + 30000;
  let last = Date.now();
  let locking = false;
  for (const name of ["keydown", "pointerdown", "scroll"]) {
    addEventListener(name, () => { last = Date.now(); }, { passive: true });
  }
  const look = async () => {
    if (locking || Date.now() - last <= idleMs) { return; }
    locking = true;
    const waits = [];
    dispatchEvent(new CustomEvent("xueshi:leave", { detail: waits }));
    try {
      await Promise.all(waits);
      // A node that does not answer would leave an error on the screen, and nothing to come back to.
      await fetch("/healthz", { cache: "no-store" });
      location.replace(page || location.pathname);
    } catch {
      locking = false;
    }
  };
  setInterval(look, 15000);
  addEventListener("pageshow", look);
  document.addEventListener("visibilitychange", look);
})();
