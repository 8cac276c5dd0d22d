// Shows below each formula on how many bars it is true, by clause, and where, while it is written.
import { counted } from "./words.js";

const SVG = "http://www.w3.org/2000/svg", WIDTH = 240, HEIGHT = 44, TICKS = 10;
let asked = 0, again = 0;

const idOf = (field) => `f-${field.replaceAll(".", "-")}`;
const shown = (form) => form.querySelectorAll(".formula-preview");
const percent = (part, whole) => `${(100 * part / whole).toFixed(1)}%`;
const element = (name, values = {}, ...children) => {
  const made = Object.assign(document.createElement(name), values);
  made.append(...children);
  return made;
};

// What is shown belongs to what stood there before, until the server has answered.
export function outdated(form) {
  for (const box of shown(form)) box.dataset.outdated = "";
}

export async function previewFormulas(form) {
  clearTimeout(again);
  const number = ++asked;
  if (form.elements.rule_type.value !== "EXPRESSION") return;
  const response = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (number !== asked) return;
  if (response?.status === 503) again = setTimeout(() => previewFormulas(form), 2_000);
  if (!response?.ok) return;
  const found = await response.json();
  for (const box of shown(form)) box.remove();
  if (!found.ok) return told(found.errors);
  for (const formula of found.formulas) show(formula, found);
}

function boxOf(field) {
  const input = document.getElementById(idOf(field));
  if (!input) return null;
  const box = element("div", { className: "formula-preview", id: `${input.id}-preview` });
  input.after(box);
  const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  input.setAttribute("aria-describedby", [...described.add(box.id)].join(" "));
  return box;
}

function told(errors) {
  const general = errors.filter(({ field }) => field === "");
  if (general.length) boxOf("params.entry")?.append(element("p", { textContent: general[0].message }));
}

function show({ field, true_on, ticks, clauses }, { symbol, bars, first_bar, last_bar, close }) {
  const box = boxOf(field);
  if (!box) return;
  const sum = element("p", {}, element("strong", { textContent: `True on ${true_on.toLocaleString("en")} of ${counted(bars, "bar")}` }),
    ` of ${symbol} (${percent(true_on, bars)})`);
  box.append(sum, chart(close, ticks, bars / ticks.length), dates(first_bar, last_bar));
  if (clauses.length) box.append(element("ul", { className: "plain" }, ...clauses.map((clause) => row(clause, bars))));
}

const row = ({ text, true_on }, bars) => element("li", {}, element("code", { textContent: text }),
  element("span", { textContent: `${true_on.toLocaleString("en")} (${percent(true_on, bars)})` }));
const dates = (first, last) => element("p", { className: "dates" }, element("span", { textContent: first.slice(0, 10) }), element("span", { textContent: last.slice(0, 10) }));

// The close, and below it a tick where the formula is true: as high as the share of true bars in its part.
function chart(close, ticks, barsOfPart) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["viewBox", `0 0 ${WIDTH} ${HEIGHT}`], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  const low = Math.min(...close), span = Math.max(...close) - low || 1, plot = HEIGHT - TICKS - 3, step = WIDTH / ticks.length;
  const line = close.map((value, place) => `${((place + 0.5) * step).toFixed(1)},${(1 + plot * (1 - (value - low) / span)).toFixed(1)}`);
  const marks = ticks.map((count, place) => count && `M${((place + 0.5) * step).toFixed(1)},${HEIGHT}v${-Math.max(3, TICKS * Math.min(1, count / barsOfPart)).toFixed(1)}`);
  for (const [name, shape] of [["close", `M${line.join("L")}`], ["ticks", marks.filter(Boolean).join("")]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}
