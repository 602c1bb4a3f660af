// Shows the text as readers will see it without leaving the form; without a script a page does it.
(() => {
  const form = document.getElementById("write");
  const seen = document.getElementById("seen");
  const button = document.getElementById("preview");
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, body: form.elements.body.value });
    try {
      const answer = await fetch(button.formAction, {
        method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json" },
      });
      seen.querySelector("article").innerHTML = (await answer.json()).html;
      seen.hidden = false;
      seen.scrollIntoView({ block: "nearest" });
    } catch {
      form.requestSubmit(button);
    }
  });
})();
