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

const element = (name, text, className) => Object.assign(document.createElement(name), { textContent: text, className: className ?? "" });

async function look() {
  if (!file.files.length) return;
  preview.replaceChildren(element("p", "Reading the file…", "muted small"));
  const response = await fetch(form.dataset.preview, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } }).catch(() => null);
  if (!response) return preview.replaceChildren(element("p", "Server unreachable; try again.", "error"));
  const found = await response.json();
  if (!response.ok) return showMistakes(found);
  if (!symbol.value) symbol.value = found.symbol;
  const list = element("dl", "", "facts");
  const certificate = found.certificate;
  for (const [name, value] of [["Bars", counted(found.bars, `${interval(found.timeframe)} bar`)], ["From", found.first_bar], ["To", found.last_bar], ["Gaps", certificate.gaps.count], ["Outliers", certificate.outliers.count], ["Suspected splits", certificate.suspected_splits.count]]) {
    const pair = document.createElement("div");
    pair.append(element("dt", name), " ", element("dd", String(value)));
    list.append(pair);
  }
  const box = element("div", "", "notice good");
  box.append(element("strong", `${found.symbol} is ready to upload.`), list);
  preview.replaceChildren(box, tableOf(found.rows));
}

function tableOf(rows) {
  const scroll = element("div", "", "scroll preview"), table = element("table", ""), body = element("tbody", "");
  const head = element("tr", "");
  for (const name of Object.keys(rows[0])) head.append(Object.assign(element("th", name, name === "time" ? "" : "num"), { scope: "col" }));
  for (const row of rows) {
    const line = element("tr", "");
    for (const [name, value] of Object.entries(row)) line.append(element("td", name === "time" ? value : value.toLocaleString("en", { maximumFractionDigits: 4 }), name === "time" ? "day" : "num"));
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
