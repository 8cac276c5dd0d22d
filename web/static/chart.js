// Linked charts: several panes on one time axis, fed by the server, detail fetched when zoomed in.
import { BaseChart, FORMATS, element, library, rgba, signed, token } from "./chart_kit.js";
import { loadParts } from "./parts.js";

const KINDS = { area: "BaselineSeries", histogram: "HistogramSeries", line: "LineSeries" };
const TONES = { equity: "chart-equity", benchmark: "chart-benchmark", loss: "loss", gain: "gain", ink: "ink-2" };
const LINEAR = 0, LOG = 1, PERCENT = 2;

// An area stands on zero, and a flat one keeps room around it, so that nothing reads as a loss of nothing.
function grounded(original) {
  const found = original();
  if (!found?.priceRange) return found;
  const { minValue, maxValue } = found.priceRange;
  const low = Math.min(0, minValue), high = Math.max(0, maxValue);
  return { ...found, priceRange: low === high ? { minValue: -0.01, maxValue: 0 } : { minValue: low, maxValue: high } };
}

// A few extremes of a ratio would flatten the rest: they leave the pane, and the box near the pointer tells them.
const within = (most) => (original) => {
  const found = original();
  if (!found?.priceRange) return found;
  const { minValue, maxValue } = found.priceRange;
  return { ...found, priceRange: { minValue: Math.max(-most, minValue), maxValue: Math.min(most, maxValue) } };
};

class CurveChart extends BaseChart {
  constructor(figure, first) {
    super(figure, first);
    this.panes = JSON.parse(figure.dataset.panes);
    this.series = [];
    this.window = figure.querySelector("select[name=window]");
    this.window?.addEventListener("change", () => this.load().catch((error) => this.failed(error)), { signal: this.ended.signal });
    this.panes.forEach((pane, index) => this.addPane(pane, index));
    this.placeLegends();
  }

  addPane(pane, index) {
    for (const spec of pane.series) {
      const series = this.chart.addSeries(library[KINDS[spec.kind ?? "line"]], this.styleOf(spec), index);
      this.series.push({ spec, series });
      if (pane.zero && spec === pane.series[0]) series.createPriceLine({ price: 0, color: token("line-strong"), lineWidth: 1, lineStyle: 0, axisLabelVisible: false });
    }
    this.chart.panes()[index].setStretchFactor(pane.height);
    this.addLegend();
  }

  styleOf(spec) {
    const colour = token(TONES[spec.tone]);
    const shared = {
      priceLineVisible: false, lastValueVisible: false, lineType: spec.steps ? 1 : 0,
      priceFormat: { type: "custom", formatter: FORMATS[spec.format], minMove: 0.0001 },
    };
    if (spec.kind === "histogram") return { ...shared, base: 0 };
    if (spec.kind === "area") {
      const fill = rgba(colour, 0.22);
      return {
        ...shared, autoscaleInfoProvider: grounded, baseValue: { type: "price", price: 0 }, lineWidth: 1, crosshairMarkerVisible: false,
        topLineColor: colour, topFillColor1: fill, topFillColor2: fill, bottomLineColor: colour, bottomFillColor1: fill, bottomFillColor2: fill,
      };
    }
    const bounded = spec.most ? { autoscaleInfoProvider: within(spec.most) } : {};
    return { ...shared, ...bounded, color: colour, lineWidth: spec.width ?? 1, crosshairMarkerRadius: 3 };
  }

  async load(from, to) {
    const names = [...new Set(this.series.map(({ spec }) => spec.curve))];
    const query = { names: names.join(","), symbol: this.figure.dataset.symbol, window: this.window?.value, points: this.figure.dataset.points };
    this.show(await this.fetched(this.figure.dataset.source, query, from, to));
  }

  show(data) {
    if (this.ended.signal.aborted) return;
    const seen = this.chart.timeScale().getVisibleRange();
    this.remember(data);
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
    this.tell(data.times.length - 1);
    this.placeLegends();
    this.figure.dataset.ready = "true";
  }

  async range(name) {
    await super.range(name);
    this.rescale(name === "Max" ? this.chosen ?? "linear" : "percent", { keep: true });
  }

