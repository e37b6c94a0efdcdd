// The page: takes a picture, tells how reading goes, shows what was read. Nothing is kept but what
// is on the screen.

const ASK_MS = 700; // between questions whether it is our turn
const LONGEST_NAME = 32; // letters of a file's name in a sentence; the middle of a longer one is left out
const PASSING = ["busy", "offline", "failed"]; // what may go another time
const SCALES = [1, 1.5, 2, 3, 4]; // of the picture; 1 fits its frame
const TITLES = {
  no_chart: "No chart found", not_a_picture: "This is no picture", too_large: "This is too large",
  busy: "Too many are waiting", no_picture: "Nothing to read", failed: "Reading failed",
  offline: "No answer",
};

const $ = (id) => document.getElementById(id);
let current = null; // the request under way
let last = null; // the file that was given last, and whether it was to be labelled as a whole

function create(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw(parent, tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
}

function shortened(name) {
  const half = LONGEST_NAME / 2;
  return name.length > LONGEST_NAME ? `${name.slice(0, half)}…${name.slice(1 - half)}` : name;
}

// Giving a picture

async function give(file, whole = false) {
  if (current) current.abort();
  const request = (current = new AbortController());
  last = [file, whole];
  $("results").replaceChildren();
  $("refused").hidden = true;
  document.body.classList.remove("has-result");
  $("progress").hidden = false;
  const ticket = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");
  const timer = tellTurn(ticket, shortened(file.name || "the picture"));
  const form = new FormData();
  form.append("picture", file, file.name || "pasted.png");
  try {
    const address = `/read?format=page&whole=${whole}&ticket=${ticket}`;
    const answer = await fetch(address, { method: "POST", body: form, signal: request.signal });
    const said = await answer.json();
    if (current !== request) return;
    if (answer.ok) show(said.readings);
    else refuse(said);
  } catch (error) {
    if (current !== request) return;
    if (error.name !== "AbortError") {
      const message = "The program behind this page does not answer. Is giraffe serve running?";
      refuse({ error: "offline", message });
    }
  } finally {
    clearInterval(timer);
    if (current === request) {
      current = null;
      $("progress").hidden = true;
      $("status").textContent = "";
    }
  }
}

function tellTurn(ticket, name) {
  const say = (text) => { if ($("status").textContent !== text) $("status").textContent = text; };
  say(`Sending ${name} …`);
  return setInterval(async () => {
    try {
      const { ahead } = await (await fetch(`/turn/${ticket}`)).json();
      if (!current || ahead === null || ahead === undefined) return;
      if (ahead === 0) say(`Reading ${name} …`);
      else say(`Waiting: ${ahead} ${ahead === 1 ? "picture is" : "pictures are"} read before ${name}.`);
    } catch { /* the request itself tells what is wrong */ }
  }, ASK_MS);
}

function refuse(said) {
  $("refused-title").textContent = TITLES[said.error] ?? "Not read";
  $("refused-text").textContent = said.message;
  $("whole").hidden = said.error !== "no_chart";
  $("again").hidden = !PASSING.includes(said.error);
  const picture = $("refused-picture");
  picture.hidden = true;
  if (said.error === "no_chart") {
    URL.revokeObjectURL(picture.src);
    picture.onload = () => { picture.hidden = false; };
    picture.src = URL.createObjectURL(last[0]);
  }
  $("refused").hidden = false;
}

// Showing what was read

function show(readings) {
  document.body.classList.add("has-result");
  const articles = readings.map(article);
  $("results").replaceChildren(...articles);
  articles[0].focus();
}

function article(view) {
  const made = $("result").content.cloneNode(true).firstElementChild;
  const part = (name) => made.querySelector(`.${name}`);
  part("title").textContent = view.name;
  const given = view.labels.filter((label) => label.given);
  part("summary").textContent = given.length
    ? `Findings: ${given.map((label) => label.meaning).join(", ")}.` : "No findings: there is no chart.";
  picture(view, part);
  labels(view, part);
  for (const { name, value, unit } of view.measurements) {
    const pair = create("div");
    pair.append(create("dt", "", name), create("dd", "", unit === "degrees" ? `${value}°` : `${value} ${unit}`));
    part("measurements").append(pair);
  }
  part("measured-title").hidden = !view.measurements.length;
  for (const doubt of view.uncertain) {
    part("doubts").append(create("li", "", doubt[0].toUpperCase() + doubt.slice(1)));
  }
  part("doubts-title").hidden = !view.uncertain.length;
  saves(view, part);
  return made;
}

function picture(view, part) {
  const image = part("picture");
  image.src = view.picture;
  image.width = view.width;
  image.height = view.height;
  image.alt = view.chart ? `The picture, with its chart: ${view.described}` : "The picture, without a chart";
  const drawn = part("drawn");
  drawn.setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
  const chart = document.createElementNS(drawn.namespaceURI, "g");
  const traces = document.createElementNS(drawn.namespaceURI, "g");
  drawn.append(traces, chart);
  if (view.chart) {
    draw(chart, "path", { class: "outline", d: view.chart.outline });
    for (const d of view.chart.rows) draw(chart, "path", { class: "row", d });
    const size = Math.max(view.width / 70, 11);
    for (const { text, x, y } of view.chart.names) {
      draw(chart, "text", { class: "name", x: x + size / 4, y: y - size / 2, "font-size": size }, text);
    }
  }
  view.traces.forEach((d, row) => draw(traces, "path", { class: `trace t${row % 4}`, d }));
  toggle(part("show-chart"), chart, Boolean(view.chart));
  toggle(part("show-traces"), traces, view.traces.length > 0);
  let scale = 0;
  const zoom = (step) => {
    scale = Math.min(Math.max(scale + step, 0), SCALES.length - 1);
    const viewer = part("viewer");
    const x = (viewer.scrollLeft + viewer.clientWidth / 2) / viewer.scrollWidth;
    const y = (viewer.scrollTop + viewer.clientHeight / 2) / viewer.scrollHeight;
    part("layers").style.width = `${100 * SCALES[scale]}%`;
    viewer.scrollTo(x * viewer.scrollWidth - viewer.clientWidth / 2,
      y * viewer.scrollHeight - viewer.clientHeight / 2);
    part("scale").textContent = scale ? `${100 * SCALES[scale]} %` : "fits";
  };
  part("larger").onclick = () => zoom(1);
  part("smaller").onclick = () => zoom(-1);
}

function toggle(box, layer, possible) {
  box.parentElement.hidden = !possible;
  box.onchange = () => layer.toggleAttribute("hidden", !box.checked);
}

function labels(view, part) {
  const list = part("labels");
  const described = view.described && `Chart: ${view.described}.`;
  let pinned = null;
  const heat = (label) => {
    const source = label && view.heat[label.name];
    const layer = part("heat");
    layer.hidden = !source;
    if (source) layer.src = source;
    part("caption").textContent = source
      ? `In colour: what speaks for ${label.name} (${label.meaning}).` : described;
  };
  heat(null);
  part("hint").hidden = !Object.keys(view.heat).length;
  for (const label of view.labels) {
    const item = create("li", label.given ? "given" : "");
    const button = create("button");
    button.type = "button";
    const name = create("span", "label-name", `${label.name}: ${label.meaning}`);
    const value = create("span", "label-value", label.probability.toFixed(2));
    const bar = create("span", "bar");
    bar.setAttribute("aria-hidden", "true");
    const filled = create("i");
    filled.style.width = `${100 * label.probability}%`;
    const mark = create("b");
    mark.style.left = `${100 * label.threshold}%`;
    bar.append(filled, mark);
    button.append(name, value, bar, create("span", "sentence", label.sentence));
    button.setAttribute("aria-pressed", "false");
    button.onmouseenter = button.onfocus = () => heat(label);
    button.onmouseleave = button.onblur = () => heat(pinned);
    button.onclick = () => {
      pinned = pinned === label ? null : label;
      for (const other of list.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", String(other === button && pinned === label));
      }
      heat(pinned);
    };
    item.append(button);
    list.append(item);
  }
  if (!view.labels.length) list.append(create("li", "small", "Without a chart nothing is labelled."));
}

// Saving

function saves(view, part) {
  const stem = view.name.replace(/\.[^.#]*(?=#|$)/, "").replace("#", "-");
  const json = () => new Blob([`${JSON.stringify(view.reading, null, 1)}\n`], { type: "application/json" });
  save(part, "Reading (JSON)", `${stem}.json`, json);
  for (const [kind, text] of [["csv", "Signals (CSV)"], ["wfdb", "Signals (WFDB)"]]) {
    const file = view.files[kind];
    if (file) save(part, text, file.name, () => new Blob([bytes(file.base64)], { type: file.type }));
  }
}

function save(part, text, name, content) {
  const button = create("button", "", text);
  button.type = "button";
  button.onclick = () => {
    const link = create("a");
    link.href = URL.createObjectURL(content());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  part("saves").append(button);
}

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// Ways of giving

for (const id of ["choose", "photograph"]) {
  $(id).onchange = () => {
    if ($(id).files[0]) give($(id).files[0]);
    $(id).value = ""; // so that the same file can be given again
  };
}
$("cancel").onclick = () => {
  if (current) current.abort();
  $("choose").focus();
};
$("whole").onclick = () => give(last[0], true);
$("again").onclick = () => give(...last);
addEventListener("paste", (event) => {
  const file = event.clipboardData?.files[0];
  if (file) give(file);
});
let inside = 0; // elements that were entered with a file and not left
const over = (change) => {
  inside = Math.max(inside + change, 0);
  $("give").classList.toggle("over", inside > 0);
};
addEventListener("dragenter", () => over(1));
addEventListener("dragleave", () => over(-1));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  over(-inside);
  const file = event.dataTransfer?.files[0];
  if (file) give(file);
});
