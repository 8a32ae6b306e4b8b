// Endpoints are added, tested, paused and removed; deliveries are sent again.
"use strict";

const ends = {
  name: "",

  address(call = "") {
    return `/v1/endpoints/${encodeURIComponent(this.name)}${call}`;
  },

  add(form) {
    const given = form.elements;
    const wanted = {
      name: given.name.value.trim(), address: given.address.value.trim(), format: given.format.value || null,
      events: [...form.querySelectorAll('[name="events"]:checked')].map((one) => one.value),
      labels: given.labels.value.split(",").map((one) => one.trim()).filter(Boolean),
    };
    return dashplate.attempt(form, async () => {
      const made = await dashplate.call("POST", "/v1/endpoints", wanted);
      document.getElementById("add").close();
      if (made.secret) this.show(made.secret);
      else location.reload();
    });
  },

  show(secret) {
    document.getElementById("secret-text").value = secret;
    document.getElementById("secret").showModal();
  },

  ask(button) {
    this.name = button.closest("[data-name]").dataset.name;
    const title = document.querySelector(`#${button.dataset.asks} [data-says]`);
    title.textContent = title.dataset.says.replace("{name}", this.name);
    dashplate.open(button.dataset.asks);
  },

  sure(dialog) {
    const acts = {
      pause: () => dashplate.call("POST", `/endpoints/${encodeURIComponent(this.name)}/pause`),
      remove: () => dashplate.call("DELETE", this.address()),
      rotate: () => dashplate.call("POST", this.address("/rotate?overlap_s=" + document.getElementById("rotate-overlap").value)),
    };
    return dashplate.attempt(dialog, async () => {
      const said = await acts[dialog.id]();
      dialog.close();
      if (said) this.show(said.secret);
      else location.reload();
    });
  },

  test(button, panel) {
    const line = panel.querySelector(".answer");
    line.textContent = "…";
    return dashplate.attempt(button, async () => {
      const answer = await dashplate.call("POST", `/endpoints/${encodeURIComponent(this.name)}/test`);
      line.textContent = answer.said;
      line.classList.toggle("wrong", !answer.took);
    }, (sentence) => { line.textContent = sentence; });
  },

  enable(button) {
    return dashplate.attempt(button, async () => {
      await dashplate.call("POST", this.address("/enable"));
      location.reload();
    }, (sentence) => dashplate.say(sentence));
  },

  resend(button) {
    return dashplate.attempt(button, async () => {
      await dashplate.call("POST", `/v1/deliveries/${button.dataset.delivery}/resend`);
      dashplate.say(button.dataset.resent);
      button.closest("article").classList.add("sent");
    }, (sentence) => dashplate.say(sentence));
  },

  resendAll(button) {
    const of = button.dataset.endpoint ? "?endpoint=" + encodeURIComponent(button.dataset.endpoint) : "";
    return dashplate.attempt(button, async () => {
      const said = await dashplate.call("POST", "/v1/deliveries/resend" + of);
      dashplate.say(button.dataset.resent.replace("{deliveries}", said.deliveries.toLocaleString()));
      for (const article of document.querySelectorAll(".delivery")) article.classList.add("sent");
    }, (sentence) => dashplate.say(sentence));
  },

  async copy(button) {
    const field = document.getElementById("secret-text");
    field.select();
    // Only pages over HTTPS or of this machine may write there; else it is marked, for the keys to copy.
    await navigator.clipboard?.writeText(field.value);
    if (navigator.clipboard) dashplate.say(button.dataset.copied);
  },

  act(button) {
    const panel = button.closest("[data-name]");
    if (panel) this.name = panel.dataset.name;
    const acts = {
      test: () => this.test(button, panel), enable: () => this.enable(button), resend: () => this.resend(button),
      "resend-all": () => this.resendAll(button), copy: () => this.copy(button),
    };
    acts[button.dataset.do]();
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.opens) dashplate.open(button.dataset.opens);
  else if (button.dataset.asks) ends.ask(button);
  else if (button.dataset.do) ends.act(button);
  else if ("closes" in button.dataset) button.closest("dialog").close();
  else if ("sure" in button.dataset) ends.sure(button.closest("dialog"));
  else if ("reloads" in button.dataset) location.reload();
});
document.getElementById("add-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  ends.add(event.target);
});
// A page that is closed over it shows the new endpoint too.
document.getElementById("secret")?.addEventListener("close", () => location.reload());
