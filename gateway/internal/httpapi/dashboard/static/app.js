// The script of every page: the reader's time zone, the keyboard, what charts show at the
// pointer, and tables that follow the gateway.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes("penstock_zone=" + encodeURIComponent(zone))) {
  document.cookie = "penstock_zone=" + encodeURIComponent(zone) + "; path=/; max-age=31536000; samesite=strict";
  if (document.body.dataset.zone !== zone && document.cookie.includes("penstock_zone=")) location.reload();
}

for (const form of document.querySelectorAll("form[data-submit]")) form.requestSubmit();

// A form that destroys something asks for the name of the thing.
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    const name = form.dataset.confirm;
    if (prompt(`Type ${name} to confirm: ${form.dataset.does}.`) !== name) event.preventDefault();
  });
}

// Keyboard: / searches, g and a letter opens a page, j and k move in tables, Enter opens.
let afterG = false;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (afterG) {
    afterG = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
    return;
  }
  switch (event.key) {
    case "g": afterG = true; return;
    case "/": document.querySelector("[data-search]")?.focus(); break;
    case "j": move(1); break;
    case "k": move(-1); break;
    case "Enter":
      if (event.target.dataset?.href) location.href = event.target.dataset.href;
      return;
    default: return;
  }
  event.preventDefault();
});

function move(by) {
  const rows = [...document.querySelectorAll(".rows tbody tr")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}

// Charts: the values of all series at the pointer, from the chart's own table.
for (const figure of document.querySelectorAll("figure.chart")) {
  const plot = figure.querySelector(".plot");
  if (!figure.matches(".waterfall")) plot.scrollLeft = plot.scrollWidth; // a phone shows what is newest
  if (plot.scrollWidth > plot.clientWidth) plot.tabIndex = 0; // for the keyboard
  const svg = plot.querySelector("svg[data-left]");
  if (svg) follow(figure, plot, svg);
}

function follow(figure, plot, svg) {
  const heads = [...figure.querySelectorAll("thead th")];
  const rows = [...figure.querySelectorAll("tbody tr")];
  if (!rows.length) return;
  const box = svg.viewBox.baseVal;
  const left = +svg.dataset.left, right = box.width - svg.dataset.right;
  const tip = document.createElement("div");
  const cursor = document.createElementNS(svg.namespaceURI, "line");
  tip.className = "tip";
  cursor.setAttribute("class", "cursor");
  svg.addEventListener("pointermove", (event) => {
    const area = svg.getBoundingClientRect();
    const x = (event.clientX - area.left) * box.width / area.width;
    const at = Math.min(Math.max(Math.round((x - left) / (right - left) * (rows.length - 1)), 0), rows.length - 1);
    const place = left + (right - left) * at / Math.max(rows.length - 1, 1);
    for (const [name, value] of Object.entries({ x1: place, x2: place, y1: 12, y2: box.height - 24 })) cursor.setAttribute(name, value);
    svg.append(cursor);
    tip.replaceChildren(...[...rows[at].cells].map((cell, i) => {
      const line = document.createElement(i ? "span" : "strong");
      line.textContent = i ? `${heads[i].textContent.slice(0, 32)} ${cell.textContent}` : cell.textContent;
      if (i) line.className = "key c" + heads[i].dataset.color;
      return line;
    }));
    plot.append(tip);
    const offset = place * area.width / box.width;
    tip.style.left = (place < box.width / 2 ? offset + 12 : Math.max(offset - tip.offsetWidth - 12, 0)) + "px";
  });
  svg.addEventListener("pointerleave", () => { tip.remove(); cursor.remove(); });
}

// Buttons that copy the text of an element.
for (const button of document.querySelectorAll("[data-copy]")) {
  const from = document.getElementById(button.dataset.copy);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(from.textContent);
      button.textContent = "Copied";
    } catch { // only pages of this machine or by TLS may copy
      getSelection().selectAllChildren(from);
      button.textContent = "Selected: copy it";
    }
  });
}

// The table of requests follows the gateway until it is paused.
const pause = document.getElementById("pause");
if (pause) {
  const most = 200;
  const body = document.querySelector("#requests tbody");
  const state = document.getElementById("live-state");
  let source;
  const start = () => {
    source = new EventSource(pause.dataset.live);
    source.onopen = () => { state.textContent = "live"; };
    source.onerror = () => { state.textContent = "connection lost, trying again"; };
    source.addEventListener("end", (event) => { source.close(); state.textContent = event.data; });
    source.onmessage = (event) => {
      const row = document.createElement("template");
      row.innerHTML = event.data; // rendered and escaped by the gateway
      row.content.firstElementChild.classList.add("new");
      body.prepend(row.content);
      while (body.rows.length > most) body.lastElementChild.remove();
    };
  };
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") === "false";
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) { source.close(); state.textContent = "paused"; } else start();
  });
  start();
}
