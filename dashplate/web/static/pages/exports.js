// Keeps the address of the download, the file's name and the command in step with what is chosen.
"use strict";

const wanted = document.getElementById("export");

function chosen() {
  const format = wanted.querySelector('input[name="format"]:checked');
  return {
    job: document.getElementById("job").value,
    rows: wanted.querySelector('input[name="rows"]:checked').value,
    format: format.value,
    ending: format.dataset.ending,
    grows: format.dataset.grows === "yes",
    labelled: format.dataset.labelled === "yes",
    sightings: format.dataset.sightings === "yes",
  };
}

function inStep() {
  const now = chosen();
  const file = `job-${now.job}.${now.ending}`;
  wanted.action = `/v1/jobs/${now.job}/export`;
  document.getElementById("file").textContent = file;
  const rows = !now.labelled && !now.sightings;
  document.getElementById("rows").disabled = !rows;
  const confirmed = document.getElementById("confirmed");
  confirmed.hidden = !now.labelled;
  confirmed.querySelector("input").disabled = !now.labelled;
  document.getElementById("whole").hidden = !(now.labelled || now.ending === "parquet" || now.ending === "xlsx");
  document.getElementById("appends").hidden = !now.grows;
  document.getElementById("folder").hidden = !now.labelled;
  document.getElementById("writes").hidden = now.grows || now.labelled;
  const words = ["dashplate", "export", now.job, "--format", now.format];
  if (rows) words.push("--rows", now.rows);
  words.push("--out", now.labelled ? `job-${now.job}` : file);
  if (now.labelled && confirmed.querySelector("input").checked) words.push("--confirmed");
  if (now.grows) words.push("--append");
  document.getElementById("command").textContent = words.join(" ");
}

if (wanted) {
  wanted.addEventListener("change", inStep);
  document.getElementById("job").addEventListener("change", (event) => {
    htmx.ajax("GET", `/exports/about?job=${event.target.value}`, { target: "#about", swap: "innerHTML" });
  });
  inStep();
}

// What is left empty is not asked for.
document.getElementById("package")?.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});
