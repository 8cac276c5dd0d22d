// Follows a run until it ends, then shows its result; patient with lost connections.
const card = document.getElementById("watch");
const [headline, clock, bar, connection] = ["headline", "clock", "bar", "connection"].map((id) => document.getElementById(id));
const steps = [...card.querySelectorAll(".steps li")];
const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
const STAGES = { queued: 0, loading: 1, saving: 3, persisting: 3, done: 3 };
const QUICK = 150, SLOW = 2000, LONGEST = 30000;
const started = performance.now();
let pause = QUICK, failures = 0;

const seconds = (value) => value < 60 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;

function show(run) {
  const stage = run.status === "PENDING" ? 0 : STAGES[run.stage] ?? 2;
  steps.forEach((step, place) => { step.dataset.state = place < stage ? "done" : place === stage ? "now" : "next"; });
  const percent = Math.round(100 * run.progress);
  const before = run.waiting_before ? `, ${run.waiting_before} before it` : "";
  const text = run.status === "PENDING" ? `Queued${before}` : `${steps[stage].textContent} ${percent ? `${percent} %` : ""}`;
  if (headline.textContent !== text) headline.textContent = text;
  bar.value = run.progress;
  const left = run.progress > 0.05 && run.elapsed_seconds > 1 ? `, about ${seconds(run.elapsed_seconds * (1 / run.progress - 1))} left` : "";
  clock.textContent = seconds(run.elapsed_seconds) + left;
}

async function ask() {
  try {
    const response = await fetch(card.dataset.status, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (response.status === 404) return location.reload();
    if (!response.ok) throw new Error(String(response.status));
    const run = await response.json();
    failures = 0;
    connection.textContent = "";
    if (ENDED.has(run.status)) return location.reload();
    show(run);
    pause = performance.now() - started < 5000 ? QUICK : Math.min(SLOW, pause * 1.2);
  } catch {
    failures += 1;
    pause = Math.min(LONGEST, 500 * 2 ** failures);
    connection.textContent = `The server cannot be reached. The run goes on; asking again in ${seconds(pause / 1000)}.`;
  }
  setTimeout(ask, pause);
}
ask();
