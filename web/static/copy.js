// A button that copies, at each text that runs the run again.
const told = () => document.getElementById("copied");

async function copy(text, title) {
  try {
    await navigator.clipboard.writeText(text);
    told().textContent = `Copied as ${title}.`;
  } catch { told().textContent = "The browser refused to copy: select the text and copy it."; }
}

function offer(part) {
  for (const way of part.querySelectorAll(".way")) {
    const title = way.querySelector("summary").textContent;
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: `Copy as ${title}` });
    button.addEventListener("click", () => copy(way.querySelector("code").textContent, title));
    way.append(button);
  }
}
offer(document);
document.addEventListener("panelchange", (event) => offer(event.target));
