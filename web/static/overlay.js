// Reads the lines of a drawing out: values near the pointer, or by arrow keys at each point of the first line.
const SIDE = 1000, PLOT = 0.9;
const area = document.querySelector(".readable"), picture = area.querySelector("svg svg");
const { low, high, start, end } = Object.fromEntries(["low", "high", "start", "end"].map((name) => [name, Number(area.dataset[name])]));
const log = area.dataset.log === "true";
const short = (name) => name.length > 48 ? `${name.slice(0, 47)}…` : name;
const names = [...document.querySelectorAll(".legend li")].map((item) => short(item.querySelector(".name").textContent));
const lines = [...picture.querySelectorAll("path")].map((path, place) => ({
  name: names[place], kind: path.getAttribute("class"),
  points: path.getAttribute("d").slice(1).split("L").map((point) => point.split(",").map(Number)),
}));
const plain = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const number = { format: (index) => Math.abs(index) >= 1e8 ? index.toExponential(1).replace("e+", "e") : plain.format(index) };
const LEAST = log ? 0 : (high - low) / 1000;  // what is less cannot be told from zero in the drawing
const told = (index) => index < LEAST && LEAST > 1 && index > -1 ? `< ${number.format(LEAST)}` : number.format(index);
const SVG = "http://www.w3.org/2000/svg";

const value = (y) => log ? Math.exp(Math.log(high) - (Math.log(high) - Math.log(low)) * y / SIDE) : high - (high - low) * y / SIDE;
const day = (x) => new Date(1000 * (start + (end - start) * x / SIDE)).toISOString().slice(0, 10);

// The last point at or before x; none outside of the line.
function at({ points }, x) {
  if (x < points[0][0] - 0.5 || x > points.at(-1)[0] + 0.5) return null;
  let first = 0, last = points.length - 1;
  while (first < last) { const middle = (first + last + 1) >> 1; if (points[middle][0] > x + 0.05) last = middle - 1; else first = middle; }
  return points[first];
}

const box = Object.assign(document.createElement("div"), { className: "hover-box", hidden: true });
const spoken = Object.assign(document.createElement("p"), { className: "visually-hidden" });
spoken.setAttribute("role", "status");
const rule = document.createElementNS(SVG, "path");
rule.setAttribute("class", "cursor");
picture.append(rule);
box.setAttribute("aria-hidden", "true");
area.append(box, spoken);

function key(kind) {
  const mark = document.createElementNS(SVG, "svg"), line = document.createElementNS(SVG, "line");
  for (const [name, text] of [["class", "key"], ["width", "18"], ["height", "8"], ["viewBox", "0 0 18 8"]]) mark.setAttribute(name, text);
  for (const [name, text] of [["class", kind], ["x2", "18"], ["y1", "4"], ["y2", "4"]]) line.setAttribute(name, text);
  mark.append(line);
  return mark;
}

function show(x) {
  const found = lines.map((line) => ({ ...line, point: at(line, x) })).filter(({ point }) => point).sort((one, other) => one.point[1] - other.point[1]);
  if (!found.length) return hide();
  const rows = found.map(({ name, kind, point }) => {
    const row = document.createElement("div"), figure = document.createElement("span");
    figure.className = "value";
    figure.textContent = told(value(point[1]));
    row.append(key(kind), ` ${name} `, figure);
    return row;
  });
  box.replaceChildren(Object.assign(document.createElement("strong"), { textContent: day(x) }), ...rows);
  box.hidden = false;
  rule.setAttribute("d", `M${x},0V${SIDE}`);
  const across = area.clientWidth * PLOT * x / SIDE;
  const left = across + 14 + box.offsetWidth > area.clientWidth ? across - 14 - box.offsetWidth : across + 14;
  box.style.transform = `translate(${Math.max(0, left)}px, 10px)`;
  return found.map(({ name, point }) => `${name} ${told(value(point[1]))}`).join(", ");
}

function hide() {
  box.hidden = true;
  rule.removeAttribute("d");
}

let place = lines[0].points.length - 1;
for (const kind of ["pointermove", "pointerdown"]) area.addEventListener(kind, (event) => {
  const frame = picture.getBoundingClientRect();
  show(Math.max(0, Math.min(SIDE, SIDE * (event.clientX - frame.left) / frame.width)));
});
// A finger leaves with every tap: what it has opened stays until the next tap elsewhere.
area.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") hide(); });
area.addEventListener("blur", hide);
area.addEventListener("keydown", (event) => {
  const { points } = lines[0], step = event.shiftKey ? 10 : 1;
  const to = { ArrowLeft: place - step, ArrowRight: place + step, Home: 0, End: points.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  place = Math.max(0, Math.min(points.length - 1, to));
  spoken.textContent = `${day(points[place][0])}: ${show(points[place][0])}`;
});
