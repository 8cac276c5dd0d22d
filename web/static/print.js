// Paper is narrower than most windows: charts are drawn smaller while the page is printed, so that no edge is cut.
const PAPER = 680;
const areas = () => document.querySelectorAll(".chart-area");
addEventListener("beforeprint", () => { for (const area of areas()) area.style.zoom = Math.min(1, PAPER / Math.max(1, area.offsetWidth)); });
addEventListener("afterprint", () => { for (const area of areas()) area.style.zoom = ""; });
