// Small helps for long lists; every page works without them.
(function () {
  "use strict";
  function boxes(name) {
    return Array.from(document.querySelectorAll('input[type=checkbox][name="' + name + '"]'));
  }
  function isShown(box) {
    return !box.closest("[hidden]");
  }
  function refresh(name) {
    var ticked = boxes(name).filter(function (box) { return box.checked; }).length;
    document.querySelectorAll('[data-count="' + name + '"]').forEach(function (place) {
      place.textContent = place.dataset.text.replace("{n}", ticked);
    });
    document.querySelectorAll('[data-all="' + name + '"]').forEach(function (all) {
      var shown = boxes(name).filter(isShown);
      all.checked = shown.length > 0 && shown.every(function (box) { return box.checked; });
    });
  }
  document.querySelectorAll("[data-script]").forEach(function (part) { part.hidden = false; });
  document.querySelectorAll("[data-all]").forEach(function (all) {
    var name = all.dataset.all;
    all.addEventListener("change", function () {
      boxes(name).filter(isShown).forEach(function (box) { box.checked = all.checked; });
      refresh(name);
    });
    boxes(name).forEach(function (box) {
      box.addEventListener("change", function () { refresh(name); });
    });
    refresh(name);
  });
  document.querySelectorAll("[data-filter]").forEach(function (field) {
    var list = document.getElementById(field.dataset.filter);
    field.addEventListener("input", function () {
      var wanted = field.value.trim().toLowerCase();
      Array.from(list.children).forEach(function (item) {
        item.hidden = wanted !== "" && !item.textContent.toLowerCase().includes(wanted);
      });
      refresh("person");
    });
    field.addEventListener("keydown", function (event) {
      if (event.key === "Enter") { event.preventDefault(); }
    });
  });
  // The menu of the person at the PC; what the one before typed is kept before the next takes over.
  var me = document.getElementById("me");
  var turn = document.getElementById("turn");
  if (me) {
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && me.open) { me.open = false; me.firstElementChild.focus(); }
    });
    document.addEventListener("click", function (event) {
      if (!me.contains(event.target)) { me.open = false; }
    });
  }
  if (turn) {
    me.addEventListener("toggle", function () {
      var chosen = turn.querySelector(":checked");
      if (me.open) { (chosen ? turn.elements.pin : turn.querySelector("[type=radio]")).focus(); }
    });
    turn.addEventListener("click", function (event) {
      // By mouse or finger; with the arrow keys one goes through the names first.
      if (event.target.type === "radio" && event.detail > 0) { turn.elements.pin.focus(); }
    });
    turn.addEventListener("submit", function (event) {
      var waits = [];
      var go = function () { turn.submit(); };
      event.preventDefault();
      window.dispatchEvent(new CustomEvent("xueshi:leave", { detail: waits }));
      Promise.all(waits).then(go, go);
    });
  }
  // A second click while the first is on its way would only be answered by the same records.
  document.querySelectorAll('form[method="post"]:not([data-download])').forEach(function (form) {
    form.addEventListener("submit", function () {
      window.setTimeout(function () {
        form.querySelectorAll("button").forEach(function (button) { button.disabled = true; });
      }, 0);
    });
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("button:disabled").forEach(function (button) { button.disabled = false; });
  });
})();
