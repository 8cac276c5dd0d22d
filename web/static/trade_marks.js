// Draws trades over candles: where each began and ended and how, or a strip that counts them.
import { before, rgba, token } from "./chart_kit.js";

const STRIP = 30, NEAR = 9;

export class TradeMarks {
  constructor() {
    this.state = { times: [], trades: [], density: null, chosen: null };
    this.placed = [];
    this.view = { zOrder: () => "top", renderer: () => ({ draw: (target) => target.useMediaCoordinateSpace((space) => this.draw(space)) }) };
    this.repaint();
  }

  attached({ chart, series, requestUpdate }) {
    this.chart = chart;
    this.series = series;
    this.request = requestUpdate;
  }

  paneViews() { return [this.view]; }
  updateAllViews() {}

  update(changes) {
    Object.assign(this.state, changes);
    this.request?.();
  }

  repaint() {
    this.colours = Object.fromEntries(["gain", "loss", "surface", "ink-2", "ink-3", "mark-long", "mark-short", "accent"].map((name) => [name, token(name)]));
    this.request?.();
  }

  at(id) {
    return typeof id === "string" && id.startsWith("trade-") ? this.state.trades.find(({ seq }) => `trade-${seq}` === id) : undefined;
  }

  // The trade that was open at a time.
  open(time) {
    return this.state.trades.find(({ entry, exit }) => entry <= time && time <= exit);
  }

  x(time) {
    const { times } = this.state;
    return times.length ? this.chart.timeScale().timeToCoordinate(times[before(times, time)]) : null;
  }

  hitTest(x, y) {
    const near = this.placed.map((place) => ({ place, far: Math.min(Math.hypot(x - place.x1, y - place.y1), Math.hypot(x - place.x2, y - place.y2)) }))
      .filter(({ far }) => far <= NEAR).sort((one, other) => one.far - other.far)[0];
    if (near) return { externalId: `trade-${near.place.seq}`, cursorStyle: "pointer", zOrder: "top" };
    if (this.state.density && y > this.height - STRIP - 2) return { externalId: "strip", cursorStyle: "zoom-in", zOrder: "top" };
    return null;
  }

  draw({ context, mediaSize }) {
    this.height = mediaSize.height;
    this.placed = [];
    context.save();
    this.band(context, mediaSize);
    if (this.state.density) this.strip(context, mediaSize);
    else this.each(context);
    context.restore();
  }

  each(context) {
    const { trades, chosen } = this.state, size = trades.length > 80 ? 3.2 : trades.length > 30 ? 4 : 5.5;
    for (const trade of trades) {
      const x1 = this.x(trade.entry), x2 = this.x(trade.exit);
      const y1 = this.series.priceToCoordinate(trade.entry_fill), y2 = this.series.priceToCoordinate(trade.exit_fill);
      if (x1 === null || x2 === null || y1 === null || y2 === null) continue;
      this.placed.push({ seq: trade.seq, x1, y1, x2, y2 });
      const long = trade.side === "long", side = this.colours[long ? "mark-long" : "mark-short"];
      const result = this.colours[trade.pnl > 0 ? "gain" : "loss"];
      const large = trade.seq === chosen?.seq ? size + 2 : size;
      this.line(context, x1, y1, x2, y2, result, trade.seq === chosen?.seq);
      this.triangle(context, x1, y1, long ? 1 : -1, large, side, large + 5);
      // where the two triangles would cover each other the dot alone marks the exit
      if (x2 - x1 > 2 * large || trade.seq === chosen?.seq) this.triangle(context, x2, y2, long ? -1 : 1, large, side, large + 5);
      this.dot(context, x2, y2, large * 0.62, result);
    }
  }

  line(context, x1, y1, x2, y2, colour, strong) {
    context.strokeStyle = rgba(colour, strong ? 0.95 : 0.5);
    context.lineWidth = strong ? 2 : 1;
    context.setLineDash(strong ? [] : [3, 2]);
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
    context.setLineDash([]);
  }

  // Up: a triangle below its price that points up at it. Down: one above it that points down.
  triangle(context, x, y, up, size, colour, apart) {
    const tip = y + up * (apart - size), foot = tip + up * size * 1.5;
    context.fillStyle = colour;
    context.strokeStyle = this.colours.surface;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, tip);
    context.lineTo(x - size, foot);
    context.lineTo(x + size, foot);
    context.closePath();
    context.stroke();
    context.fill();
  }

  dot(context, x, y, radius, colour) {
    context.fillStyle = colour;
    context.strokeStyle = this.colours.surface;
    context.lineWidth = 1;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }

  // The chosen trade's time, with its stop and target.
  band(context, { height }) {
    const { chosen } = this.state;
    if (!chosen) return;
    const x1 = this.x(chosen.entry), x2 = this.x(chosen.exit);
    if (x1 === null || x2 === null) return;
    context.fillStyle = rgba(this.colours.accent, 0.1);
    context.fillRect(x1, 0, Math.max(2, x2 - x1), height);
    context.font = "11px sans-serif";
    for (const { name, price } of chosen.levels) {
      const y = this.series.priceToCoordinate(price);
      if (y === null) continue;
      const colour = this.colours[name === "take_profit" ? "gain" : "loss"];
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      context.setLineDash([5, 3]);
      context.beginPath();
      context.moveTo(x1, y);
      context.lineTo(Math.max(x2, x1 + 24), y);
      context.stroke();
      context.setLineDash([]);
      context.fillStyle = colour;
      context.fillText({ take_profit: "target", stop_loss: "stop", trailing_stop: "trail" }[name], Math.max(x2, x1 + 24) + 4, y + 4);
    }
  }

  // Each bar of the strip counts the trades that ended in its time: won above, lost below.
  strip(context, { width, height }) {
    const { times, won, lost } = this.state.density;
    const most = Math.max(...won.map((count, place) => count + lost[place]), 1);
    const edges = times.map((time) => this.x(time) ?? 0);
    context.fillStyle = rgba(this.colours.surface, 0.85);
    context.fillRect(0, height - STRIP - 2, width, STRIP + 2);
    won.forEach((count, place) => {
      const x = edges[place], wide = Math.max(1, edges[place + 1] - x - 0.5);
      const up = STRIP * count / most, down = STRIP * lost[place] / most;
      context.fillStyle = rgba(this.colours.loss, 0.6);
      context.fillRect(x, height - down, wide, down);
      context.fillStyle = rgba(this.colours.gain, 0.6);
      context.fillRect(x, height - down - up, wide, up);
    });
  }
}
