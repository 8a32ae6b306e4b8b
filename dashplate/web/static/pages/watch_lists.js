// Entries are put on lists, ended and forgotten; what went wrong is told beside what was asked.
"use strict";

const lists = {
  add(form) {
    const given = form.elements;
    const entry = {
      plate: given.plate.value.trim(), label: given.label.value.trim(), like: given.like.checked,
      colour: given.colour.value || null, note: given.note.value.trim() || null, alert_existing: given.alert_existing.checked,
      expires_at: given.end.value ? new Date(given.end.value).toISOString() : null,
    };
    return dashplate.attempt(form, async () => {
      await dashplate.call("POST", "/v1/watchlist", entry);
      location.assign("/watch-lists?label=" + encodeURIComponent(entry.label));
    });
  },

  import(form) {
    const { file, label, alert_existing } = form.elements;
    const asked = new URLSearchParams();
    if (label.value.trim()) asked.set("label", label.value.trim());
    if (alert_existing.checked) asked.set("alert_existing", "true");
    return dashplate.attempt(form, async () => {
      const answer = await fetch("/v1/watchlist/import?" + asked, {
        method: "POST", body: file.files[0],
        headers: { "X-CSRF-Token": dashplate.secret, "Content-Type": "text/csv", Accept: "application/json" },
      });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.detail);
      sessionStorage.setItem("imported", form.dataset.done.replace("{entries}", said.entries.toLocaleString()));
      location.assign("/watch-lists");
    });
  },

  ask(button) {
    const dialog = document.getElementById(button.dataset.asks);
    const title = dialog.querySelector("[data-says]");
    title.textContent = title.dataset.says.replace("{plate}", button.dataset.plate);
    dialog.dataset.entry = button.dataset.entry;
    dashplate.open(dialog.id);
  },

  sure(dialog) {
    const forgets = dialog.id === "forget" ? "?forget=true" : "";
    return dashplate.attempt(dialog, async () => {
      await dashplate.call("DELETE", `/v1/watchlist/${dialog.dataset.entry}${forgets}`);
      location.reload();
    });
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.opens) dashplate.open(button.dataset.opens);
  else if (button.dataset.asks) lists.ask(button);
  else if ("closes" in button.dataset) button.closest("dialog").close();
  else if ("sure" in button.dataset) lists.sure(button.closest("dialog"));
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "add-form" && event.target.id !== "import-form") return;
  event.preventDefault();
  if (event.target.id === "add-form") lists.add(event.target);
  else lists.import(event.target);
});
if (document.getElementById("add").dataset.open) dashplate.open("add");
const imported = sessionStorage.getItem("imported");
if (imported) {
  sessionStorage.removeItem("imported");
  dashplate.say(imported);
}
