// Turns numbers of the form into ranges: beside each a switch to from, to and step; then the form submits a study.
const form = document.getElementById("submit");
const button = form.querySelector(".submit-bar button[type=submit]"), plain = button.textContent;
const said = document.createElement("p");
said.className = "small";
said.setAttribute("role", "status");
form.querySelector(".submit-bar .plan").append(said);
const OF_THE_RUN = new Set(["stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "slippage_bps", "fee_rate", "size"]);
const SIDES = ["from", "to", "step"];
const options = document.getElementById("study-options"), WINDOWS = "study.walk_forward.", OWN = "study.";
let waiting = 0, latest = 0;

const ranges = () => [...form.querySelectorAll(".range:not([hidden])")];

function equip() {
  for (const input of form.querySelectorAll("input[inputmode]")) {
    const field = input.closest(".field");
    if (!(input.name.startsWith("params.") || OF_THE_RUN.has(input.name)) || field.querySelector(".range")) continue;
    const label = field.querySelector("label").firstChild.textContent.trim();
    const range = document.createElement("span");
    range.className = "range";
    range.hidden = true;
    range.dataset.name = input.name;
    for (const side of SIDES) {
      const part = document.createElement("input");
      part.inputMode = "decimal";
      part.autocomplete = "off";
      part.placeholder = side;
      part.dataset.side = side;
      part.setAttribute("aria-label", `${label}, ${side}`);
      range.append(part);
    }
    const toggle = document.createElement("button");
    toggle.type = "button";
    toggle.className = "quiet to-range";
    toggle.textContent = "Range";
    toggle.setAttribute("aria-pressed", "false");
    toggle.setAttribute("aria-label", `Search a range of ${label}`);
    toggle.addEventListener("click", () => {
      range.hidden = !range.hidden;
      input.hidden = input.disabled = !range.hidden;
      toggle.setAttribute("aria-pressed", String(!range.hidden));
      if (!range.hidden && !range.firstChild.value) suggest(range, input);
      if (!range.hidden) range.firstChild.focus();
      later();
    });
    input.after(range);
    field.append(toggle);
  }
}

// Half of the number to twice of it, in about ten steps.
function suggest(range, input) {
  const middle = Number(input.value) || 10, step = input.inputMode === "numeric" ? Math.max(1, Math.round(middle / 6)) : middle / 10;
  const from = input.inputMode === "numeric" ? Math.max(1, Math.round(middle / 2)) : middle / 2;
  for (const [place, value] of [from, middle * 2, step].entries()) range.children[place].value = String(Number(value.toPrecision(6)));
}

const number = (text, isPercent) => isPercent ? fraction(Number(text || NaN)) : Number(text || NaN);

// The form shows some fractions in percent, and names them.
const fraction = (value) => Number((value / 100).toPrecision(12));

function body() {
  const asked = { space: {}, params: {} }, data = new FormData(form), percents = new Set(data.getAll("percent"));
  for (const [name, value] of data) {
    if (!String(value).trim() || ["csrf_token", "preset_name", "percent", "_"].includes(name)) continue;
    if (name.startsWith(WINDOWS)) (asked.walk_forward ??= {})[name.slice(WINDOWS.length)] = value;
    else if (name.startsWith(OWN)) asked[name.slice(OWN.length)] = value;
    else if (name.startsWith("params.")) asked.params[name.slice(7)] = value;
    else asked[name] = name === "symbols" ? value.split(/[\s,]+/).filter(Boolean) : value.trim();
    if (percents.has(name) && !Number.isNaN(Number(value))) asked[name] = fraction(Number(value));
  }
  for (const range of ranges()) {
    asked.space[range.dataset.name] = Object.fromEntries([...range.children].map((part) => [part.dataset.side, number(part.value.trim(), percents.has(range.dataset.name))]));
    if (OF_THE_RUN.has(range.dataset.name)) delete asked[range.dataset.name];
  }
  return asked;
}

const post = (address) => fetch(address, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body()) });
const wrong = (errors) => errors.map(({ field, message }) => `${field.replace(/^space\./, "").replace(/^params\./, "")}: ${message}`).join("; ");

// The options of a study are there, and sent, where a number is a range.
function offerOptions() {
  const isStudy = ranges().length > 0;
  options.hidden = options.querySelector("fieldset").disabled = !isStudy;
  return isStudy;
}

async function check() {
  if (!offerOptions()) { button.textContent = plain; said.textContent = ""; return; }
  const mine = ++latest;
  const response = await post(form.dataset.checkStudy).catch(() => null);
  if (!response || mine !== latest) return;
  const found = await response.json();
  const time = found.seconds < 1.5 ? "about 1 s" : `about ${Math.round(found.seconds)} s`;
  button.textContent = found.ok ? `Run study (${found.trials.toLocaleString("en")} ${found.trials === 1 ? "trial" : "trials"}, ${time})` : "Run study";
  said.textContent = found.ok ? "" : wrong(found.errors ?? [{ field: "", message: found.detail }]);
}
const later = () => { clearTimeout(waiting); waiting = setTimeout(check, 250); };

form.addEventListener("submit", async (event) => {
  if (!ranges().length || event.submitter && event.submitter !== button) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  button.disabled = true;
  const response = await post(form.dataset.runStudy).catch(() => null);
  button.disabled = false;
  const found = response ? await response.json() : { detail: "Server unreachable; try again." };
  if (response?.ok) location.assign(found.links.page);
  else said.textContent = found.errors ? wrong(found.errors) : found.detail;
}, true);
form.addEventListener("input", later);
form.addEventListener("change", later);
new MutationObserver(() => { equip(); later(); }).observe(document.getElementById("params"), { childList: true });
equip();
