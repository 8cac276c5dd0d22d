// Makes the form quicker: symbols by a press, ranges, a rule's own fields, and a check while typing.
const form = document.getElementById("submit");
const plan = document.getElementById("plan");
const symbols = form.elements.symbols, rule = form.elements.rule_type;
const first = form.elements.start_date, last = form.elements.end_date;
const chips = [...document.querySelectorAll("[data-symbol]")];
const typed = new Map();

const chosen = () => symbols.value.split(",").map((text) => text.trim()).filter(Boolean);
const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

function markChips() {
  const names = new Set(chosen());
  for (const chip of chips) chip.setAttribute("aria-pressed", String(names.has(chip.dataset.symbol)));
}
for (const chip of chips) {
  chip.hidden = false;
  chip.addEventListener("click", () => {
    const names = chosen(), name = chip.dataset.symbol;
    symbols.value = (names.includes(name) ? names.filter((other) => other !== name) : [...names, name]).join(", ");
    changed(symbols);
  });
}

// The range that every chosen symbol has prices for.
function available() {
  const known = chips.filter((chip) => chosen().includes(chip.dataset.symbol));
  if (!known.length) return null;
  return {
    first: known.map((chip) => chip.dataset.first).sort().at(-1),
    last: known.map((chip) => chip.dataset.last).sort()[0],
  };
}
const ranges = document.getElementById("ranges");
ranges.hidden = false;
ranges.addEventListener("click", (event) => {
  const name = event.target.dataset.range, has = available();
  if (!name || !has) return;
  const end = new Date(`${has.last}T00:00:00Z`);
  const years = { "1Y": 1, "5Y": 5 }[name];
  let start = has.first;
  if (name === "YTD") start = `${end.getUTCFullYear()}-01-01`;
  if (years) start = new Date(Date.UTC(end.getUTCFullYear() - years, end.getUTCMonth(), end.getUTCDate())).toISOString().slice(0, 10);
  first.value = start < has.first ? has.first : start;
  last.value = has.last;
  changed(first);
});

rule.addEventListener("change", async () => {
  const box = document.getElementById("params");
  for (const field of box.querySelectorAll("[name]")) typed.set(`${box.dataset.rule}:${field.name}`, field.value);
  const address = new URL(form.dataset.params, location.href);
  address.searchParams.set("rule_type", rule.value);
  const response = await fetch(address);
  if (!response.ok) return;
  box.innerHTML = await response.text();
  box.dataset.rule = rule.value;
  for (const field of box.querySelectorAll("[name]")) {
    const before = typed.get(`${rule.value}:${field.name}`);
    if (before !== undefined) field.value = before;
  }
  later();
});
document.getElementById("params").dataset.rule = rule.value;

function clearErrors() {
  for (const error of form.querySelectorAll(".error")) { error.hidden = true; error.textContent = ""; }
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

function showErrors(errors) {
  for (const { field, message } of errors) {
    const id = `f-${field.replaceAll(".", "-")}`;
    const text = document.getElementById(`${id}-error`), input = document.getElementById(id);
    if (!text) continue;
    text.textContent = text.textContent ? `${text.textContent}\n${message}` : message;
    text.hidden = false;
    if (!input) continue;
    input.setAttribute("aria-invalid", "true");
    const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
    input.setAttribute("aria-describedby", [...described.add(`${id}-error`)].join(" "));
  }
}

let waiting, asked = 0;
async function check() {
  const number = ++asked;
  const response = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!response?.ok || number !== asked) return;
  const found = await response.json();
  clearErrors();
  if (found.ok) {
    const time = found.seconds < 1 ? `${Math.max(0.1, found.seconds).toFixed(1)} s` : `${Math.round(found.seconds)} s`;
    plan.textContent = `${found.bars.toLocaleString("en")} bars, ${found.first_bar} to ${found.last_bar}, about ${time}`;
  } else {
    showErrors(found.errors);
    const placed = found.errors.filter(({ field }) => document.getElementById(`f-${field.replaceAll(".", "-")}-error`));
    const rest = found.errors.filter((error) => !placed.includes(error));
    plan.textContent = rest.length ? rest.map(({ field, message }) => `${field} ${message}`).join("; ") : `${found.errors.length === 1 ? "One field needs" : `${found.errors.length} fields need`} mending`;
  }
}
const later = () => { clearTimeout(waiting); waiting = setTimeout(check, 250); };
form.addEventListener("input", () => { markChips(); later(); });
form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.classList.contains("primary")) setTimeout(() => { button.disabled = true; });
});
addEventListener("pageshow", () => { for (const button of form.querySelectorAll("button[disabled]")) button.disabled = false; });
markChips();
document.getElementById("problems")?.focus();
if (!document.getElementById("problems")) check();
