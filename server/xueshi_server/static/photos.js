// Photos are made small in the browser before they travel, and a claim keeps itself while it is
// being written. All of it is help: without this file the same forms send photos as they are, and
// the node makes them small.
(function () {
  "use strict";
  var SIDE = 1600, BYTES = 300000;
  var SMALL_ENOUGH = 200;
  function canShrink() {
    return typeof createImageBitmap === "function" && typeof HTMLCanvasElement.prototype.toBlob === "function";
  }
  // Upright: the browser turns the picture as the camera noted it, and the note itself stays behind.
  function decode(file) {
    return createImageBitmap(file, { imageOrientation: "from-image" }).catch(function () {
      return createImageBitmap(file);
    });
  }
  function draw(bitmap, most) {
    var scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
    var canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    var context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas;
  }
  function encode(canvas, quality) {
    return new Promise(function (resolve) { canvas.toBlob(resolve, "image/jpeg", quality); });
  }
  function shrinkTo(bitmap, side, quality) {
    return encode(draw(bitmap, side), quality).then(function (blob) {
      if (!blob) { throw new Error("no picture"); }
      if (blob.size <= BYTES || side < 400) { return blob; }
      return quality > 0.55 ? shrinkTo(bitmap, side, quality - 0.09) : shrinkTo(bitmap, side * 0.8, 0.82);
    });
  }
  // A small copy and a canvas to look at; whatever the browser cannot read goes as it is.
  function prepare(file) {
    if (!canShrink() || !/^image\//.test(file.type || "image/")) {
      return Promise.resolve({ file: file, canvas: null });
    }
    return decode(file).then(function (bitmap) {
      return shrinkTo(bitmap, SIDE, 0.82).then(function (blob) {
        var small = new File([blob], file.name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" });
        return { file: small, canvas: draw(bitmap, SMALL_ENOUGH) };
      });
    }).catch(function () { return { file: file, canvas: null }; });
  }
  function inTurn(list, work) {
    return list.reduce(function (before, each) {
      return before.then(function () { return work(each); });
    }, Promise.resolve());
  }

  // ---- plain forms: the chosen files are replaced by small ones
  document.querySelectorAll("[data-shrink]").forEach(function (input) {
    var shots = document.createElement("ul");
    shots.className = "shots";
    input.after(shots);
    input.addEventListener("change", function () {
      shots.replaceChildren();
      if (typeof DataTransfer !== "function") { return; }
      var kept = new DataTransfer();
      var button = input.form.querySelector("button:not([type=button])");
      button.disabled = true;
      inTurn(Array.from(input.files), function (file) {
        return prepare(file).then(function (done) {
          kept.items.add(done.file);
          if (done.canvas) { shots.append(framed(done.canvas)); }
        });
      }).then(function () {
        input.files = kept.files;
      }).catch(function () { /* As they are, then. */ }).then(function () { button.disabled = false; });
    });
  });
  function framed(canvas) {
    var item = document.createElement("li"), frame = document.createElement("span");
    frame.className = "shot";
    frame.append(canvas);
    item.append(frame);
    return item;
  }

  // ---- the claim: each photo goes to the node at once, and so does what is typed
  var form = document.getElementById("claim-form");
  if (!form || typeof fetch !== "function" || typeof FormData !== "function") { return; }
  var state = document.getElementById("draft-state");
  var list = document.getElementById("photos");
  var pick = document.getElementById("f-photo");
  var faults = document.getElementById("photo-faults");
  var turn = Promise.resolve(), timer = 0, isSent = false;

  function send(more) {
    var body = new FormData(form);
    body.delete("photo");
    more(body);
    return fetch(form.dataset.draft, {
      method: "POST", body: body, headers: { Accept: "application/json" }, credentials: "same-origin",
    }).then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.json();
    });
  }
  function keep() {
    window.clearTimeout(timer);
    timer = 0;
    turn = turn.then(function () {
      if (isSent) { return null; }
      return send(function () {}).then(function () { state.textContent = form.dataset.saved; });
    }).catch(function () { state.textContent = ""; });
  }
  form.addEventListener("input", function (event) {
    if (event.target === pick) { return; }
    state.textContent = "";
    window.clearTimeout(timer);
    timer = window.setTimeout(keep, 1500);
  });
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden" && timer) { keep(); }
  });
  form.addEventListener("submit", function () {
    window.clearTimeout(timer);
    isSent = true;
  });
  window.addEventListener("pageshow", function () { isSent = false; });
  if (!list) { return; }

  document.documentElement.classList.add("with-photos");
  function say(name, text) {
    var line = document.createElement("p"), bold = document.createElement("b");
    line.className = "fault";
    bold.textContent = name;
    line.append(bold, " " + text);
    faults.append(line);
  }
  function show(answer) {
    list.replaceChildren();
    answer.photos.forEach(function (each, place) {
      var item = document.createElement("li"), link = document.createElement("a");
      var image = document.createElement("img"), drop = document.createElement("button");
      link.className = "shot";
      link.href = each.url;
      image.src = each.small;
      image.width = each.width;
      image.height = each.height;
      image.alt = form.dataset.photo.replace("{n}", place + 1);
      link.append(image);
      drop.type = "submit";
      drop.className = "link danger";
      drop.name = "drop";
      drop.value = each.file;
      drop.formAction = form.dataset.draft;
      drop.formNoValidate = true;
      drop.textContent = form.dataset.remove;
      item.append(link, drop);
      list.append(item);
    });
    answer.faults.forEach(function (each) { say(each.name, each.text); });
    limit();
    state.textContent = form.dataset.saved;
  }
  function limit() {
    pick.disabled = list.children.length >= Number(form.dataset.most);
  }
  function add(file) {
    return prepare(file).then(function (done) {
      var item = done.canvas ? framed(done.canvas) : document.createElement("li");
      if (done.canvas) { item.firstChild.classList.add("busy"); }
      list.append(item);
      return send(function (body) { body.append("photo", done.file, done.file.name); }).then(show, function () {
        item.remove();
        say(file.name, form.dataset.failed);
      });
    });
  }
  pick.addEventListener("change", function () {
    var chosen = Array.from(pick.files);
    pick.value = "";
    faults.replaceChildren();
    state.textContent = form.dataset.working;
    var sending = form.querySelectorAll(".actions button");
    sending.forEach(function (button) { button.disabled = true; });
    turn = turn.then(function () { return inTurn(chosen, add); }).then(function () {
      if (state.textContent === form.dataset.working) { state.textContent = ""; }
      sending.forEach(function (button) { button.disabled = false; });
    });
  });
  // One press is enough: the photo goes away at once, the rest stays as it is typed.
  list.addEventListener("click", function (event) {
    var drop = event.target.closest("button[name=drop]");
    if (!drop) { return; }
    event.preventDefault();
    faults.replaceChildren();
    turn = turn.then(function () {
      return send(function (body) { body.set("drop", drop.value); }).then(show, function () {
        say("", form.dataset.failed);
      });
    });
  });
  limit();
})();
