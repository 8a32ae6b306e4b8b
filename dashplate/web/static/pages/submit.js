// Submits videos: files are sent resumably (tus), some at a time, and become a job once a person says so and all are there.
"use strict";

(() => {
  const form = document.getElementById("submit");
  const list = document.getElementById("uploads");
  const go = document.getElementById("go");
  const [words, endings, videoEndings] = ["words", "endings", "videos"].map((name) => JSON.parse(form.dataset[name]));
  const ADDRESS = "/v1/uploads";
  /** Files that are sent at a time, and videos whose length is looked at to judge that of all. */
  const AT_ONCE = 3, SAMPLES = 12;
  const RETRY_MS = [0, 1000, 3000, 5000, 10000, 20000, 30000, 60000];
  /** The rate is taken from the last so many milliseconds. */
  const RATE_MS = 15000;

  /** What is listed: from this page, or sent before (then without `file`). By element. */
  const items = new Map();
  const seen = new Set();
  const sample = { taken: 0, bytes: 0, seconds: 0 };
  let leftOut = [];
  let armed = false, gone = false, askedLast = "", rates = [];
  let key = { body: "", value: "" };

  const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, value) => values[value]);
  const ending = (name) => name.slice(name.lastIndexOf(".")).toLowerCase();
  const idOf = (url) => url.slice(url.lastIndexOf("/") + 1);
  const percent = (part, all) => `${Math.min(99, Math.round((100 * part) / all))}%`;

  function size(bytes) {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    const step = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
    const shown = { style: "unit", unit: units[step], maximumFractionDigits: step > 0 ? 1 : 0 };
    return new Intl.NumberFormat("en", shown).format(bytes / 1000 ** step);
  }

  function span(seconds) {
    if (!Number.isFinite(seconds)) return words.unknown;
    const parts = [];
    let left = Math.max(1, Math.round(seconds));
    for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
      if (left >= unit) parts.push(`${Math.floor(left / unit)} ${name}`);
      left %= unit;
    }
    return parts.slice(0, 2).join(" ");
  }

  // What is chosen

  async function* below(entry) {
    if (entry.isFile) {
      yield [await new Promise((found, failed) => entry.file(found, failed)), entry.fullPath.slice(1)];
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      // A hundred at a time, until there are none.
      const some = await new Promise((found, failed) => reader.readEntries(found, failed));
      if (some.length === 0) return;
      for (const inner of some) yield* below(inner);
    }
  }

  async function dropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    if (entries.length === 0) return take([...transfer.files].map((file) => [file, file.name]));
    const found = [];
    for (const entry of entries) {
      try {
        for await (const one of below(entry)) found.push(one);
      } catch (error) {
        dashplate.say(`${entry.name}: ${error.message}`);
      }
    }
    take(found);
  }

  function take(found) {
    const fresh = [];
    for (const [file, name] of found) {
      const base = name.slice(name.lastIndexOf("/") + 1);
      const mark = `${name} ${file.size} ${file.lastModified}`;
      if (seen.has(mark)) continue;
      if (base.startsWith(".") || !endings.includes(ending(base)) || file.size === 0) {
        if (!base.startsWith(".")) leftOut.push(base);
        continue;
      }
      seen.add(mark);
      fresh.push(add(file, name, mark));
    }
    const note = document.getElementById("left-out");
    note.hidden = leftOut.length === 0;
    const some = leftOut.slice(0, 3).join(", ") + (leftOut.length > 3 ? ", …" : "");
    note.textContent = say("left_out", { count: leftOut.length, names: some });
    learn(fresh);
    send();
    changed();
  }

  function add(file, name, mark) {
    const row = document.createElement("li");
    row.className = "file";
    const part = (tag, className) => row.appendChild(Object.assign(document.createElement(tag), { className }));
    part("span", "name").textContent = name;
    part("span", "rest").textContent = size(file.size);
    const steer = part("span", "steer");
    for (const what of ["pause", "remove"]) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "plain" });
      button.textContent = words[what];
      button.dataset.do = what;
      button.setAttribute("aria-label", say(`${what}_named`, { name }));
      steer.append(button);
    }
    const bar = part("progress", "");
    Object.assign(bar, { max: file.size, value: 0 });
    bar.setAttribute("aria-label", say("progress", { name }));
    part("span", "how");
    const item = { row, file, name, mark, size: file.size, sent: 0, state: "waiting", id: null, why: "" };
    items.set(row, item);
    list.append(row);
    show(item);
    return item;
  }

  function show(item) {
    const { row, state } = item;
    row.classList.toggle("done", state === "done");
    row.classList.toggle("failed", state === "failed");
    row.querySelector("progress").value = item.sent;
    if (!item.file) return;
    const how = {
      waiting: () => words.waiting,
      sending: () => (item.sent ? say("sending", { sent: size(item.sent), all: size(item.size), left: span(leftOf(item)) }) : words.starting),
      paused: () => say("paused", { share: percent(item.sent, item.size) }),
      done: () => (item.known ? words.known : words.done),
      failed: () => say("failed", { why: item.why }),
    };
    row.querySelector(".how").textContent = how[state]();
    const pause = row.querySelector('[data-do="pause"]');
    pause.hidden = state === "done";
    pause.textContent = { paused: words.resume, failed: words.again }[state] || words.pause;
  }

  const leftOf = (item) => {
    const sending = [...items.values()].filter((one) => one.state === "sending").length;
    return ((item.size - item.sent) * Math.max(1, sending)) / rate();
  };

  // How long videos are, as far as the browser can read them

  async function learn(fresh) {
    const videos = fresh.filter((item) => videoEndings.includes(ending(item.name)));
    const step = Math.max(1, Math.floor(videos.length / SAMPLES));
    for (let index = 0; index < videos.length && sample.taken < SAMPLES; index += step) {
      sample.taken += 1;
      const seconds = await length(videos[index].file);
      if (seconds > 0) {
        sample.bytes += videos[index].size;
        sample.seconds += seconds;
      }
      changed();
    }
  }

  function length(file) {
    return new Promise((found) => {
      const video = document.createElement("video");
      const address = URL.createObjectURL(file);
      const end = (seconds) => {
        clearTimeout(late);
        video.removeAttribute("src");
        URL.revokeObjectURL(address);
        found(Number.isFinite(seconds) ? seconds : 0);
      };
      const late = setTimeout(() => end(0), 5000);
      video.preload = "metadata";
      video.addEventListener("loadedmetadata", () => end(video.duration));
      video.addEventListener("error", () => end(0));
      video.src = address;
    });
  }

  // Sending

  function send() {
    const all = [...items.values()];
    let free = AT_ONCE - all.filter((item) => item.state === "sending").length;
    for (const item of all) {
      if (free <= 0) break;
      if (item.state !== "waiting") continue;
      free -= 1;
      begin(item);
    }
  }

  async function begin(item) {
    item.state = "sending";
    show(item);
    if (!item.upload) {
      item.upload = new tus.Upload(item.file, {
        endpoint: ADDRESS,
        metadata: { filename: item.name },
        headers: { "X-CSRF-Token": dashplate.secret },
        retryDelays: RETRY_MS,
        onShouldRetry: (error) => {
          const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
          return status === 0 || [408, 409, 423, 429, 502, 503, 504].includes(status);
        },
        onProgress: (sent) => { item.sent = sent; },
        onSuccess: () => end(item),
        onError: (error) => fail(item, error),
      });
      // What was begun before, from this browser and of the same file, is gone on with.
      const before = await item.upload.findPreviousUploads();
      const [last] = before.sort((one, other) => Date.parse(other.creationTime) - Date.parse(one.creationTime));
      if (last) {
        const listed = [...items.values()].find((one) => !one.file && one.id === idOf(last.uploadUrl));
        if (listed) {
          items.delete(listed.row);
          listed.row.remove();
          item.known = listed.state === "done";
        }
        if (item.known) {
          item.id = listed.id;
          end(item);
          return;
        }
        item.upload.resumeFromPreviousUpload(last);
      }
    }
    if (item.state === "sending") item.upload.start();
  }

  function end(item) {
    item.id = item.id || idOf(item.upload.url);
    Object.assign(item, { state: "done", sent: item.size });
    show(item);
    send();
    changed();
    if (armed && !unsent().length) post();
  }

  function fail(item, error) {
    item.state = "failed";
    item.why = error.message;
    try {
      item.why = JSON.parse(error.originalResponse.getBody()).detail;
    } catch { /* No answer of the service. */ }
    show(item);
    send();
    changed();
  }

  function pause(item) {
    if (item.state === "sending") item.upload?.abort();
    if (item.state === "sending" || item.state === "waiting") item.state = "paused";
    show(item);
  }

  function resume(item) {
    if (item.state === "paused" || item.state === "failed") item.state = "waiting";
    show(item);
  }

  async function remove(item) {
    items.delete(item.row);
    seen.delete(item.mark);
    const next = item.row.nextElementSibling || item.row.previousElementSibling;
    item.row.remove();
    (next ? next.querySelector("button:not([hidden])") : document.getElementById("choose-files")).focus();
    send();
    changed();
    try {
      if (item.upload && item.upload.url && !item.known) await item.upload.abort(true);
      else if (item.id) await dashplate.call("DELETE", `${ADDRESS}/${item.id}`, undefined, { "Tus-Resumable": "1.0.0" });
      else await item.upload?.abort();
    } catch (error) {
      dashplate.say(error.message);
    }
    if (item.id) forget([item.id]);
  }

  /** What is in a job, or was removed, is not gone on with. */
  async function forget(ids) {
    const storage = tus.defaultOptions.urlStorage;
    for (const one of await storage.findAllUploads()) {
      if (one.uploadUrl && ids.includes(idOf(one.uploadUrl))) await storage.removeUpload(one.urlStorageKey);
    }
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    const item = button && items.get(button.closest("li"));
    if (!item) return;
    if (button.dataset.do === "remove") remove(item);
    else if (item.state === "paused" || item.state === "failed") resume(item);
    else pause(item);
    send();
    changed();
  });

  const allPause = document.getElementById("all-pause");
  allPause.addEventListener("click", () => {
    const going = [...items.values()].some((item) => item.state === "sending" || item.state === "waiting");
    for (const item of items.values()) if (item.file) (going ? pause : resume)(item);
    send();
    changed();
  });

  // How far it is

  const unsent = () => [...items.values()].filter((item) => item.file && item.state !== "done");
  const ready = () => [...items.values()].filter((item) => item.state === "done");

  function rate() {
    const first = rates[0], last = rates[rates.length - 1];
    return first && last.at > first.at ? Math.max(0, last.sent - first.sent) / ((last.at - first.at) / 1000) : 0;
  }

  setInterval(() => {
    const own = [...items.values()].filter((item) => item.file);
    const sent = own.reduce((sum, item) => sum + item.sent, 0);
    rates.push({ at: Date.now(), sent });
    rates = rates.filter((one) => one.at > Date.now() - RATE_MS);
    for (const item of own) if (item.state === "sending") show(item);
    const line = document.getElementById("sent");
    line.hidden = own.length === 0;
    const all = own.reduce((sum, item) => sum + item.size, 0);
    const values = { done: own.filter((item) => item.state === "done").length, files: own.length, left: span((all - sent) / rate()) };
    const text = unsent().length ? say("sent", values) : words.sent_all;
    if (line.textContent !== text) line.textContent = text;
  }, 500);

  function changed() {
    const all = [...items.values()];
    document.getElementById("listed").hidden = all.length === 0;
    const going = all.some((item) => item.state === "sending" || item.state === "waiting");
    allPause.hidden = unsent().length === 0;
    allPause.textContent = going ? words.pause_all : words.resume_all;
    const counted = all.filter((item) => item.file || item.state === "done");
    const videos = counted.filter((item) => videoEndings.includes(ending(item.name)));
    const bytes = (some) => some.reduce((sum, item) => sum + item.size, 0);
    expect({
      files: counted.length, size_bytes: bytes(counted), video_bytes: bytes(videos),
      sampled_bytes: sample.bytes, sampled_s: sample.seconds, sources: form.sources.value,
      keeps: form.evidence.checked,
    });
    if (!unsent().length) armed = armed && ready().length > 0;
    go.disabled = gone || (counted.length === 0 && !form.sources.value.trim());
    go.textContent = gone ? words.going : armed ? words.undo : unsent().length ? words.go_later : words.go;
    const failures = all.some((item) => item.state === "failed");
    document.getElementById("why-not").textContent = failures ? words.failures : armed ? words.will_go : "";
  }

  let later = 0;
  function expect(values) {
    const asked = JSON.stringify(values);
    if (asked === askedLast) return;
    clearTimeout(later);
    later = setTimeout(() => {
      askedLast = asked;
      htmx.ajax("POST", "/submit/expected", { target: "#expected", swap: "innerHTML", values });
    }, 400);
  }

  // The job

  function wanted() {
    const chosen = new FormData(form);
    const named = (name) => (chosen.get(name) || "").trim() || undefined;
    return {
      uploads: ready().map((item) => item.id),
      sources: form.sources.value.split("\n").map((line) => line.trim()).filter(Boolean),
      name: named("name"), priority: named("priority"), retain: named("retain"), alerts: named("alerts"),
      country: chosen.getAll("country").join(",") || undefined,
      evidence: chosen.has("evidence"), hashed: chosen.has("hashed"), keep_overlays: chosen.has("keep_overlays"),
    };
  }

  /** The same again is the same job, should an answer have been lost. */
  function keyOf(body) {
    if (key.body !== body) {
      const random = crypto.getRandomValues(new Uint8Array(16));
      key = { body, value: [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
    }
    return key.value;
  }

  async function post() {
    const body = wanted();
    gone = true;
    changed();
    try {
      const job = await dashplate.call("POST", "/v1/jobs", body, { "Idempotency-Key": keyOf(JSON.stringify(body)) });
      await forget(body.uploads);
      location.href = `/jobs/${job.job}`;
    } catch (error) {
      gone = armed = false;
      changed();
      dashplate.say(error.message);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (go.disabled) return;
    if (unsent().length) {
      armed = !armed;
      changed();
    } else post();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!gone && [...items.values()].some((item) => item.state === "sending")) event.preventDefault();
  });

  // What a person touches

  const drop = document.getElementById("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    dropped(event.dataTransfer);
  });
  const takeChosen = (input) => {
    take([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
    input.value = "";
  };
  const inputs = { "choose-files": document.getElementById("files"), "choose-folder": document.getElementById("folder") };
  for (const [button, input] of Object.entries(inputs)) {
    document.getElementById(button).addEventListener("click", () => input.click());
    input.addEventListener("change", () => takeChosen(input));
  }
  form.sources.addEventListener("change", changed);
  form.sources.addEventListener("input", () => { go.disabled = false; });
  form.hashed.addEventListener("change", () => {
    form.evidence.disabled = form.hashed.checked;
    if (form.hashed.checked) form.evidence.checked = false;
    changed();
  });
  form.evidence.addEventListener("change", changed);

  for (const row of list.querySelectorAll("[data-upload]")) {
    const { upload, name, offset } = row.dataset;
    const whole = "whole" in row.dataset;
    items.set(row, { row, name, id: upload, size: Number(row.dataset.size), sent: Number(offset), state: whole ? "done" : "partial" });
  }
  changed();
  // Chosen before this script was there.
  for (const input of Object.values(inputs)) if (input.files.length) takeChosen(input);
})();
