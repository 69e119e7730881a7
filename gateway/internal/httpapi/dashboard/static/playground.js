// The playground: one prompt to two models at once, beside each other, and the same as code.

import { snippet } from "./snippets.js";

const pick = document.getElementById("pick");
const play = document.getElementById("play");
const field = play.elements;
const state = document.getElementById("play-state");
const sides = [...document.querySelectorAll(".try")];
const maxImage = 4 << 20;
let running = [];

// What was typed survives a change of the key, which loads the page again.
for (const name of ["prompt", "system", "temperature", "max", "effort"]) {
  field[name].value = sessionStorage.getItem("play-" + name) ?? field[name].value;
  field[name].addEventListener("input", () => sessionStorage.setItem("play-" + name, field[name].value));
}
const choice = () => "?" + new URLSearchParams(new FormData(pick));
pick.elements.key.addEventListener("change", () => { location.search = choice(); });
pick.querySelector("button").hidden = true;
["a", "b"].forEach((name, i) => pick.elements[name].addEventListener("change", (event) => {
  history.replaceState(null, "", choice());
  sides[i].querySelector("h2").textContent = event.target.value;
}));

function readImage(file) {
  return new Promise((resolve, reject) => {
    if (file.size > maxImage) return reject(new Error("The image is larger than 4 MiB. Choose a smaller one."));
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error("The image could not be read."));
    reader.readAsDataURL(file);
  });
}

function request(model, image) {
  const content = image ? [{ type: "text", text: field.prompt.value }, { type: "image_url", image_url: { url: image } }] : field.prompt.value;
  const r = { model, messages: [{ role: "user", content }] };
  if (field.system.value) r.messages.unshift({ role: "system", content: field.system.value });
  if (field.temperature.value) r.temperature = Number(field.temperature.value);
  if (field.max.value) r.max_completion_tokens = Number(field.max.value);
  if (field.effort.value) r.reasoning_effort = field.effort.value;
  return r;
}

play.addEventListener("submit", async (event) => {
  event.preventDefault();
  stop();
  let image;
  try {
    if (field.image.files.length) image = await readImage(field.image.files[0]);
  } catch (error) {
    state.textContent = error.message;
    return;
  }
  field.run.disabled = true;
  field.stop.disabled = false;
  state.textContent = "running";
  const mine = running = sides.map(() => new AbortController());
  await Promise.all(sides.map((side, i) => run(side, pick.elements[i ? "b" : "a"].selectedOptions[0], image, mine[i].signal)));
  if (mine !== running) return;
  field.run.disabled = false;
  field.stop.disabled = true;
  state.textContent = mine[0].signal.aborted ? "stopped" : "done";
});

function stop() { for (const c of running) c.abort(); }
field.stop.addEventListener("click", stop);

async function run(side, model, image, signal) {
  const body = request(model.value, image);
  const show = (name, text) => { side.querySelector(`[data-of="${name}"]`).textContent = text; };
  const why = side.querySelector('[data-of="why"]');
  for (const name of ["first", "total", "tokens", "cost"]) show(name, "–");
  show("text", "");
  show("error", "");
  why.hidden = true;
  const began = performance.now();
  const elapsed = () => ((performance.now() - began) / 1000).toFixed(2) + " s";
  let pieces = 0;
  const on = {
    message(data) {
      const piece = data.choices?.[0]?.delta?.content;
      if (data.error) show("error", data.error.message);
      if (!piece) return;
      if (!pieces++) show("first", elapsed());
      show("tokens", "≈ " + pieces);
      if (model.dataset.price) show("cost", "≈ $" + (pieces * model.dataset.price).toFixed(6));
      side.querySelector('[data-of="text"]').append(piece);
    },
    failed(data) { show("error", data.message); },
    record(data) {
      show("first", data.first_token);
      show("total", data.total);
      show("tokens", data.tokens);
      show("cost", data.cost);
      why.href = "/requests/" + encodeURIComponent(data.id);
      why.textContent = data.target ? "why " + data.target : "why";
      why.hidden = false;
    },
  };
  try {
    const reply = await fetch("/playground/run?key=" + encodeURIComponent(pick.elements.key.value), {
      method: "POST", signal, headers: { "Content-Type": "application/json", "X-Csrf-Token": document.body.dataset.csrf },
      body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    });
    if (!reply.ok) throw new Error(await reply.text());
    await events(reply.body, (name, data) => on[name]?.(data));
  } catch (error) {
    show("error", signal.aborted ? "Stopped." : error.message);
  }
}

// events reads a stream of server-sent events.
async function events(stream, each) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      let name = "message", data = "";
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        if (line.startsWith("data:")) data += line.slice(5).trim();
      }
      if (data && data !== "[DONE]") each(name, JSON.parse(data));
    }
  }
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", async () => {
    const image = field.image.files.length ? `data:${field.image.files[0].type};base64,YOUR_IMAGE` : "";
    const pre = document.getElementById("snippet");
    pre.textContent = snippet(button.dataset.language, request(pick.elements.a.value, image), play.dataset.base);
    pre.hidden = false;
    try {
      await navigator.clipboard.writeText(pre.textContent);
      document.getElementById("copied").textContent = button.dataset.language + " copied";
    } catch { // only pages of this machine or by TLS may copy
      document.getElementById("copied").textContent = "select the text to copy it";
    }
  });
}
