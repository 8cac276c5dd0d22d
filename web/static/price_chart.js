// The price of a symbol as candles with the rule's lines; each trade in view, or how many where they are too many.
import { BaseChart, FORMATS, before, element, library, rgba, token } from "./chart_kit.js";
import { TradeMarks } from "./trade_marks.js";

const MOST = 150, LATEST = 253402300799;
const COLOURS = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"];
const SCALE = { priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", formatter: FORMATS.price, minMove: 1e-9 } };

export class PriceChart extends BaseChart {
  constructor(figure) {
    super(figure);
    this.candles = this.chart.addSeries(library.CandlestickSeries, this.candleStyle(), 0);
    this.marks = new TradeMarks();
    this.candles.attachPrimitive(this.marks);
    this.lines = [];
    this.panes = [];
    this.addLegend();
    this.view = figure.querySelector(".in-view");
    this.story = document.getElementById("trade-panel");
    this.chart.subscribeClick((event) => this.clicked(event));
    const { signal } = this.ended;
    document.addEventListener("click", (event) => this.follow(event), { signal });
    this.story.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); }, { signal });
  }

  candleStyle() {
    const ink = token("candle");
    return { ...SCALE, upColor: token("surface"), downColor: ink, borderUpColor: ink, borderDownColor: ink, wickUpColor: ink, wickDownColor: ink };
  }

  margins(index, height) {
    return super.margins(index, height, index ? 0.06 : Math.min(0.3, 44 / Math.max(1, height)));  // room for the strip
  }

  async load(from, to) {
    this.show(await this.fetched(this.figure.dataset.source, { symbol: this.figure.dataset.symbol }, from, to));
    if (!this.asked) {
      this.asked = true;
      const trade = new URL(location.href).searchParams.get("trade");
      if (/^\d+$/.test(trade ?? "")) await this.select(Number(trade), { quiet: true });
    }
    await this.loadMarks();
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
    this.marks.update({ times: data.times });
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

  moved() {
    super.moved();
    clearTimeout(this.marking);
    if (this.loaded) this.marking = setTimeout(() => this.loadMarks().catch(() => {}), 200);
  }

  // What was traded in the part of time that is in view.
  async loadMarks() {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));  // the view is as it was set
    if (this.ended.signal.aborted) return;
    const range = this.chart.timeScale().getVisibleRange(), turn = this.turn = (this.turn ?? 0) + 1;
    if (!range) return;
    const { times } = this.data, after = before(times, range.to) + 1;
    const to = after < times.length ? times[after] - 1 : LATEST;  // the last candle holds bars after its time
    const found = await this.fetched(this.figure.dataset.markers, { most: MOST, symbol: this.figure.dataset.symbol }, Math.max(0, range.from), to);
    if (turn !== this.turn) return;
    this.marks.update(found);
    this.view.textContent = this.sentence(found);
    this.figure.dataset.marked = String(found.total);
  }

  sentence({ total, density }) {
    const candle = this.data.bars_per_candle > 1 ? ` One candle is ${this.data.bars_per_candle} bars.` : "";
    const trades = `${total.toLocaleString("en")} trade${total === 1 ? "" : "s"} in view`;
    return density ? `${trades}: too many to draw each, so the strip counts those that ended, won above lost. Zoom in, or click the strip.${candle}`
      : `${trades}.${candle}${this.data.note ? ` ${this.data.note}` : ""}`;
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

  describe(place, event) {
    const { data } = this, rows = [element("strong", "", this.date(place))];
    const grown = data.close[place] / (data.close[place - 1] ?? data.open[place]) - 1;
    rows.push(element("div", "", "Close ", element("span", "value", FORMATS.price(data.close[place])), " ", element("span", `value ${grown < 0 ? "loss" : "gain"}`, `${grown > 0 ? "+" : ""}${FORMATS.percent(grown)}`)));
    for (const item of this.legends.flatMap((_, at) => this.items(place, at))) rows.push(element("div", "", item));
    const trade = this.marks.at(event.hoveredObjectId);
    if (trade) rows.push(element("div", "trade-line", `Trade ${trade.seq + 1}, ${trade.side} `, element("span", `value ${trade.pnl < 0 ? "loss" : "gain"}`, `${trade.pnl > 0 ? "+" : ""}${FORMATS.money(trade.pnl)}`)));
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

  clicked(event) {
    const trade = this.marks.at(event.hoveredObjectId);
    if (trade) this.select(trade.seq, { stay: true }).catch((error) => this.failed(error));
    else if (event.hoveredObjectId === "strip" && event.logical !== undefined) this.zoom(0.25, event.logical);
  }

  key(event) {
    if (event.key === "Enter" && this.cursor !== undefined) {
      const trade = this.marks.open(this.data.times[this.cursor]);
      if (trade) this.select(trade.seq, { stay: true, focus: true }).catch((error) => this.failed(error));
      event.preventDefault();
    } else super.key(event);
  }

  // A link to a trade, or its row, shows the trade here.
  follow(event) {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
    const row = event.target.closest("[data-row]");
    if (row) { event.preventDefault(); this.goTo(row.dataset.row); return; }
    const link = event.target.closest("[data-trade]");
    if (!link || !this.figure.isConnected || (event.target.closest("a") ?? link) !== link && !link.matches("tr")) return;
    event.preventDefault();
    this.select(Number(link.dataset.trade), { focus: true }).catch(() => { if (link.href) location.href = link.href; });
  }

  // Shows one trade: its story below the chart, its time on the chart, its row in the table.
  async select(seq, { stay = false, quiet = false, focus = false } = {}) {
    const response = await fetch(`${this.figure.dataset.trades}/${seq}?part=true`, { headers: { Accept: "text/html" }, signal: this.ended.signal });
    if (!response.ok) throw new Error(`Trade ${seq + 1} could not be loaded (${response.status})`);
    this.story.innerHTML = await response.text();
    const { dataset } = this.story.querySelector("[data-seq]");
    const chosen = { seq, entry: Number(dataset.entry), exit: Number(dataset.exit), levels: JSON.parse(dataset.levels) };
    if (dataset.symbol !== this.figure.dataset.symbol) { await this.change(dataset.symbol); stay = false; }
    this.marks.update({ chosen });
    if (!stay) await this.bring(chosen);
    await this.showRow(seq);
    const address = new URL(location.href);
    address.searchParams.set("trade", seq);
    history.replaceState(history.state, "", address);
    if (!stay && !quiet) this.figure.scrollIntoView({ block: "start", behavior: "instant" });
    if (focus) this.story.querySelector("h2").focus({ preventScroll: true });
  }

  async change(symbol) {
    this.figure.dataset.symbol = symbol;
    this.detail = "whole";
    this.whole = undefined;
    this.loaded = false;
    await this.load();
  }

  // The trade with as much time around it as it took, at least forty bars.
  async bring({ entry, exit }) {
    const bar = (this.whole.to - this.whole.from) / Math.max(1, this.data.bars - 1);
    const room = Math.max(exit - entry, 40 * bar);
    const from = Math.max(this.whole.from, entry - room), to = Math.min(this.whole.to, exit + room);
    this.release();
    clearTimeout(this.rest);
    if (this.thinned) {
      this.detail = `${from}-${to}`;
      this.refining = true;
      await this.load(Math.max(0, Math.floor(from - room)), Math.ceil(to + room)).finally(() => setTimeout(() => { this.refining = false; }, 400));
    }
    this.chart.timeScale().setVisibleRange({ from, to });
    await this.loadMarks();
  }

  // Its row is marked; where the table shows other trades, the page of the table that has it is fetched.
  async showRow(seq) {
    let row = document.getElementById(`trade-${seq}`);
    if (!row) {
      const address = new URL(this.figure.dataset.table, location.href);
      address.searchParams.set("page", Math.floor(seq / 100) + 1);
      address.searchParams.set("part", "panel");
      const response = await fetch(address, { headers: { Accept: "text/html" }, signal: this.ended.signal });
      const table = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("trades");
      if (!table) return;
      document.getElementById("trades").replaceWith(table);
      row = document.getElementById(`trade-${seq}`);
    }
    for (const other of document.querySelectorAll("tr.chosen")) other.classList.remove("chosen");
    row?.classList.add("chosen");
  }

  goTo(seq) {
    const row = document.getElementById(`trade-${seq}`);
    row?.scrollIntoView({ block: "center", behavior: "instant" });
    row?.querySelector("a").focus({ preventScroll: true });
  }

  close() {
    this.story.replaceChildren();
    this.marks.update({ chosen: null });
    for (const other of document.querySelectorAll("tr.chosen")) other.classList.remove("chosen");
    this.area.focus();
  }

  repaint() {
    this.chart.applyOptions(this.options());
    this.candles.applyOptions(this.candleStyle());
    this.lines.forEach(({ series }, index) => series.applyOptions({ color: token(COLOURS[index % COLOURS.length]) }));
    this.marks.repaint();
  }
}
