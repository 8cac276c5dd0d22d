// Follows a run until it ends, then shows its result; retries after lost connections.
import { counted } from "./words.js";

const card = document.getElementById("watch");
const [headline, clock, bar, done, connection] = ["headline", "clock", "bar", "bars-done", "connection"].map((id) => document.getElementById(id));
const steps = [...card.querySelectorAll(".steps li")];
const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELLED"]);
const STAGES = { queued: 0, loading: 1, saving: 3, persisting: 3, done: 3 };
const QUICK = 75, SLOW = 2000, LONGEST = 30000;
let pause = QUICK, failures = 0, left = null, furthest = 0;

const seconds = (value) => value < 60 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;

// A run that is computed again after a crash catches up with what was shown; nothing goes back.
// The time left by the rate of computing alone: neither waiting nor loading counts. It is never told to be more than before.
let began = null, least = Infinity;
function secondsLeft(run) {
  if (run.status !== "RUNNING" || STAGES[run.stage] !== undefined) return Number.isFinite(least) ? least : null;
  began ??= { at: run.elapsed_seconds, progress: run.progress };
  const took = run.elapsed_seconds - began.at, done = run.progress - began.progress;
  if (took > 1 && done > 0) least = Math.min(least, took * (1 - run.progress) / done);
  return Number.isFinite(least) ? least : null;
}

function show(run) {
  const stage = run.status === "PENDING" ? 0 : STAGES[run.stage] ?? 2;
  steps.forEach((step, place) => { step.dataset.state = place < stage ? "done" : place === stage ? "now" : "next"; });
  const progress = furthest = Math.max(furthest, run.progress), percent = Math.round(100 * progress);
  const before = run.waiting_before ? `, ${run.waiting_before} ahead` : "";
  const text = run.status === "PENDING" ? `Queued${before}` : `${steps[stage].textContent} ${percent ? `${percent}%` : ""}`;
  if (headline.textContent !== text) headline.textContent = text;
  bar.value = progress;
  const bars = Number(card.dataset.bars);
  if (bars && progress) done.textContent = `${Math.floor(progress * bars).toLocaleString("en")} of ${counted(bars, "bar")} done`;
  left = secondsLeft(run);
  clock.textContent = seconds(run.elapsed_seconds) + (left === null ? "" : `, about ${seconds(left)} left`);
}

// Asks ever less often the longer a run takes, and again quickly when its end is near.
function pauseFor(run) {
  if (STAGES[run.stage] === 3) return QUICK;
  const patient = Math.min(SLOW, Math.max(QUICK, 50 * run.elapsed_seconds));
  return left === null ? patient : Math.min(patient, Math.max(QUICK, 250 * left));
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
    pause = pauseFor(run);
  } catch {
    failures += 1;
    pause = Math.min(LONGEST, 500 * 2 ** failures);
    connection.textContent = `Server unreachable. The run continues; retrying in ${seconds(pause / 1000)}.`;
  }
  setTimeout(ask, pause);
}
ask();
