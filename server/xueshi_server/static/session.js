// The session page by keyboard, with counts, initials, drafts and a look ahead. All of it is help:
// without this file the same form is sent, looked over and asked about by the node.
(function () {
  "use strict";
  var form = document.getElementById("session");
  if (!form) { return; }
  document.documentElement.classList.add("with-script");
  var list = document.getElementById("roster");
  var rows = Array.from(list.children);
  var find = document.getElementById("find");
  var findings = document.getElementById("findings");
  var kept = document.getElementById("kept");
  var hours = form.elements.minutes;
  var save = form.querySelector(".save");
  var pointer = form.querySelector(".look");

  // Of many people the page has the names; hours of one's own and who lectured are added here.
  var part = document.getElementById("own-part");
  if (part) {
    rows.forEach(function (row) {
      if (row.querySelector(".own")) { return; }
      var label = row.querySelector(".name");
      var apart = row.querySelector(".apart");
      var who = row.querySelector("b").textContent + (apart ? " " + apart.textContent : "");
      var copy = part.content.firstElementChild.cloneNode(true);
      copy.querySelectorAll("input").forEach(function (input) {
        input.name = input.name.replace("{rec}", row.querySelector('[name="person"]').value);
        var said = input.getAttribute("aria-label");
        if (said) { input.setAttribute("aria-label", said.replace("{name}", who)); }
      });
      label.insertAdjacentElement("afterend", copy);
    });
  }

  function tick(row) { return row.querySelector('[name="person"]'); }
  function own(row) { return row.querySelector('[name^="hours-"]'); }
  function given(row) { return row.querySelector('[name^="given-"]'); }
  function number(text) {
    var value = Number(String(text).trim().replace("\uff0e", "."));
    return text !== "" && isFinite(value) ? value : 0;
  }
  function told(value) { return String(Math.round(value * 100) / 100); }
  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, function (whole, name) { return name in values ? values[name] : whole; });
  }

  // ---- looking for people: by name, number, initials or whole sounds, as the roster page does
  function bare(text) { return text.toLowerCase().replace(/['\u2019\u02bc\s\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65\uff0e.-]/g, ""); }
  rows.forEach(function (row) {
    row.words = [bare(row.querySelector("b").textContent), bare(row.querySelector("small").textContent)];
    row.sounds = (row.dataset.r || "").split(" ").map(function (some) { return some.split("/"); });
  });
  function fits(sounds, at, letters) {
    if (letters === "") { return true; }
    if (at === sounds.length) { return false; }
    return sounds[at].some(function (sound) {
      if (sound.indexOf(letters) === 0) { return true; }
      return [1, sound.charAt(1) === "h" ? 2 : 1, sound.length].some(function (length) {
        return letters.indexOf(sound.slice(0, length)) === 0 && fits(sounds, at + 1, letters.slice(length));
      });
    });
  }
  function isWanted(row, wanted) {
    if (row.words.some(function (text) { return text.indexOf(wanted) >= 0; })) { return true; }
    return /^[a-z]+$/.test(wanted) && row.sounds.some(function (_, at) { return fits(row.sounds, at, wanted); });
  }
  function narrow() {
    var wanted = bare(find.value);
    var shown = 0;
    rows.forEach(function (row) {
      row.hidden = wanted !== "" && !isWanted(row, wanted);
      shown += row.hidden ? 0 : 1;
    });
    document.getElementById("nobody").hidden = shown > 0;
    rove();
  }
  var order = document.getElementById("order");
  order.addEventListener("change", function () {
    var at = order.selectedIndex;
    function place(row) { return Number(row.dataset.o.split(" ")[at]); }
    rows.sort(function (one, other) { return place(one) - place(other); });
    rows.forEach(function (row) { list.appendChild(row); });
    document.cookie = "xueshi_order=" + order.value + "; path=/; max-age=100000000; samesite=lax";
    rove(rows.filter(function (row) { return !row.hidden; })[0]);
  });

  // ---- counts
  function refresh() {
    var usual = number(hours.value);
    var lecture = form.elements.lecturer_hours ? number(form.elements.lecturer_hours.value) || usual : usual;
    var people = 0, sum = 0, lecturers = 0, taught = 0;
    rows.forEach(function (row) {
      var teaches = given(row) && given(row).checked;
      var each = teaches ? lecture : usual;
      own(row).placeholder = each ? told(each) : "–";
      if (!tick(row).checked) { return; }
      each = number(own(row).value) || each;
      if (teaches) { lecturers += 1; taught += each; } else { people += 1; sum += each; }
    });
    var gone = form.querySelectorAll("[data-left]:checked").length;
    people += gone;
    sum += gone * usual;
    var output = form.querySelector(".sum");
    var text = fill(output.dataset.people, { n: people, hours: told(sum) });
    if (lecturers) { text += fill(output.dataset.lecture, { n: lecturers, hours: told(taught) }); }
    output.textContent = people + lecturers ? text : "";
    var asks = findings.querySelector('[name="seen"]');
    save.textContent = asks ? save.dataset.anyway
      : people + lecturers ? fill(save.dataset.count, { n: people + lecturers }) : save.dataset.plain;
    var count = findings.querySelectorAll("li").length;
    pointer.hidden = count === 0;
    pointer.textContent = fill(pointer.dataset.text, { n: count });
    form.querySelectorAll("[data-hours]").forEach(function (chip) {
      chip.setAttribute("aria-pressed", String(number(chip.dataset.hours) === usual));
    });
    var all = form.querySelector("[data-all]");
    var shown = rows.filter(function (row) { return !row.hidden; });
    all.checked = shown.length > 0 && shown.every(function (row) { return tick(row).checked; });
  }
  form.querySelectorAll("[data-hours]").forEach(function (chip) {
    chip.addEventListener("click", function () { hours.value = chip.dataset.hours; changed(); });
  });

  // ---- the day of the week beside the date
  var day = form.elements.date;
  var weekday = document.createElement("output");
  weekday.className = "weekday";
  form.querySelector('label[for="f-date"]').appendChild(weekday);
  function nameDay() {
    var value = day.value ? new Date(day.value + "T12:00:00") : null;
    weekday.textContent = value && isFinite(value.getTime()) ? value.toLocaleDateString(document.documentElement.lang, { weekday: "short" }) : "";
  }

  // ---- the roster by keyboard: one stop for the tab key, arrows inside, digits are hours
  var current = null;
  function rove(row) {
    var shown = rows.filter(function (each) { return !each.hidden; });
    current = row || (shown.indexOf(current) >= 0 ? current : shown[0]) || null;
    rows.forEach(function (each) {
      each.querySelectorAll("input").forEach(function (input) { input.tabIndex = each === current ? 0 : -1; });
    });
  }
  function columns() {
    return getComputedStyle(list).gridTemplateColumns.split(" ").length;
  }
  function step(row, by) {
    var shown = rows.filter(function (each) { return !each.hidden; });
    var next = shown[shown.indexOf(row) + by];
    if (next) { rove(next); tick(next).focus(); }
  }
  var MOVES = { ArrowRight: function () { return 1; }, ArrowLeft: function () { return -1; },
    ArrowDown: columns, ArrowUp: function () { return -columns(); } };
  list.addEventListener("focusin", function (event) { rove(event.target.closest("li")); });
  list.addEventListener("keydown", function (event) {
    var row = event.target.closest("li");
    if (event.ctrlKey || event.altKey || event.metaKey || event.target !== tick(row)) { return; }
    if (MOVES[event.key]) {
      step(row, MOVES[event.key]());
    } else if (/^[1-9]$/.test(event.key)) {
      tick(row).checked = true;
      own(row).value = number(event.key) === number(hours.value) ? "" : event.key;
      changed();
    } else if (event.key === "0" || event.key === "Backspace") {
      tick(row).checked = false;
      own(row).value = "";
      changed();
    } else if (event.key.toLowerCase() === "a") {
      var all = rows.every(function (each) { return each.hidden || tick(each).checked; });
      rows.forEach(function (each) { if (!each.hidden) { tick(each).checked = !all; } });
      changed();
    } else if (event.key.toLowerCase() === "l" && given(row)) {
      tick(row).checked = true;
      given(row).checked = !given(row).checked;
      changed();
    } else if (event.key === "/") {
      find.focus();
    } else { return; }
    event.preventDefault();
  });
  find.addEventListener("input", function () { narrow(); refresh(); });
  find.addEventListener("keydown", function (event) {
    var shown = rows.filter(function (row) { return !row.hidden; });
    if (event.isComposing || event.keyCode === 229) { return; }
    if (event.key === "Enter" && find.value.trim() !== "") {
      event.preventDefault();
      if (shown.length) { tick(shown[0]).checked = !tick(shown[0]).checked; find.value = ""; narrow(); changed(); }
    } else if (event.key === "Escape") {
      find.value = ""; narrow(); refresh();
    } else if (event.key === "ArrowDown" && shown.length) {
      event.preventDefault(); rove(shown[0]); tick(shown[0]).focus();
    }
  });
  // Enter saves from any other field; a new line in a long text takes Shift.
  form.addEventListener("keydown", function (event) {
    var kind = event.target.tagName;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && (kind === "TEXTAREA" || kind === "SELECT")) {
      event.preventDefault();
      form.requestSubmit(form.querySelector(".first"));
    }
  });

  // ---- what is typed is kept on the node, and looked over
  var DRAFT_MS = 2000, AGAIN_MS = 3000, CHECK_MS = 500;
  var dirty = false, sent = false, checking = 0, asked = 0, keeping = false, out = false;
  function sendTo(address, more) {
    return fetch(address, Object.assign({ method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" }, more));
  }
  function say(text, bad) {
    kept.textContent = text;
    kept.classList.toggle("bad", Boolean(bad));
  }
  // After a new log-in of the same person the page goes on with the new token of its form.
  function renew() {
    return fetch(form.action + "?new=1", { credentials: "same-origin" }).then(function (answer) {
      return answer.redirected ? "" : answer.text();
    }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("session");
      if (fresh && fresh.dataset.account === form.dataset.account) {
        out = false;
        document.querySelectorAll('[name="csrf"]').forEach(function (field) { field.value = fresh.elements.csrf.value; });
      }
    });
  }
  function keep() {
    if (!dirty || sent || keeping) { return; }
    dirty = false;
    keeping = true;
    (out ? renew() : Promise.resolve()).then(function () {
      return sendTo(form.dataset.draft);
    }).then(function (answer) {
      keeping = false;
      if (answer.redirected || answer.status === 403) { out = dirty = true; say(form.dataset.out, true); return; }
      if (!answer.ok) { throw new Error(String(answer.status)); }
      say(fill(form.dataset.saved, { time: new Date().toTimeString().slice(0, 8) }));
    }).catch(function () {
      keeping = false;
      dirty = true;
      say(form.dataset.lost, true);
    });
  }
  function look() {
    var enough = form.elements.title.value.trim() && day.value && hours.value.trim() && rows.some(function (row) { return tick(row).checked; });
    var mine = ++asked;
    if (!enough) { show(""); return; }
    sendTo(form.dataset.check).then(function (answer) {
      return answer.ok && !answer.redirected ? answer.text() : null;
    }).then(function (text) {
      if (text !== null && mine === asked && !sent) { show(text); }
    }).catch(function () { /* It is looked over again when it is sent. */ });
  }
  function show(text) {
    var keeps = findings.querySelector('[name="keep"]');
    var wanted = keeps && keeps.checked;
    findings.innerHTML = text.trim();
    keeps = findings.querySelector('[name="keep"]');
    if (keeps) { keeps.checked = Boolean(wanted); }
    flag();
    refresh();
  }
  function flag() {
    var about = {};
    findings.querySelectorAll("[data-people]").forEach(function (item) {
      item.dataset.people.split(" ").forEach(function (rec) { about[rec] = true; });
    });
    rows.forEach(function (row) { row.classList.toggle("flag", Boolean(about[tick(row).value])); });
  }
  function changed() {
    dirty = true;
    refresh();
    window.clearTimeout(checking);
    checking = window.setTimeout(look, CHECK_MS);
    window.setTimeout(keep, DRAFT_MS);
  }
  form.addEventListener("input", function (event) {
    if (event.target === find || event.target === order || event.target.dataset.all) { return; }
    if (event.target === day) { nameDay(); }
    if (findings.contains(event.target)) { dirty = true; return; }
    changed();
  });
  form.addEventListener("change", function (event) {
    if (event.target.dataset.all) { window.setTimeout(changed, 0); }
  });
  // Whoever has not come past the findings is taken there first; the next time it is sent.
  var looked = "";
  function isInView(part) {
    var place = part.getBoundingClientRect();
    return place.top >= 0 && place.bottom <= document.querySelector(".bar-save").getBoundingClientRect().top + 1;
  }
  document.addEventListener("submit", function (event) {
    var asks = findings.querySelector('[name="seen"]');
    if (event.target !== form) { return; }
    if (asks && looked !== asks.value && !isInView(findings) && !findings.contains(event.submitter)) {
      looked = asks.value;
      event.preventDefault();
      event.stopPropagation();
      findings.scrollIntoView({ block: "center" });
      findings.focus({ preventScroll: true });
      return;
    }
    sent = true;
  }, true);
  // Somebody else takes the next turn: the draft is on the disk before.
  window.addEventListener("xueshi:leave", function (event) {
    if (dirty && !sent) { dirty = false; event.detail.push(sendTo(form.dataset.draft)); }
  });
  document.getElementById("discard").addEventListener("submit", function () { sent = true; });
  window.setInterval(keep, AGAIN_MS);
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden" && dirty && !sent) { dirty = false; sendTo(form.dataset.draft, { keepalive: true }).catch(function () { dirty = true; }); }
  });
  window.addEventListener("pageshow", function (event) { if (event.persisted && sent) { window.location.reload(); } });

  ["session_starts", "session_ends"].forEach(function (name) {
    var clock = form.elements[name];
    if (!clock) { return; }
    clock.addEventListener("change", function () {
      var match = /^(\d{1,2})(?:[^\d]?(\d{2}))?$/.exec(clock.value.trim());
      if (match && Number(match[1]) < 24 && Number(match[2] || 0) < 60) { clock.value = ("0" + match[1]).slice(-2) + ":" + (match[2] || "00"); }
    });
  });
  if ("copied" in form.dataset) {
    form.elements.title.addEventListener("focus", function () { this.select(); }, { once: true });
  }
  var wrong = form.querySelector("[aria-invalid]");
  if (wrong) { wrong.focus(); }
  rove(wrong && list.contains(wrong) ? wrong.closest("li") : null);
  nameDay();
  flag();
  refresh();
  if (!findings.firstElementChild && rows.some(function (row) { return tick(row).checked; })) { look(); }
})();
