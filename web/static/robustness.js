// Waits for what of a result survives while it is computed, and shows it then.
const panel = document.getElementById("panel");
const SOON = 400, LONGEST = 10000;
let turn = 0;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const place = () => panel.querySelector("[data-robustness][data-awaited='true']");

async function show() {
  const part = new URL(location.href);
  part.searchParams.set("part", "panel");
  const response = await fetch(part, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  return response.text();
}

async function watch() {
  const mine = ++turn;
  let wait = SOON;
  while (place()) {
    await pause(wait);
    if (mine !== turn || !place()) return;
    try {
      const response = await fetch(place().dataset.robustness, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      if (["PENDING", "RUNNING"].includes((await response.json()).status)) continue;
      const page = await show();
      if (mine !== turn || !place()) return;
      panel.innerHTML = page;
      panel.dispatchEvent(new CustomEvent("panelchange", { bubbles: true }));
      return;
    } catch { wait = Math.min(LONGEST, 2 * wait); }
  }
}

panel.addEventListener("panelchange", watch);
watch();
