// The price of a symbol as candles, with the lines of a rule where there is one.
import { BaseChart, FORMATS, element, library, token } from "./chart_kit.js";

const COLOURS = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"];
const SCALE = { priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", formatter: FORMATS.price, minMove: 1e-9 } };

export class CandleChart extends BaseChart {
  constructor(figure, first) {
    super(figure, first);
    this.candles = this.chart.addSeries(library.CandlestickSeries, this.candleStyle(), 0);
    this.lines = [];
    this.panes = [];
    this.addLegend();
    this.view = figure.querySelector(".in-view");
  }

  candleStyle() {
    const ink = token("candle");
    return { ...SCALE, upColor: token("surface"), downColor: ink, borderUpColor: ink, borderDownColor: ink, wickUpColor: ink, wickDownColor: ink };
  }

  async load(from, to) {
    this.show(await this.fetched(this.figure.dataset.source, {}, from, to));
    this.view.textContent = this.data.bars_per_candle > 1 ? `One candle is ${this.data.bars_per_candle.toLocaleString("en")} bars; zoom in for each.` : "";
  }

  show(data) {
    if (this.ended.signal.aborted) return;
    const seen = this.chart.timeScale().getVisibleRange();
    this.remember(data);
    this.addPanes(data.panes);
    this.candles.setData(data.times.map((time, place) => ({
      time, open: data.open[place], high: data.high[place], low: data.low[place], close: data.close[place],
    })));
    for (const { series, pane, line } of this.lines) {
      const { values } = data.panes[pane].lines[line];
      series.setData(data.times.map((time, place) => (values[place] === null ? { time } : { time, value: values[place] })));
    }
    if (seen && this.loaded) this.chart.timeScale().setVisibleRange(seen);
    else this.fit();
    this.loaded = true;
    this.marks?.update({ times: data.times });
    this.tell(data.times.length - 1);
    this.placeLegends();
    this.figure.dataset.ready = "true";
  }

  // Lines lie on the price where they have its scale, else in panes of their own.
  addPanes(panes) {
    if (this.lines.length || !panes.length) return;
    panes.forEach((pane, index) => {
      const at = pane.name === "price" ? 0 : this.addPane();
      this.panes.push(at);
      pane.lines.forEach((line, place) => {
        const style = { ...SCALE, color: token(COLOURS[this.lines.length % COLOURS.length]), lineWidth: 1, crosshairMarkerRadius: 2 };
        const series = this.chart.addSeries(library.LineSeries, style, at);
        this.lines.push({ series, pane: index, line: place, colour: this.lines.length % COLOURS.length + 1 });
      });
      const over = this.lines.find((line) => line.pane === index)?.series ?? this.candles;
      for (const level of pane.levels) {
        over.createPriceLine({ price: level.value, color: token("ink-3"), lineWidth: 1, lineStyle: 2, axisLabelVisible: true, title: "" });
      }
    });
    this.area.dataset.panes = String(this.chart.panes().length);
    this.chart.panes().forEach((pane, index) => pane.setStretchFactor(index ? 1 : 3.2));
  }

  addPane() {
    this.addLegend();
    return this.legends.length - 1;
  }

  tell(place) {
    const { data } = this;
    this.when.textContent = this.date(place);
    const price = element("span", "key plain", `${data.symbol} `);
    for (const [name, letter] of [["open", "O"], ["high", "H"], ["low", "L"], ["close", "C"]]) price.append(`${letter} `, element("span", "value", FORMATS.price(data[name][place])), " ");
    this.legends.forEach((legend, at) => legend.replaceChildren(...(at ? [] : [price]), ...this.items(place, at)));
  }

  items(place, at) {
    return this.lines.filter(({ pane }) => this.panes[pane] === at).map(({ pane, line, colour }) => {
      const { label, values } = this.data.panes[pane].lines[line];
      const made = element("span", "key", `${label} `, element("span", "value", values[place] === null ? "–" : FORMATS.price(values[place])));
      made.dataset.series = colour;
      return made;
    });
  }

  describe(place) {
    const { data } = this, rows = [element("strong", "", this.date(place))];
    const grown = data.close[place] / (data.close[place - 1] ?? data.open[place]) - 1;
    rows.push(element("div", "", "Close ", element("span", "value", FORMATS.price(data.close[place])), " ", element("span", `value ${grown < 0 ? "loss" : "gain"}`, `${grown > 0 ? "+" : ""}${FORMATS.percent(grown)}`)));
    for (const item of this.legends.flatMap((_, at) => this.items(place, at))) rows.push(element("div", "", item));
    return rows;
  }

  read(place) {
    const lines = this.lines.map(({ pane, line }) => {
      const { label, values } = this.data.panes[pane].lines[line];
      return `${label} ${values[place] === null ? "unknown" : FORMATS.price(values[place])}`;
    });
    return [`close ${FORMATS.price(this.data.close[place])}`, ...lines].join(", ");
  }

  anchor(place) {
    return { value: this.data.close[place], series: this.candles };
  }

  repaint() {
    this.chart.applyOptions(this.options());
    this.candles.applyOptions(this.candleStyle());
    this.lines.forEach(({ series }, index) => series.applyOptions({ color: token(COLOURS[index % COLOURS.length]) }));
  }
}
