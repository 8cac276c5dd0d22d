// What every chart of a result shares: look, ranges, zoom, keyboard, the box near the pointer.
export const library = window.LightweightCharts;
export const DAY = 86400;
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const fixed = (digits) => (value) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
const price = (value) => {
  const size = Math.abs(value);
  const digits = size >= 10 || !size ? 2 : size >= 1 ? 4 : Math.min(15, 4 - Math.floor(Math.log10(size)));
  return value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits) }).replace("-", "−");
};
const power = (value) => value.toExponential(1).replace("e+", "e").replace("-", "−");
export const FORMATS = {
  money: (value) => Math.abs(value) >= 1e10 ? power(value) : fixed(Math.abs(value) < 1000 ? 2 : 0)(value),
  price,
  percent: (value) => Math.abs(value) >= 1e4 ? `${power(value)}×` : `${fixed(1)(100 * value)}%`,
  ratio: fixed(2),
};
export const signed = (value) => `${value > 0 ? "+" : ""}${FORMATS.percent(value)}`;

// canvas understands no color-mix in every browser: resolve it to rgba first
export function rgba(colour, alpha) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour;
  const hex = probe.fillStyle;
  const [red, green, blue] = [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

// The place of the last time that is not after this one, at least 0.
export function before(times, time) {
  let low = 0, high = times.length - 1;
  while (low < high) { const middle = (low + high + 1) >> 1; if (times[middle] > time) high = middle - 1; else low = middle; }
  return low;
}

export function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

export class BaseChart {
  // `first` is the answer to the first request, where the page made it already.
  constructor(figure, first) {
    this.figure = figure;
    this.first = first;
    this.area = figure.querySelector(".chart-area");
    this.when = figure.querySelector(".when");
    this.tools = figure.querySelector(".tools");
    this.ended = new AbortController();
    this.legends = [];
    this.chart = library.createChart(this.area, this.options());
    this.box = this.area.appendChild(element("div", "hover-box"));
    this.box.hidden = true;
    this.box.setAttribute("aria-hidden", "true");
    this.status = figure.appendChild(element("p", "visually-hidden"));
    this.status.setAttribute("role", "status");
    this.resizing = new ResizeObserver(() => this.placeLegends());
    this.resizing.observe(this.area);
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
      handleScroll: { vertTouchDrag: false, mouseWheel: false },
      handleScale: { mouseWheel: false },
    };
  }

  addLegend() {
    const legend = this.area.appendChild(element("div", "legend"));
    legend.setAttribute("aria-hidden", "true");
    this.legends.push(legend);
  }

  // Each pane says in its own corner what it shows; heights are known once the panes are laid out.
  placeLegends() {
    requestAnimationFrame(() => {
      if (this.ended.signal.aborted) return;
      let top = 0;
      this.chart.panes().forEach((pane, index) => {
        if (!this.legends[index]) return;
        const height = pane.getHeight();
        this.legends[index].style.top = `${top + 3}px`;
        pane.priceScale("right").applyOptions({ scaleMargins: this.margins(index, height) });
        top += height + 1;
      });
    });
  }

  // What is drawn begins below the legend, however many lines that takes.
  margins(index, height, bottom = 0.06) {
    return { top: Math.min(0.5, (this.legends[index].offsetHeight + 10) / Math.max(1, height)), bottom };
  }

  wire() {
    const { signal } = this.ended, axis = this.chart.timeScale();
    this.chart.subscribeCrosshairMove((event) => this.hover(event));
    axis.subscribeVisibleTimeRangeChange((range) => this.moved(range));
    this.area.addEventListener("wheel", (event) => this.wheel(event), { passive: false, signal });
    this.area.addEventListener("pointermove", (event) => { if (event.buttons) this.release(); }, { signal });
    this.area.addEventListener("keydown", (event) => this.key(event), { signal });
    this.area.addEventListener("blur", () => this.chart.clearCrosshairPosition(), { signal });
    this.tools.hidden = false;
    this.tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.tool(button);
    }, { signal });
    addEventListener("beforeprint", () => this.picture(), { signal });
    addEventListener("afterprint", () => this.figure.querySelector(".printed")?.remove(), { signal });
    document.addEventListener("themechange", () => this.repaint(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.repaint(), { signal });
  }

  // A canvas is as wide as the screen; paper gets a picture of it, which fits.
  picture() {
    const image = element("img", "printed");
    image.alt = "";
    image.src = this.chart.takeScreenshot(true).toDataURL();
    this.area.append(image);
  }

  end() {
    this.ended.abort();
    this.resizing.disconnect();
    this.chart.remove();
  }

  tool(button) {
    if (button.dataset.zoom) { this.zoom(Number(button.dataset.zoom)); return; }
    this.press(button);
    if (button.dataset.range) this.range(button.dataset.range);
    if (button.dataset.scale) this.rescale(button.dataset.scale);
  }

  press(button) {
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
  }

  rescale() {}

  // The view is no longer that of a button.
  release() {
    for (const button of this.tools.querySelectorAll("[data-range]")) button.setAttribute("aria-pressed", "false");
  }

  // The wheel scrolls the page; with Ctrl or ⌘ it zooms at the pointer.
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const x = event.clientX - this.area.getBoundingClientRect().left;
    this.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, this.chart.timeScale().coordinateToLogical(x));
  }

  zoom(factor, around) {
    const axis = this.chart.timeScale(), seen = axis.getVisibleLogicalRange();
    if (!seen) return;
    const centre = around ?? (seen.from + seen.to) / 2;
    const last = this.data.times.length - 0.5;
    const from = Math.max(-2, centre - (centre - seen.from) * factor), to = Math.min(last, centre + (seen.to - centre) * factor);
    if (to - from < 4 && factor < 1) return;
    this.release();
    axis.setVisibleLogicalRange({ from, to });
  }

  pan(bars) {
    const axis = this.chart.timeScale(), seen = axis.getVisibleLogicalRange();
    this.release();
    axis.setVisibleLogicalRange({ from: seen.from + bars, to: seen.to + bars });
  }

  key(event) {
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.data.times.length - 1, place = this.cursor ?? last;
    const step = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: place - step, ArrowRight: place + step, Home: 0, End: last }[event.key];
    if (to !== undefined) this.point(Math.max(0, Math.min(last, to)));
    else if (event.key === "+" || event.key === "=") this.zoom(1 / 1.5, this.cursor);
    else if (event.key === "-") this.zoom(1.5, this.cursor);
    else return;
    event.preventDefault();
  }

  // Puts the crosshair on a bar and reads its values out.
  point(place) {
    this.cursor = place;
    const { value, series } = this.anchor(place);
    const seen = this.chart.timeScale().getVisibleLogicalRange();
    if (place < seen.from) this.pan(place - seen.from - 5);
    if (place > seen.to) this.pan(place - seen.to + 5);
    this.chart.setCrosshairPosition(value, this.data.times[place], series);
    this.tell(place);
    this.status.textContent = `${this.date(place)}: ${this.read(place)}`;
  }

  date(place) {
    const text = new Date(this.data.times[place] * 1000).toISOString();
    return this.intraday ? text.slice(0, 16).replace("T", " ") : text.slice(0, 10);
  }

  hover(event) {
    if (!this.data) return;
    const place = event.time === undefined ? undefined : this.places().get(event.time);
    this.tell(place ?? this.right());
    if (place === undefined || !event.point || !event.sourceEvent) { this.box.hidden = true; return; }
    this.cursor = place;
    this.box.replaceChildren(...this.describe(place, event));
    this.box.hidden = false;
    const width = this.box.offsetWidth, height = this.box.offsetHeight, { x } = event.point;
    const y = event.sourceEvent.clientY - this.area.getBoundingClientRect().top;
    const left = x + 16 + width < this.area.clientWidth - 76 ? x + 16 : x - 16 - width;
    this.box.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, Math.min(y + 12, this.area.clientHeight - height - 30))}px)`;
  }

  places() {
    if (this.indexed !== this.data) {
      this.indexed = this.data;
      this.index = new Map(this.data.times.map((time, place) => [time, place]));
    }
    return this.index;
  }

  // The first and the last bar in view; the view may be of data that is being replaced.
  left() { return this.inside(Math.ceil(this.chart.timeScale().getVisibleLogicalRange()?.from ?? 0)); }
  right() { return this.inside(Math.floor(this.chart.timeScale().getVisibleLogicalRange()?.to ?? Infinity)); }
  inside(place) { return Math.max(0, Math.min(this.data.times.length - 1, place)); }

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
    await this.showWhole();
    if (wished <= from) this.fit();
    else this.chart.timeScale().setVisibleRange({ from: wished, to });
  }

  // What is loaded in detail may not reach as far as what is asked for.
  async showWhole() {
    if ((this.detail ?? "whole") === "whole") return;
    this.detail = "whole";
    await this.load();
  }

  remember(data) {
    this.data = data;
    this.cursor = undefined;
    if (this.whole) return;
    this.whole = { from: data.times[0], to: data.times.at(-1) };
    this.thinned = data.bars_in_range > data.times.length;
    const step = (this.whole.to - this.whole.from) / Math.max(1, data.bars - 1);
    this.intraday = step < DAY * 0.9;
    this.chart.applyOptions({ timeScale: { timeVisible: this.intraday } });
  }

  moved() { this.refine(); }

  // A thinned curve is fetched again for what is looked at, once the view has come to rest.
  refine() {
    if (!this.thinned || this.refining) return;
    clearTimeout(this.rest);
    this.rest = setTimeout(async () => {
      if (this.ended.signal.aborted || this.refining) return;
      const range = this.chart.timeScale().getVisibleRange();
      if (!range) return;
      const width = range.to - range.from, whole = this.whole.to - this.whole.from;
      const wanted = width < 0.6 * whole ? `${range.from}-${range.to}` : "whole";
      if (wanted === (this.detail ?? "whole")) return;
      this.detail = wanted;
      this.refining = true;
      try {
        if (wanted === "whole") await this.load();
        else await this.load(Math.floor(range.from - width), Math.ceil(range.to + width));
      } finally { setTimeout(() => { this.refining = false; }, 150); }
    }, 250);
  }

  async fetched(source, query, from, to) {
    const { first } = this;
    this.first = null;
    if (first) return first;
    const address = new URL(source, location.href);
    for (const [name, value] of Object.entries(query)) if (value) address.searchParams.set(name, value);
    if (from !== undefined) { address.searchParams.set("from", from); address.searchParams.set("to", to); }
    const response = await fetch(address, { signal: this.ended.signal });
    if (!response.ok) throw new Error(`Chart data could not be loaded (${response.status})`);
    return response.json();
  }

  failed(error) {
    if (!this.ended.signal.aborted) this.legends[0].textContent = `${error.message}. Reload the page to try again.`;
  }
}