  // A range counts from its left edge; what has lost everything there cannot, and stays in money.
  rescale(name, { keep = false } = {}) {
    if (!this.tools.querySelector("[data-scale]")) return;
    if (!keep) this.chosen = name;
    const rebased = this.series.every(({ spec }) => !spec.rebase || this.data[spec.curve][this.left()] > 0);
    const scale = name === "percent" && !rebased ? "linear" : name;
    this.press(this.tools.querySelector(`[data-scale="${scale}"]`));
    this.chart.panes()[0].priceScale("right").applyOptions({ mode: { linear: LINEAR, log: LOG, percent: PERCENT }[scale] });
    this.tell(this.cursor ?? this.right());
  }

  moved() {
    if (this.data) this.tell(this.right());
    super.moved();
  }

  // The return since the left edge of what is in view.
  since(spec, place) {
    const left = this.data[spec.curve][this.left()], value = this.data[spec.curve][place];
    return left > 0 && value !== null ? value / left - 1 : null;
  }

  tell(place) {
    this.when.textContent = place === this.data.times.length - 1 && this.left() === 0 ? this.date(place) : `${this.date(this.left())} – ${this.date(place)}`;
    this.panes.forEach((pane, index) => this.legends[index].replaceChildren(...[...pane.series].reverse().map((spec) => this.item(spec, place))));
  }

  item(spec, place) {
    const thinned = spec.kind === "histogram" && this.data.bars_in_range > this.data.times.length;
    const value = this.data[spec.curve][place], made = element("span", "key", `${spec.title}${thinned ? ", the largest; zoom in for each" : ""} `);
    made.dataset.tone = spec.tone;
    made.append(element("span", "value", value === null ? "–" : FORMATS[spec.format](value)));
    const grown = spec.format === "money" && spec.rebase ? this.since(spec, place) : null;
    if (grown !== null) made.append(" ", element("span", `value ${grown < 0 ? "loss" : "gain"}`, signed(grown)));
    return made;
  }

  describe(place) {
    const rows = this.panes.flatMap((pane) => [...pane.series].reverse()).map((spec) => {
      const row = element("div");
      row.append(this.item(spec, place));
      return row;
    });
    return [element("strong", "", this.date(place)), ...rows];
  }

  read(place) {
    return this.series.map(({ spec }) => {
      const value = this.data[spec.curve][place];
      return `${spec.title} ${value === null ? "unknown" : FORMATS[spec.format](value)}`;
    }).reverse().join(", ");
  }

  anchor(place) {
    const { spec, series } = this.series.at(0);
    return { value: this.data[spec.curve][place] ?? 0, series };
  }

  repaint() {
    this.chart.applyOptions(this.options());
    for (const { spec, series } of this.series) series.applyOptions(this.styleOf(spec));
    if (this.data) this.show(this.data);
  }
}

const drawn = new Set();

async function kindOf(figure) {
  if (figure.dataset.kind === "price") return (await import("./price_chart.js")).PriceChart;
  return figure.dataset.kind === "candles" ? (await import("./candle_chart.js")).CandleChart : CurveChart;
}

// Draws the charts of a part of the page, and lets go of those that have left the page.
function draw(part) {
  for (const chart of drawn) {
    if (chart.figure.isConnected) continue;
    chart.end();
    drawn.delete(chart);
  }
  for (const figure of part.querySelectorAll("figure.chart")) start(figure);
  loadParts(part);
}

// What the page asked for while the scripts were loading: the chart is drawn once, with it, and not empty before.
async function preloaded(figure) {
  const link = figure.querySelector("link[rel=preload]");
  if (!link) return null;
  try {
    const response = await fetch(link.href);
    return response.ok ? await response.json() : null;
  } catch { return null; }  // the chart asks again, and tells what is wrong
}

async function start(figure) {
  const [Kind, first] = await Promise.all([kindOf(figure), preloaded(figure)]);
  if (!figure.isConnected) return;
  const chart = new Kind(figure, first);
  drawn.add(chart);
  chart.load().catch((error) => chart.failed(error));
}

draw(document);
document.addEventListener("panelchange", (event) => draw(event.target));
