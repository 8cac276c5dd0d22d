// Finds symbols while typing, shows the range of their prices, and sets date ranges that the prices cover.
import { counted } from "./words.js";

const form = document.getElementById("submit");
const input = form.elements.symbols, first = form.elements.start_date, last = form.elements.end_date;
const list = document.getElementById("symbol-options"), facts = document.getElementById("symbol-facts");
const ranges = document.getElementById("ranges"), box = document.getElementById("symbol-chips");
const chips = [...document.querySelectorAll("[data-symbol]")];
const known = new Map(chips.map(({ dataset }) => [dataset.symbol, { first: dataset.first, last: dataset.last, bars: Number(dataset.bars) }]));
const searched = new Set();
const plain = facts.textContent;
const MOST = 30;  // options shown at once
let options = [], active = -1, waiting, asked = 0, stepping = null;

const parts = () => input.value.trimStart().split(/[\s,]+/);
const chosen = () => parts().filter(Boolean).map((name) => name.toUpperCase());
const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));
const range = ({ first, last, bars }) => `${first} to ${last}, ${counted(bars, "bar")}`;

async function search(text, limit) {
  const address = new URL(input.dataset.search, location.href);
  address.searchParams.set("q", text);
  address.searchParams.set("limit", limit);
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) return;
  const { symbols } = await response.json();
  for (const { symbol, first_bar, last_bar, bars } of symbols) known.set(symbol, { first: first_bar, last: last_bar, bars });
  searched.add(text);
}

// Chips and the line below the field tell what is chosen; each chosen symbol with prices has a chip.
function tell() {
  const names = chosen(), found = names.filter((name) => known.has(name));
  for (const name of found) if (!chips.some(({ dataset }) => dataset.symbol === name)) box.prepend(newChip(name));
  for (const chip of chips) chip.setAttribute("aria-pressed", String(names.includes(chip.dataset.symbol)));
  facts.textContent = found.length ? found.map((name) => `${name}: ${range(known.get(name))}`).join(" · ") : plain;
}

async function learn() {
  tell();
  const strange = chosen().filter((name) => !known.has(name) && !searched.has(name));
  await Promise.all(strange.slice(0, 10).map((name) => search(name, 20)));
  tell();
}

function newChip(name) {
  const chip = Object.assign(document.createElement("button"), { type: "button", className: "chip", textContent: name, title: range(known.get(name)) });
  chip.dataset.symbol = name;
  chips.push(chip);
  return chip;
}

for (const chip of chips) chip.hidden = false;
box.addEventListener("click", ({ target }) => {
  const name = target.dataset.symbol;
  if (!name) return;
  const names = chosen();
  input.value = (names.includes(name) ? names.filter((other) => other !== name) : [...names, name]).join(", ");
  changed(input);
  close();
});

// The list of what fits the word being typed: what is known at once, what the server finds soon after.
input.removeAttribute("list");
for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) input.setAttribute(name, value);

function hide() {
  list.hidden = true;
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function close() {
  clearTimeout(waiting);
  asked += 1;
  stepping = null;
  hide();
}

function offer() {
  const word = parts().at(-1).toUpperCase(), marked = options[active];
  const taken = new Set(chosen().slice(0, word ? -1 : undefined));
  options = [...known.keys()].filter((name) => name.includes(word) && !taken.has(name)).sort().slice(0, MOST);
  if (!options.length || (options.length === 1 && options[0] === word)) return hide();
  list.replaceChildren(...options.map((name, place) => {
    const item = Object.assign(document.createElement("li"), { id: `symbol-option-${place}`, role: "option" });
    item.setAttribute("aria-selected", "false");
    item.append(name, Object.assign(document.createElement("span"), { className: "muted", textContent: range(known.get(name)) }));
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
    return item;
  }));
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  active = -1;
  if (options.includes(marked)) mark(options.indexOf(marked));
}

// Whether the answer still belongs to what stands in the field.
async function find() {
  clearTimeout(waiting);
  const number = ++asked;
  await search(parts().at(-1).toUpperCase(), MOST);
  if (number !== asked) return false;
  offer();
  learn();
  return true;
}

// What was typed stands: the form may now say what it thinks of it.
function settle() {
  const shown = !list.hidden;
  close();
  if (shown) changed(input);
  else learn();
}

function take(name) {
  input.value = [...parts().slice(0, -1), name].join(", ");
  close();
  changed(input);
}

function mark(place) {
  active = (place + options.length) % options.length;
  [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === active)));
  input.setAttribute("aria-activedescendant", `symbol-option-${active}`);
  list.children[active].scrollIntoView({ block: "nearest" });
}

const step = (by) => mark(by > 0 ? active + 1 : active < 0 ? -1 : active - 1);

// An arrow opens the list; before the server has answered it waits, and Enter waits with it.
function arrow(by) {
  if (list.hidden) offer();
  if (!list.hidden) return step(by);
  stepping = find().then((current) => {
    if (!current) return false;
    stepping = null;
    if (!list.hidden) step(by);
    return active >= 0;
  });
}

input.addEventListener("input", (event) => {
  if (!event.isTrusted) return learn();
  close();
  offer();
  tell();
  waiting = setTimeout(find, 120);
});
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    arrow(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && active >= 0) {
    event.preventDefault();
    take(options[active]);
  } else if (event.key === "Enter" && stepping) {
    event.preventDefault();
    stepping.then((marked) => { if (marked) take(options[active]); });
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    settle();
  }
});
input.addEventListener("blur", settle);

// The range that every chosen symbol has prices for.
function available() {
  const has = chosen().filter((name) => known.has(name)).map((name) => known.get(name));
  if (!has.length) return null;
  return { first: has.map((one) => one.first).sort().at(-1), last: has.map((one) => one.last).sort()[0] };
}
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
learn();
