// What is typed into a form is kept on the node every few seconds. It comes back when the same person
// opens the page again: after another person's turn, after a lock, after a power cut.
// Left out: secrets, files, and what is sealed to the county's key (data-private).
(() => {
  const { keep: address, page } = document.currentScript.dataset;
  const KEEP_MS = 2000;
  const forms = Array.from(document.querySelectorAll('main form[method="post"]'))
    .filter((form) => !form.enctype.startsWith("multipart") && !form.matches("#session, #discard, #left, [data-not-kept]"));
  // A page that came back with faults is filled with what was typed: all of it counts as begun.
  const wholly = document.querySelector("main [aria-invalid]") !== null;
  let dirty = false, sent = false, going = null;

  function fields(form) {
    const counts = {};
    return Array.from(form.elements).filter((each) => each.name && !each.matches(
      '[name="csrf"], [name="_page"], [type="password"], [type="file"], [type="submit"], button, fieldset, output, [data-private], [type="hidden"]:not([name="entry_id"])',
    )).map((each) => {
      const nth = counts[each.name] = (counts[each.name] ?? -1) + 1;
      return [each, `${each.name} ${nth}`];
    });
  }
  function isBox(field) { return field.type === "checkbox" || field.type === "radio"; }
  function value(field) {
    if (isBox(field)) { return field.checked; }
    return field.multiple ? Array.from(field.selectedOptions, (each) => each.value) : field.value;
  }
  function isChanged(field) {
    if (isBox(field)) { return field.checked !== field.defaultChecked; }
    if (field.options) { return Array.from(field.options).some((each) => each.selected !== each.defaultSelected); }
    return field.type !== "hidden" && field.value !== field.defaultValue;
  }
  function typed() {
    const found = {};
    forms.forEach((form, place) => {
      const all = fields(form), changed = all.filter(([field]) => isChanged(field));
      if (!changed.length) { return; }
      const told = wholly ? all : all.filter(([field]) => field.type === "hidden" || isChanged(field));
      found[`${place} ${form.getAttribute("action") ?? ""}`] = told.map(([field, name]) => [name, value(field)]);
    });
    return found;
  }
  function keep(more) {
    const found = typed();
    if (!dirty || sent || !page || !Object.keys(found).length) { return Promise.resolve(); }
    dirty = false;
    const body = new URLSearchParams({
      csrf: document.querySelector('[name="csrf"]').value, _page: page, typed: JSON.stringify(found),
    });
    going = new AbortController();
    return fetch(address, { method: "POST", body, credentials: "same-origin", signal: going.signal, ...more })
      .then((answer) => { if (answer.redirected || !answer.ok) { throw new Error(String(answer.status)); } })
      .catch(() => { dirty = !sent; });
  }

  function put(field, told) {
    if (isBox(field)) { field.checked = told === true; }
    else if (field.multiple) { for (const each of field.options) { each.selected = told.includes(each.value); } }
    else { field.value = told; }
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  function putBack(form, told) {
    const known = new Map(fields(form).map(([field, name]) => [name, field]));
    const found = told.filter(([name]) => known.has(name));
    for (const [name, each] of found) { put(known.get(name), each); }
    for (let part = form; found.length && part; part = part.parentElement) { if (part.tagName === "DETAILS") { part.open = true; } }
    return found.length > 0;
  }
  const left = document.getElementById("left");
  if (left) {
    let told = {};
    try { told = JSON.parse(left.dataset.typed); } catch { /* Written by another version: not put back. */ }
    const done = forms.map((form, place) => {
      const mine = told[`${place} ${form.getAttribute("action") ?? ""}`];
      return Array.isArray(mine) && putBack(form, mine);
    });
    left.hidden = !done.includes(true);
  }

  for (const form of forms) {
    form.addEventListener("input", () => { dirty = true; setTimeout(keep, KEEP_MS); });
    form.addEventListener("submit", () => {
      if (!form.elements._page && page) {
        const mark = Object.assign(document.createElement("input"), { type: "hidden", name: "_page", value: page });
        form.append(mark);
      }
      sent = true;
      going?.abort();
    });
  }
  setInterval(keep, 3 * KEEP_MS);
  // Somebody else takes the next turn, or the screen is locked.
  addEventListener("xueshi:leave", (event) => { event.detail.push(keep()); });
  addEventListener("pageshow", () => { sent = false; });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") { keep({ keepalive: true }); }
  });
})();
