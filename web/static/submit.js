// Makes the form quicker: a rule's own fields, what folded groups hold, and a check while typing.
import { forget, keep, restore } from "./draft.js";
import { outdated, previewFormulas } from "./formulas.js";
import { counted } from "./words.js";

const form = document.getElementById("submit");
const plan = document.getElementById("plan"), caveats = document.getElementById("caveats");
const rule = form.elements.rule_type;
const typed = new Map();

// What a folded group holds that is not its default, so that nothing set is out of sight.
const groups = [...form.querySelectorAll("details.more")].map((group) => ({
  told: group.querySelector("summary span"), fields: [...group.querySelectorAll("[data-default]")],
}));
const same = (value, plain) => value === plain || (value !== "" && plain !== "" && Number(value) === Number(plain));
function words(field) {
  const label = field.labels[0].textContent.trim();
  if (field.type === "checkbox") return field.checked ? label : "";
  if (same(field.value.trim(), field.dataset.default)) return "";
  if (field.options) return field.selectedOptions[0].textContent;
  const unit = field.labels[0].querySelector(".unit")?.textContent ?? "";
  return `${label.slice(0, label.length - unit.length).trim()} ${field.value.trim() || "none"}${unit.startsWith("%") ? "" : " "}${unit}`.trim();
}
function tellGroups() {
  for (const { told, fields } of groups) {
    const own = fields.map(words).filter(Boolean).join(", ");
    told.textContent = own || told.dataset.plain;
    told.className = own ? "own" : "muted";
  }
}

async function showParams() {
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
}
rule.addEventListener("change", async () => { await showParams(); keep(form); later(); });
document.getElementById("params").dataset.rule = rule.value;

function clearErrors() {
  for (const error of form.querySelectorAll(".error")) { error.hidden = true; error.textContent = ""; }
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

// An empty field that was not typed in yet is no mistake yet; the line beside the button says that it is missing.
const visited = new Set(), refused = document.getElementById("problems");
const early = (input) => !refused && input && input.value === "" && !visited.has(input.name);

function showErrors(errors) {
  for (const { field, message } of errors) {
    const id = `f-${field.replaceAll(".", "-")}`;
    const text = document.getElementById(`${id}-error`), input = document.getElementById(id);
    if (!text || early(input)) continue;
    text.textContent = text.textContent ? `${text.textContent}\n${message}` : message;
    text.hidden = false;
    if (!input) continue;
    input.setAttribute("aria-invalid", "true");
    const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
    input.setAttribute("aria-describedby", [...described.add(`${id}-error`)].join(" "));
  }
}

function toFix(placed) {
  const missing = placed.map(({ field }) => document.getElementById(`f-${field.replaceAll(".", "-")}`)).filter(early);
  if (missing.length < placed.length) return `${counted(placed.length, "field")} to fix`;
  return `Still to fill in: ${missing.map((input) => input.labels[0].firstChild.textContent.trim()).join(", ")}`;
}

// Prices that are missing are brought in on another page; what was typed is a draft until it comes back.
const offers = document.getElementById("offers"), blank = document.getElementById("offer").content;
function offer(symbol) {
  const made = blank.cloneNode(true);
  made.querySelector("span > span").textContent = `${symbol}:`;
  for (const link of made.querySelectorAll("a")) {
    const address = new URL(link.getAttribute("href"), location.href);
    address.searchParams.set("symbol", symbol);
    link.href = address;
    link.addEventListener("click", () => keep(form));
  }
  return made;
}

let waiting, asked = 0;
async function check() {
  if (form.elements.symbols.getAttribute("aria-expanded") === "true") return;  // a name is still being chosen
  const number = ++asked;
  const response = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!response?.ok || number !== asked) return;
  const found = await response.json();
  clearErrors();
  offers.replaceChildren(...(found.missing ?? []).slice(0, 5).map(offer));
  caveats.replaceChildren(...(found.caveats ?? []).map(({ message }) => Object.assign(document.createElement("li"), { textContent: message })));
  if (found.ok) {
    previewFormulas(form);
    const time = found.seconds < 1 ? `${Math.max(0.1, found.seconds).toFixed(1)} s` : `${Math.round(found.seconds)} s`;
    const several = form.elements.symbols.value.split(/[\s,]+/).filter(Boolean).length;
    const of = several > 1 ? ` of ${counted(several, "symbol")}` : "";
    plan.textContent = `${counted(found.bars, "bar")}${of}, ${found.first_bar} to ${found.last_bar}, about ${time}`;
  } else {
    showErrors(found.errors);
    const placed = found.errors.filter(({ field }) => document.getElementById(`f-${field.replaceAll(".", "-")}-error`));
    const rest = found.errors.filter((error) => !placed.includes(error));
    plan.textContent = rest.length ? rest.map(({ field, message }) => [field, message].filter(Boolean).join(": ")).join("; ") : toFix(placed);
  }
}
const later = () => { clearTimeout(waiting); waiting = setTimeout(check, 250); };
form.addEventListener("input", ({ target }) => {
  visited.add(target.name);
  outdated(form);
  tellGroups();
  keep(form);
  later();
});
form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.classList.contains("primary")) forget();
  if (button?.classList.contains("primary")) setTimeout(() => { button.disabled = true; });
});
addEventListener("pageshow", () => { for (const button of form.querySelectorAll("button[disabled]")) button.disabled = false; });
if (!document.getElementById("problems")) await restore(form, showParams);
tellGroups();
document.getElementById("problems")?.focus();
if (!document.getElementById("problems")) check();
