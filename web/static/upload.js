// Previews a dropped or chosen file, or its errors by line, before the upload.
import { counted, interval } from "./words.js";

const form = document.getElementById("upload"), drop = document.getElementById("drop");
const file = form.elements.file, symbol = form.elements.symbol, preview = document.getElementById("preview");

for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) { file.files = event.dataTransfer.files; look(); }
});
file.addEventListener("change", look);
document.getElementById("reading").addEventListener("change", look);

const element = (name, text, className) => Object.assign(document.createElement(name), { textContent: text, className: className ?? "" });

async function look() {
  if (!file.files.length) return;
  preview.replaceChildren(element("p", "Reading the file…", "muted small"));
  const response = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } }).catch(() => null);
  if (!response) return preview.replaceChildren(element("p", "Server unreachable; try again.", "error"));
  const found = await response.json();
  if (!response.ok) return showMistakes(found);
  const list = element("dl", "", "facts");
  const certificate = found.certificate;
  for (const [name, value] of [["Bars", counted(found.bars, `${interval(found.timeframe)} bar`)], ["From", found.first_bar], ["To", found.last_bar], ["Gaps", certificate.gaps.count], ["Outliers", certificate.outliers.count], ["Suspected splits", certificate.suspected_splits.count]]) {
    const pair = document.createElement("div");
    pair.append(element("dt", name), " ", element("dd", String(value)));
    list.append(pair);
  }
  const { reading } = found, open = reading.questions.length > 0;
  const box = element("div", "", open ? "notice" : "notice good");
  const names = reading.symbols.map((one) => one.symbol);
  if (!symbol.value && names.length === 1 && !reading.questions.some((question) => question.option === "symbol")) symbol.value = found.symbol;
  const ready = names.length > 1 ? `${names.length} symbols are ready to upload: ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", …" : ""}.` : `${found.symbol} is ready to upload.`;
  const asking = reading.questions.length === 1 ? "One answer is needed." : `${reading.questions.length} answers are needed.`;
  box.append(element("strong", open ? asking : ready), list, understood(reading));
  for (const question of reading.questions) box.append(asked(question));
  preview.replaceChildren(box, tableOf(found.rows));
}

// What was understood of the file, line by line.
function understood(reading) {
  const list = element("ul", "", "small"), say = (text) => text && list.append(element("li", text));
  const columns = Object.entries(reading.columns).map(([field, column]) => `${field} = ${column}`).join(", ");
  say([reading.source, reading.format, reading.encoding].filter(Boolean).join(", "));
  say(`Columns: ${columns}${reading.ignored.length ? `; not used: ${reading.ignored.slice(0, 8).join(", ")}` : ""}`);
  say(`Dates: ${reading.dates}, ${reading.zone}`);
  say(reading.adjusted);
  for (const remark of reading.remarks) say(remark);
  for (const one of reading.symbols.slice(0, 12)) {
    const of = reading.symbols.length > 1 ? `${one.symbol}: ` : "";
    if (one.order !== "oldest first") say(`${of}rows ${one.order}, put in order`);
    if (!one.volume_known) say(`${of}volume is unknown on ${counted(one.unknown_volume, "bar")}`);
    for (const repair of one.repairs) say(`${of}${repair.count.toLocaleString("en")} ${repair.text}: ${repair.action}, first in line ${repair.examples[0].line}`);
  }
  return list;
}

// A question that the file leaves open: a button for each answer, Yes for a single one, sets the field of its option.
function asked({ option, text, choices }) {
  const box = element("p", ""), field = form.elements[option];
  box.append(element("strong", text), " ");
  for (const choice of choices) {
    const button = Object.assign(element("button", choices.length === 1 ? "Yes" : choice), { type: "button" });
    button.addEventListener("click", () => { field.value = choice; look(); });
    box.append(button, " ");
  }
  if (!choices.length) { box.append("Fill in the field above."); field.addEventListener("change", look, { once: true }); }
  return box;
}

function tableOf(rows) {
  const scroll = element("div", "", "scroll preview"), table = element("table", ""), body = element("tbody", "");
  const head = element("tr", "");
  for (const name of Object.keys(rows[0])) head.append(Object.assign(element("th", name, name === "time" ? "" : "num"), { scope: "col" }));
  for (const row of rows) {
    const line = element("tr", "");
    for (const [name, value] of Object.entries(row)) line.append(element("td", name === "time" ? value : value === null ? "–" : value.toLocaleString("en", name === "volume" ? { notation: "compact", maximumFractionDigits: 2 } : { maximumFractionDigits: 4 }), name === "time" ? "day" : "num"));
    body.append(line);
  }
  table.append(element("caption", `First ${counted(rows.length, "bar")}`), element("thead", ""), body);
  table.tHead.append(head);
  scroll.append(table);
  Object.assign(scroll, { tabIndex: 0, role: "region", ariaLabel: "First bars of the file" });
  return scroll;
}

function showMistakes(found) {
  const box = element("div", "", "notice bad"), list = element("ul", "");
  box.append(element("strong", "This file cannot be imported."), list);
  for (const { line, field, message } of found.errors ?? [{ message: found.detail }]) {
    list.append(element("li", `${line ? `Line ${line}: ` : ""}${field ? `${field}: ` : ""}${message}`));
  }
  preview.replaceChildren(box);
}
