// Changes from room to room of a result without loading the page again; links and history stay as they are.
const rooms = document.getElementById("rooms"), panel = document.getElementById("panel"), told = document.getElementById("room");
let asked = 0;

const roomOf = (address) => new URL(address, location.href).searchParams.get("tab") ?? "overview";

// Shows the room of an address, unless another one was asked for in the meantime.
async function show(address) {
  const turn = ++asked, part = new URL(address, location.href);
  part.searchParams.set("part", "panel");
  const response = await fetch(part, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(String(response.status));
  const page = await response.text();
  if (turn !== asked) return false;
  panel.innerHTML = page;
  for (const link of rooms.children) {
    if (roomOf(link.href) !== roomOf(address)) { link.removeAttribute("aria-current"); continue; }
    link.setAttribute("aria-current", "page");
    link.scrollIntoView({ block: "nearest", inline: "nearest" });
    told.textContent = `${link.textContent} shown`;
  }
  panel.dispatchEvent(new CustomEvent("panelchange", { bubbles: true }));
  return true;
}

// Where the panel begins out of sight or low on the screen, the tabs go to the top and the panel follows them.
function bringIntoView() {
  const { top } = panel.getBoundingClientRect(), stuck = rooms.getBoundingClientRect().bottom;
  if (top >= stuck - 1 && top < (innerWidth < 640 ? 0.4 : 0.55) * innerHeight) return;
  const gap = parseFloat(getComputedStyle(rooms).marginBottom);
  scrollTo({ top: scrollY + top - gap - rooms.offsetHeight - parseFloat(getComputedStyle(rooms).top), behavior: "instant" });
}

rooms.addEventListener("click", async (event) => {
  const link = event.target.closest("a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const address = new URL(link.href);
  address.hash = "";
  try {
    if (!(await show(address))) return;
    history.pushState(null, "", address);
    bringIntoView();
  } catch { location.href = link.href; }
});
addEventListener("popstate", () => show(location.href).catch(() => location.reload()));
