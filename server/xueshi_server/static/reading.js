// Says once a minute that the page is open, in front, and that somebody is there. The node counts.
(() => {
  const place = document.getElementById("reading");
  const said = document.getElementById("read-minutes");
  const { beat, every, text, csrf } = place.dataset;
  const AWAY_MS = 5 * 60 * 1000;
  let seen = Date.now();
  for (const name of ["pointerdown", "keydown", "scroll", "touchstart"]) {
    addEventListener(name, () => { seen = Date.now(); }, { passive: true, capture: true });
  }
  // Inside a frame nothing is heard; while it has the focus, turning its pages counts as being there.
  addEventListener("blur", () => { if (document.activeElement?.tagName === "IFRAME") { seen = Date.now(); } });
  function isThere() {
    const plays = Array.from(document.querySelectorAll("video, audio")).some((each) => !each.paused);
    return document.visibilityState === "visible" && (plays || Date.now() - seen < AWAY_MS);
  }
  async function tell() {
    if (!isThere()) { return; }
    try {
      const answer = await fetch(beat, { method: "POST", credentials: "same-origin", body: new URLSearchParams({ csrf }) });
      const { minutes } = await answer.json();
      if (minutes > 0) { said.textContent = text.replace("{n}", minutes); }
    } catch { /* The next sign comes in a minute. */ }
  }
  tell();
  setInterval(tell, Number(every) * 1000);
})();
