// Makes a token and shows it once; revokes one after asking.
"use strict";

const adding = document.getElementById("adding");
const making = document.getElementById("adding-form");
const made = document.getElementById("made");
const revoking = document.getElementById("revoking");
const ending = document.getElementById("revoking-form");
const wrongOf = (form) => form.querySelector('[role="alert"]');
let wanted = null;

document.getElementById("add").addEventListener("click", () => adding.showModal());
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

making.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(making);
  const scopes = form.getAll("scopes");
  wrongOf(making).textContent = scopes.length ? "" : wrongOf(making).dataset.none;
  if (!scopes.length) return;
  const days = form.get("days") ? Number(form.get("days")) : null;
  const button = making.querySelector("button");
  button.disabled = true;
  try {
    const answer = await dashplate.call("POST", "/tokens", { name: form.get("name"), scopes, days });
    document.getElementById("token").textContent = answer.token;
    making.hidden = true;
    made.hidden = false;
    made.querySelector("h2").focus();
  } catch (problem) {
    wrongOf(making).textContent = problem.message;
  } finally {
    button.disabled = false;
  }
});

// A token that was shown is nowhere once the dialog is closed.
adding.addEventListener("close", () => {
  wrongOf(making).textContent = "";
  if (made.hidden) return;
  document.getElementById("token").textContent = "";
  location.reload();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-revoke]");
  if (!button) return;
  wanted = { token: button.dataset.revoke, name: button.dataset.name, own: button.dataset.own === "yes" };
  document.getElementById("revoked-name").textContent = wanted.name;
  document.getElementById("own").hidden = !wanted.own;
  document.getElementById("typed").value = "";
  wrongOf(ending).textContent = "";
  revoking.showModal();
});

ending.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (wanted.own && document.getElementById("typed").value !== wanted.name) {
    wrongOf(ending).textContent = wrongOf(ending).dataset.other;
    return;
  }
  try {
    await dashplate.call("POST", `/tokens/${wanted.token}/revoke`, { own: wanted.own });
    if (wanted.own) location.href = "/login";
    else location.reload();
  } catch (problem) {
    wrongOf(ending).textContent = problem.message;
  }
});
