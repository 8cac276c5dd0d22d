// Linked charts: several panes on one time axis, fed by the server, detail fetched when zoomed in.
const library = window.LightweightCharts;
const FORMATS = {
  money: (value) => value.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: Math.abs(value) < 1000 ? 2 : 0 }),
  price: (value) => value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  percent: (value) => `${(100 * value).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })}%`,
  ratio: (value) => value.toFixed(2),
};
const KINDS = { area: "AreaSeries", histogram: "HistogramSeries", line: "LineSeries" };
const DAY = 86400;
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const TONES = { equity: "chart-equity", benchmark: "chart-benchmark", loss: "loss", gain: "gain", ink: "ink-2" };

// An area stands on zero, and a flat one keeps room around it, so that nothing reads as a loss of nothing.
function grounded(original) {
  const found = original();
  if (!found?.priceRange) return found;
  const { minValue, maxValue } = found.priceRange;
  const low = Math.min(0, minValue), high = Math.max(0, maxValue);
  return { ...found, priceRange: low === high ? { minValue: -0.01, maxValue: 0 } : { minValue: low, maxValue: high } };
}

// canvas understands no color-mix in every browser: resolve it to rgba first
function rgba(colour, alpha) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour;
  const hex = probe.fillStyle;
  const [red, green, blue] = [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.panes = JSON.parse(figure.dataset.panes);
    this.area = figure.querySelector(".chart-area");
    this.when = figure.querySelector(".when");
    this.series = [];
    this.ended = new AbortController();
    this.scale = "linear";
    this.chart = library.createChart(this.area, this.options());
    this.legends = this.panes.map((pane, index) => this.addPane(pane, index));
    this.placeLegends();
    new ResizeObserver(() => this.placeLegends()).observe(this.area);
    this.wire();
  }

  options() {
    return {
      autoSize: true,
      layout: {
        attributionLogo: false, background: { color: "transparent" }, textColor: token("ink-3"), fontSize: 11,
        fontFamily: getComputedStyle(document.body).fontFamily, panes: { separatorColor: token("line"), enableResize: false },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: token("chart-grid") } },
      rightPriceScale: { borderVisible: false, minimumWidth: 72 },
      timeScale: { borderColor: token("line"), timeVisible: this.intraday ?? false, minBarSpacing: 0.001 },
      crosshair: { mode: 0, vertLine: { labelVisible: true }, horzLine: { labelVisible: false } },
      localization: { locale: "en" },
      handleScroll: { vertTouchDrag: false },
      handleScale: { mouseWheel: true },
    };
  }

  addPane(pane, index) {
    for (const spec of pane.series) {
      const series = this.chart.addSeries(library[KINDS[spec.kind ?? "line"]], this.styleOf(spec), index);
      this.series.push({ spec, series });
      if (spec.markers) this.markers = library.createSeriesMarkers(series, []);
    }
    this.chart.panes()[index].setStretchFactor(pane.height);
    const legend = Object.assign(document.createElement("div"), { className: "legend" });
    legend.setAttribute("aria-hidden", "true");
    this.area.append(legend);
    return legend;
  }

  // Each pane says in its own corner what it shows; heights are known once the panes are laid out.
  placeLegends() {
    requestAnimationFrame(() => {
      let top = 0;
      this.chart.panes().forEach((pane, index) => {
        const height = pane.getHeight();
        this.legends[index].style.top = `${top + 3}px`;
        pane.priceScale("right").applyOptions({ scaleMargins: { top: Math.min(0.5, 26 / Math.max(1, height)), bottom: 0.06 } });
        top += height + 1;
      });
    });
  }

  styleOf(spec) {
    const colour = token(TONES[spec.tone]);
    const shared = {
      priceLineVisible: false, lastValueVisible: false,
      priceFormat: { type: "custom", formatter: FORMATS[spec.format], minMove: 0.0001 },
    };
    if (spec.kind === "histogram") return { ...shared, base: 0 };
    if (spec.kind === "area") {
      return {
        ...shared, autoscaleInfoProvider: grounded, lineColor: colour, lineWidth: 1, topColor: rgba(colour, spec.tone === "loss" ? 0.04 : 0.25),
        bottomColor: rgba(colour, spec.tone === "loss" ? 0.28 : 0.02), crosshairMarkerVisible: false,
      };
    }
    return { ...shared, color: colour, lineWidth: spec.width ?? 1, crosshairMarkerRadius: 3 };
  }

  async load(from, to) {
    const names = [...new Set(this.series.map(({ spec }) => spec.curve))];
    const address = new URL(this.figure.dataset.source, location.href);
    address.searchParams.set("names", names.join(","));
    if (this.figure.dataset.symbol) address.searchParams.set("symbol", this.figure.dataset.symbol);
    if (from !== undefined) { address.searchParams.set("from", from); address.searchParams.set("to", to); }
    const response = await fetch(address);
    if (!response.ok) throw new Error(`Chart data could not be loaded (${response.status})`);
    this.show(await response.json());
  }

  show(data) {
    if (this.ended.signal.aborted) return;
    this.data = data;
    const seen = this.chart.timeScale().getVisibleRange();
    if (!this.whole) {
      this.whole = { from: data.times[0], to: data.times.at(-1) };
      this.thinned = data.bars_in_range > data.times.length;
      const step = (this.whole.to - this.whole.from) / Math.max(1, data.bars - 1);
      this.intraday = step < DAY * 0.9;
      this.chart.applyOptions({ timeScale: { timeVisible: this.intraday } });
    }
    const [gain, loss] = [token("gain"), token("loss")];
    for (const { spec, series } of this.series) {
      const values = data[spec.curve];
      const histogram = spec.kind === "histogram";
      series.setData(data.times.map((time, place) => {
        const value = values[place];
        if (value === null) return { time };
        return histogram ? { time, value, color: value < 0 ? loss : gain } : { time, value };
      }));
    }
    if (seen && this.loaded) this.chart.timeScale().setVisibleRange(seen);
    else this.fit();
    this.loaded = true;
    this.drawMarkers();
    this.tell(data.times.length - 1);
    this.figure.dataset.ready = "true";
  }

  async loadMarkers() {
    if (!this.figure.dataset.markers) return;
    const response = await fetch(this.figure.dataset.markers);
    if (!response.ok) return;
    this.trades = (await response.json()).trades;
    this.drawMarkers();
  }

  drawMarkers() {
    if (this.ended.signal.aborted || !this.markers || !this.trades || !this.data) return;
    const nearest = (time) => {
      const times = this.data.times;
      let low = 0, high = times.length - 1;
      while (low < high) { const middle = (low + high) >> 1; if (times[middle] < time) low = middle + 1; else high = middle; }
      return times[low];
    };
    const [gain, loss] = [token("gain"), token("loss")];
    const few = this.trades.length < 150;
    const marks = this.trades.flatMap((trade) => {
      const long = trade.side === "long";
      return [
        { time: nearest(trade.entry), position: long ? "belowBar" : "aboveBar", shape: long ? "arrowUp" : "arrowDown", color: long ? gain : loss, size: few ? 1 : 0.5 },
        { time: nearest(trade.exit), position: long ? "aboveBar" : "belowBar", shape: "circle", color: trade.pnl >= 0 ? gain : loss, size: few ? 0.6 : 0.3 },
      ];
    });
    this.markers.setMarkers(marks.sort((one, other) => one.time - other.time));
  }

  tell(place) {
    const data = this.data;
    const date = new Date(data.times[place] * 1000).toISOString();
    this.when.textContent = this.intraday ? date.slice(0, 16).replace("T", " ") : date.slice(0, 10);
    this.panes.forEach((pane, index) => this.legends[index].replaceChildren(...pane.series.map((spec) => {
      const item = document.createElement("span"), figure = document.createElement("span");
      const value = data[spec.curve][place];
      item.className = "key";
      item.dataset.tone = spec.tone;
      figure.className = "value";
      figure.textContent = value === null ? "–" : FORMATS[spec.format](value);
      item.append(`${spec.title} `, figure);
      return item;
    })));
  }

  wire() {
    const places = () => (this.index ??= new Map(this.data.times.map((time, place) => [time, place])));
    this.chart.subscribeCrosshairMove((event) => {
      if (!this.data) return;
      if (this.indexed !== this.data) { this.index = undefined; this.indexed = this.data; }
      const place = event.time === undefined ? this.data.times.length - 1 : places().get(event.time);
      if (place !== undefined) this.tell(place);
    });
    this.chart.timeScale().subscribeVisibleTimeRangeChange((range) => this.refine(range));
    const tools = this.figure.querySelector(".tools");
    tools.hidden = false;
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
      if (button.dataset.range) this.range(button.dataset.range);
      if (button.dataset.scale) this.chart.panes()[0].priceScale("right").applyOptions({ mode: button.dataset.scale === "log" ? 1 : 0 });
    });
    const { signal } = this.ended;
    document.addEventListener("themechange", () => this.repaint(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint(), { signal });
  }

  end() {
    this.ended.abort();
    clearTimeout(this.rest);
    this.chart.remove();
  }

  // The whole, with room on the left for the first year's label.
  fit() {
    const bars = this.data.times.length, axis = this.chart.timeScale();
    axis.setVisibleLogicalRange({ from: -(18 / Math.max(180, axis.width())) * bars, to: bars - 0.5 });
  }

  async range(name) {
    const { from, to } = this.whole;
    const end = new Date(to * 1000);
    const back = { "1M": 30, "6M": 182, "1Y": 365, "5Y": 1826 }[name];
    const wished = name === "Max" ? from : name === "YTD" ? Date.UTC(end.getUTCFullYear(), 0, 1) / 1000 : to - back * DAY;
    if ((this.detail ?? "whole") !== "whole") {  // what is loaded now may not reach that far
      this.detail = "whole";
      await this.load();
    }
    if (wished <= from) this.fit();
    else this.chart.timeScale().setVisibleRange({ from: wished, to });
  }

  // A thinned curve is fetched again for what is looked at, once the view has come to rest.
  refine(range) {
    if (!this.thinned || !range || this.refining) return;
    clearTimeout(this.rest);
    this.rest = setTimeout(async () => {
      const width = range.to - range.from, whole = this.whole.to - this.whole.from;
      const wanted = width < 0.6 * whole ? `${range.from}-${range.to}` : "whole";
      if (wanted === (this.detail ?? "whole")) return;
      this.detail = wanted;
      this.refining = true;
      try {
        if (wanted === "whole") await this.load();
        else await this.load(Math.max(0, Math.floor(range.from - width)), Math.ceil(range.to + width));
      } finally { setTimeout(() => { this.refining = false; }, 150); }
    }, 250);
  }

  repaint() {
    this.chart.applyOptions(this.options());
    for (const { spec, series } of this.series) series.applyOptions(this.styleOf(spec));
    if (this.data) this.show(this.data);
  }
}

const drawn = new Set();

// Draws the charts of a part of the page, and lets go of those that have left the page.
function draw(part) {
  for (const chart of drawn) {
    if (chart.figure.isConnected) continue;
    chart.end();
    drawn.delete(chart);
  }
  for (const figure of part.querySelectorAll("figure.chart")) {
    const chart = new Chart(figure);
    drawn.add(chart);
    chart.load().then(() => chart.loadMarkers()).catch((error) => {
      if (!chart.ended.signal.aborted) chart.legends[0].textContent = `${error.message}. Reload the page to try again.`;
    });
  }
}
draw(document);
document.addEventListener("panelchange", (event) => draw(event.target));
