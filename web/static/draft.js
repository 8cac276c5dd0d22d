// Keeps what was changed in the form in this browser until it is submitted or discarded.
const KEY = "draft", UNSAVED = ["_", "percent", "preset_name"];

const fieldsOf = (form) => [...form.elements].filter(({ name, type }) => name && type !== "hidden" && !UNSAVED.includes(name));
const valueOf = (field) => field.type === "checkbox" ? String(field.checked) : field.value;

export function keep(form) {
  const values = Object.fromEntries(fieldsOf(form).map((field) => [field.name, valueOf(field)]));
  try { localStorage.setItem(KEY, JSON.stringify(values)); } catch { /* the browser stores nothing */ }
}

export function forget() {
  try { localStorage.removeItem(KEY); } catch { /* the browser stores nothing */ }
}

function stored() {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
}

// An address that fills the form itself comes before a draft.
export async function restore(form, showParams) {
  const values = location.search ? null : stored();
  if (!values) return;
  if (values.rule_type !== form.elements.rule_type.value) {
    form.elements.rule_type.value = values.rule_type;
    if (!form.elements.rule_type.value) return forget();  // the rule is gone
    await showParams();
  }
  for (const field of fieldsOf(form)) {
    if (values[field.name] === undefined) continue;
    if (field.type === "checkbox") field.checked = values[field.name] === "true";
    else field.value = values[field.name];
  }
  form.elements.symbols.dispatchEvent(new Event("input", { bubbles: true }));
  document.getElementById("draft").hidden = false;
  document.getElementById("discard").addEventListener("click", () => { forget(); location.reload(); });
}
