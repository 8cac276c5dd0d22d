// The chart of a report: one file, no network. Values of a bar stand in the legend; the pictures are for paper.
const data = JSON.parse(document.getElementById("curves").textContent);
const place = document.getElementById("chart"), legend = document.getElementById("legend"), library = window.LightweightCharts;
const whole = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 }).replace("-", "−");
const percent = (value) => `${(100 * value).toFixed(1)}%`.replace("-", "−");
const FILL = "rgba(179, 38, 30, 0.22)";  // from zero to the drawdown
const SERIES = [
  { curve: "benchmark", title: data.hold, color: "#6b717b", kind: "LineSeries", pane: 0, shown: whole },
  { curve: "equity", title: "Equity", color: "#2450c8", kind: "LineSeries", pane: 0, shown: whole, lineWidth: 2 },
  { curve: "drawdown", title: "Drawdown", color: "#b3261e", kind: "BaselineSeries", pane: 1, shown: percent },
  { curve: "trade_pnl", title: "Profit of closed trades", color: "#5b626f", kind: "HistogramSeries", pane: 2, shown: whole },
];

document.body.classList.add("live");
const chart = library.createChart(place, {
  autoSize: true,
  layout: { attributionLogo: false, textColor: "#5b626f", fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily, panes: { separatorColor: "#d9dbd8", enableResize: false } },
  grid: { vertLines: { visible: false }, horzLines: { color: "#ecedeb" } },
  rightPriceScale: { borderVisible: false, minimumWidth: 72 },
  timeScale: { borderColor: "#d9dbd8", minBarSpacing: 0.001, timeVisible: data.intraday },
  handleScale: { mouseWheel: false },
  handleScroll: { mouseWheel: false, vertTouchDrag: false },
  localization: { locale: "en" },
});
for (const spec of SERIES) {
  const series = chart.addSeries(library[spec.kind], {
    color: spec.color, lineColor: spec.color, lineWidth: spec.lineWidth ?? 1, priceLineVisible: false, lastValueVisible: false,
    baseValue: { type: "price", price: 0 }, bottomLineColor: spec.color, bottomFillColor1: FILL, bottomFillColor2: FILL,
    priceFormat: { type: "custom", formatter: spec.shown, minMove: 0.0001 },
  }, spec.pane);
  const values = data.curves[spec.curve];
  series.setData(data.times.map((time, bar) => ({ time, value: values[bar] ?? undefined })));
}
[3, 1, 1].forEach((height, pane) => chart.panes()[pane].setStretchFactor(height));
// All bars, with room on both sides for the labels of the axis.
function all() {
  const bars = data.times.length, room = bars * 20 / Math.max(200, chart.timeScale().width());
  chart.timeScale().setVisibleLogicalRange({ from: -room, to: bars + room });
}
all();

function tell(bar) {
  const date = new Date(1000 * data.times[bar]).toISOString().slice(0, data.intraday ? 16 : 10).replace("T", " ");
  legend.replaceChildren(Object.assign(document.createElement("b"), { textContent: date }), ...SERIES.map((spec) => {
    const key = document.createElement("span");
    key.style.color = spec.color;
    key.textContent = `${spec.title} ${spec.shown(data.curves[spec.curve][bar] ?? 0)}`;
    return key;
  }));
}
const bars = new Map(data.times.map((time, bar) => [time, bar]));
chart.subscribeCrosshairMove((event) => tell(bars.get(event.time) ?? data.times.length - 1));
tell(data.times.length - 1);

document.getElementById("ranges").addEventListener("click", (event) => {
  const { years, scale } = event.target.dataset;
  const last = data.times.at(-1);
  if (years === "all") all();
  else if (years) chart.timeScale().setVisibleRange({ from: Math.max(data.times[0], last - 365.25 * 86400 * years), to: last });
  if (scale) {
    const log = event.target.getAttribute("aria-pressed") !== "true";
    event.target.setAttribute("aria-pressed", String(log));
    chart.panes()[0].priceScale("right").applyOptions({ mode: log ? 1 : 0 });
  }
});
