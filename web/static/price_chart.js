// The price of a symbol with the rule's lines; each trade in view, or how many where they are too many.
import { CandleChart } from "./candle_chart.js";
import { FORMATS, before, element } from "./chart_kit.js";
import { TradeMarks } from "./trade_marks.js";

const MOST = 150, LATEST = 253402300799;

export class PriceChart extends CandleChart {
  constructor(figure, first) {
    super(figure, first);
    this.marks = new TradeMarks();
    this.candles.attachPrimitive(this.marks);
    this.story = document.getElementById("trade-panel");
    this.chart.subscribeClick((event) => this.clicked(event));
    const { signal } = this.ended;
    document.addEventListener("click", (event) => this.follow(event), { signal });
    this.story.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); }, { signal });
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
    const found = await this.fetched(this.figure.dataset.markers, { most: MOST, symbol: this.figure.dataset.symbol }, range.from, to);
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

  describe(place, event) {
    const rows = super.describe(place), trade = this.marks.at(event.hoveredObjectId);
    if (trade) rows.push(element("div", "trade-line", `Trade ${trade.seq + 1}, ${trade.side} `, element("span", `value ${trade.pnl < 0 ? "loss" : "gain"}`, `${trade.pnl > 0 ? "+" : ""}${FORMATS.money(trade.pnl)}`)));
    return rows;
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
      await this.load(Math.floor(from - room), Math.ceil(to + room)).finally(() => setTimeout(() => { this.refining = false; }, 400));
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
    super.repaint();
    this.marks.repaint();
  }
}
