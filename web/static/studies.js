// The page of a study: ticks in their places, a heatmap by mouse and keyboard, and new chunks as they arrive.
const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
const QUICK = 250, LONGEST = 15000;
let failures = 0;

function place(root) {
  for (const tick of root.querySelectorAll(".heat-x [data-at]")) tick.style.left = `${tick.dataset.at}%`;
  for (const tick of root.querySelectorAll(".heat-y [data-at]")) tick.style.top = `${tick.dataset.at}%`;
}

function watchHeatmaps() {
  const place = document.getElementById("heat");
  if (!place) return;
  for (const heat of place.querySelectorAll(".heat-cells")) watchHeatmap(heat, place.dataset.run);
}

function watchHeatmap(heat, address) {
  const said = document.getElementById("heat-said"), here = heat.querySelector(".heat-here"), form = document.getElementById("heat-form");
  const cells = [...heat.querySelectorAll("rect[data-trial]")];
  let chosen = null;
  const show = (cell) => {
    chosen = cell;
    for (const side of ["x", "y", "width", "height"]) here.setAttribute(side, cell.getAttribute(side));
    said.textContent = `${cell.querySelector("title").textContent}. Click or press Enter to open it as a run.`;
  };
  const open = (cell) => {
    form.action = address.replace(/\/0\/run$/, `/${cell.dataset.trial}/run`);
    form.requestSubmit();
  };
  const at = (cell) => [Number(cell.getAttribute("x")), Number(cell.getAttribute("y"))];
  const step = (across, down) => {
    if (!cells.length) return;
    if (!chosen) return show(cells[0]);
    const [x, y] = at(chosen);
    const beyond = cells.filter((cell) => { const [left, top] = at(cell); return across ? Math.abs(top - y) < 0.5 && (left - x) * across > 0.5 : Math.abs(left - x) < 0.5 && (top - y) * down > 0.5; });
    const nearest = (cell) => { const [left, top] = at(cell); return Math.abs(left - x) + Math.abs(top - y); };
    if (beyond.length) show(beyond.reduce((best, cell) => nearest(cell) < nearest(best) ? cell : best));
  };
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  heat.addEventListener("pointerover", (event) => { if (event.target.dataset.trial) show(event.target); });
  heat.addEventListener("click", (event) => { if (event.target.dataset.trial) open(event.target); });
  heat.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && chosen) return open(chosen);
    if (!KEYS[event.key]) return;
    event.preventDefault();
    step(...KEYS[event.key]);
  });
}

// As many trials as can be compared; without a script the server says so.
function watchChoice() {
  const table = document.getElementById("trials");
  if (!table) return;
  const boxes = [...table.querySelectorAll("[name=trial]")], said = document.getElementById("chosen"), plain = said.textContent;
  const button = document.querySelector("#compare button");
  const count = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.disabled = !box.checked && chosen >= Number(table.dataset.most);
    button.disabled = !chosen;
    said.textContent = chosen ? `${chosen} selected` : plain;
  };
  table.addEventListener("change", count);
  count();
}

async function refresh() {
  const page = new DOMParser().parseFromString(await (await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" })).text(), "text/html");
  const fresh = page.getElementById("study");
  if (!fresh) return;
  document.getElementById("study").replaceWith(fresh);
  begin();
}

async function ask() {
  const study = document.getElementById("study");
  let pause = QUICK;
  try {
    const response = await fetch(study.dataset.study, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    const found = await response.json();
    failures = 0;
    if (ENDED.has(found.status)) return await refresh();
    if (String(found.done_chunks) !== study.dataset.done || found.status === "RUNNING" && study.querySelector("strong").textContent.startsWith("Queued")) await refresh();
  } catch {
    failures += 1;
    pause = Math.min(LONGEST, QUICK * 2 ** failures);
  }
  setTimeout(ask, pause);
}

function begin() {
  place(document);
  watchHeatmaps();
  watchChoice();
}

begin();
if (document.getElementById("study").dataset.ended === "false") ask();
