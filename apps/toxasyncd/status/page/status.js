"use strict";
// Plots the data of /status.json, and updates the numbers from the page itself every few seconds.
(() => {
  const EVERY_MS = 5000;
  const DAY_EVERY_MS = 60000;
  const SHORTEST = 24;  // steps
  const HEIGHT = 150, LEFT = 52, RIGHT = 10, TOP = 8, BOTTOM = 20;
  const SVG = "http://www.w3.org/2000/svg";

  const scaled = (value, steps) => {
    let [factor, unit] = steps[0];
    for (const step of steps) if (value >= step[0]) [factor, unit] = step;
    const shown = value / factor;
    return `${shown >= 10 || Number.isInteger(shown) ? Math.round(shown) : shown.toFixed(1)} ${unit}`;
  };
  const BYTES = [[1, "B"], [1024, "KiB"], [1048576, "MiB"], [1073741824, "GiB"], [1099511627776, "TiB"]];
  const bytes = (value) => scaled(value, BYTES);
  const bytesPerSecond = (value) => `${bytes(value)}/s`;
  const perSecond = (value) => `${value >= 100 ? Math.round(value) : Math.round(value * 10) / 10} /s`;
  const perMinute = (value) => `${Math.round(value * 10) / 10} /min`;
  const duration = (value) => value > 0 && value < 1 ? "<1 ms" : scaled(value, [[1, "ms"], [1000, "s"]]);

  // column: in /status.json; per: factor.
  const PLOTS = [
    { title: "Stored, fetched, deleted", format: perSecond, series: [
      { name: "stored", column: "stored_per_s", ink: "blue" },
      { name: "fetched", column: "fetched_per_s", ink: "teal" },
      { name: "deleted", column: "deleted_per_s", ink: "violet", dashed: true }],
      none: "Nothing stored or fetched in this time." },
    { title: "Response time", format: duration, series: [
      { name: "stores", column: "store_median_ms", ink: "blue" },
      { name: "99 %", column: "store_p99_ms", ink: "blue", dashed: true },
      { name: "retrieves", column: "retrieve_median_ms", ink: "teal" },
      { name: "99 %", column: "retrieve_p99_ms", ink: "teal", dashed: true }],
      none: "No request in this time." },
    { title: "Envelopes stored", format: bytes, filled: true, series: [
      { name: "encrypted", column: "bytes", ink: "blue" }], none: "No envelope was stored in this time." },
    { title: "Traffic", format: bytesPerSecond, series: [
      { name: "received", column: "bytes_in_per_s", ink: "teal" },
      { name: "sent", column: "bytes_out_per_s", ink: "blue", dashed: true }],
      none: "No packets in this time." },
    { title: "Refused", format: perMinute, filled: true, series: [
      { name: "requests and packets", column: "refused_per_s", per: 60, ink: "amber" }],
      none: "Nothing refused in this time." },
    { title: "Event loop lag", format: duration, filled: true, series: [
      { name: "maximum", column: "lag_ms", ink: "violet" }], none: "No lag in this time." },
  ];

  const svg = (name, attributes, parent) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  };
  const html = (name, className, text, parent) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  const clock = (unixS, seconds) => new Date(unixS * 1000).toLocaleTimeString([], {
    hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23" });

  /// The next of 1, 2, 5, 10, ... (bytes: of powers of two) above.
  const niceTop = (value, binary) => {
    if (binary) return Math.max(4, 2 ** Math.ceil(Math.log2(value)));
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
  };

  class Plot {
    constructor(definition, parent) {
      this.definition = definition;
      this.box = html("figure", "plot", "", parent);
      html("h3", "", definition.title, this.box);
      this.legend = html("div", "legend", "", this.box);
      this.area = svg("svg", { class: "area", role: "img", tabindex: "0" }, this.box);
      this.tip = html("div", "tip", "", this.box);
      this.tip.hidden = true;
      this.area.addEventListener("pointermove", (event) => this.point(event.offsetX));
      this.area.addEventListener("pointerleave", () => this.unpoint());
      this.area.addEventListener("blur", () => this.unpoint());
      this.area.addEventListener("keydown", (event) => this.key(event));
    }

    values(series) {
      const column = this.history.columns.indexOf(series.column);
      return this.history.rows.map((row) => row[column] === null ? null : row[column] * (series.per || 1));
    }

    draw(history, now) {
      this.history = history;
      this.at = history.rows.map((row) => row[0]);
      // A short history is stretched.
      const past = this.at.length ? now - this.at[0] + history.step_s : 0;
      this.span = Math.min(history.step_s * history.max_rows, Math.max(history.step_s * SHORTEST, past));
      this.now = now;
      this.all = this.definition.series.map((series) => this.values(series));
      const most = Math.max(0, ...this.all.flat().filter((value) => value !== null));
      this.width = this.area.clientWidth || 400;
      this.area.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
      this.area.replaceChildren();
      this.top = most > 0 ? niceTop(most, this.definition.format === bytes || this.definition.format === bytesPerSecond) : 1;
      this.drawAxes(most);
      if (most > 0) this.definition.series.forEach((series, i) => this.drawSeries(series, this.all[i]));
      this.describe(most);
      this.cross = svg("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }, this.area);
      if (this.pointed !== undefined && !this.tip.hidden) this.show(Math.min(this.pointed, this.at.length - 1));
    }

    x(unixS) {
      return LEFT + (1 - (this.now - unixS) / this.span) * (this.width - LEFT - RIGHT);
    }

    y(value) {
      return TOP + (1 - value / this.top) * (HEIGHT - TOP - BOTTOM);
    }

    drawAxes(most) {
      for (const part of most > 0 ? [0, 0.5, 1] : [0]) {
        const y = this.y(part * this.top);
        svg("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }, this.area);
        const label = svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.area);
        label.textContent = part === 0 ? "0" : this.definition.format(part * this.top).replace(/ ?\/(s|min)$/, "");
      }
      const steps = this.span < 300 ? 3 : 4;
      for (let i = 0; i <= steps; ++i) {
        const at = this.now - this.span * (1 - i / steps);
        const anchor = i === 0 ? "start" : i === steps ? "end" : "middle";
        svg("text", { x: this.x(at), y: HEIGHT - 4, "text-anchor": anchor }, this.area).textContent = clock(at, this.span < 300);
      }
      if (most === 0) {
        svg("text", { x: (LEFT + this.width - RIGHT) / 2, y: HEIGHT / 2, "text-anchor": "middle" }, this.area)
          .textContent = this.definition.none;
      }
    }

    drawSeries(series, values) {
      const ink = svg("g", { class: series.ink }, this.area);
      for (const piece of this.pieces(values)) {
        const line = piece.map((i) => `${this.x(this.at[i]).toFixed(1)} ${this.y(values[i]).toFixed(1)}`).join("L");
        if (piece.length === 1) {
          const [x, y] = line.split(" ");
          svg("circle", { class: "dot", cx: x, cy: y, r: series.dashed ? 1.5 : 2.5 }, ink);
          continue;
        }
        if (this.definition.filled) {
          const ends = [piece[piece.length - 1], piece[0]].map((i) => `${this.x(this.at[i]).toFixed(1)} ${this.y(0)}`);
          svg("path", { class: "under", d: `M${line}L${ends.join("L")}Z` }, ink);
        }
        svg("path", { class: series.dashed ? "series dashed" : "series", d: `M${line}` }, ink);
      }
    }

    /// Runs of values that follow one another, as indices.
    pieces(values) {
      const pieces = [];
      let last = -2;
      values.forEach((value, i) => {
        if (value === null || this.now - this.at[i] > this.span) return;
        const follows = last === i - 1 && this.at[i] - this.at[last] < 2.5 * this.history.step_s;
        if (!follows) pieces.push([]);
        pieces[pieces.length - 1].push(i);
        last = i;
      });
      return pieces;
    }

    /// The latest values as text: in the legend, and for screen readers.
    describe(most) {
      this.legend.replaceChildren();
      const words = this.definition.series.map((series, i) => {
        const value = this.all[i].length ? this.all[i][this.all[i].length - 1] : null;
        const text = value === null ? "–" : this.definition.format(value);
        const item = html("span", series.ink, "", this.legend);
        const sample = svg("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" }, item);
        svg("path", { class: series.dashed ? "series dashed" : "series", d: "M2 4H16" }, sample);
        item.append(`${series.name} `);
        html("b", "", text, item);
        return `${series.name} ${text}`;
      });
      const summary = most > 0 ? `now ${words.join(", ")}; highest ${this.definition.format(most)}` : this.definition.none;
      this.area.setAttribute("aria-label", `${this.definition.title}: ${summary}`);
    }

    point(x) {
      let best = -1;
      this.at.forEach((unixS, i) => {
        if (best < 0 || Math.abs(this.x(unixS) - x) < Math.abs(this.x(this.at[best]) - x)) best = i;
      });
      this.show(best);
    }

    show(index) {
      if (index < 0) return;
      this.pointed = index;
      const x = this.x(this.at[index]);
      for (const end of ["x1", "x2"]) this.cross.setAttribute(end, x);
      this.cross.setAttribute("visibility", "visible");
      this.tip.replaceChildren();
      html("b", "", clock(this.at[index], true), this.tip);
      this.definition.series.forEach((series, i) => {
        const value = this.all[i][index];
        html("div", "", `${series.name}: ${value === null ? "–" : this.definition.format(value)}`, this.tip);
      });
      this.tip.hidden = false;
      const right = x > this.width / 2;
      this.tip.style.left = right ? "12px" : "auto";
      this.tip.style.right = right ? "auto" : "12px";
    }

    unpoint() {
      this.tip.hidden = true;
      this.cross.setAttribute("visibility", "hidden");
    }

    key(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") this.unpoint();
      if (!step || !this.at.length) return;
      event.preventDefault();
      const from = this.tip.hidden ? this.at.length - (step > 0 ? 1 : 0) : this.pointed;
      this.show(Math.max(0, Math.min(this.at.length - 1, from + step)));
    }
  }

  const plots = PLOTS.map((definition) => new Plot(definition, document.getElementById("plots")));
  const ranges = { recent: { path: "/status.json", everyMs: EVERY_MS },
    day: { path: "/status.json?range=day", everyMs: DAY_EVERY_MS } };
  let range = "recent";
  let shown = null;  // the last answer
  let nextPlots = 0;

  const fetched = async (path) => {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer;
  };
  const redraw = () => {
    if (shown) for (const plot of plots) plot.draw(shown.history, shown.now);
  };
  const loadPlots = async () => {
    const wanted = range;
    nextPlots = Date.now() + ranges[wanted].everyMs - 500;
    const answer = await (await fetched(ranges[wanted].path)).json();
    if (wanted !== range) return;
    shown = answer;
    redraw();
    document.documentElement.dataset.plotted = String(shown.history.rows.length);
  };
  const loadStats = async () => {
    const text = (await (await fetched("/")).text()).replace(/<(style|script)[^>]*>[^]*?<\/\1>/g, "");
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const here of document.querySelectorAll("[data-live]")) {
      const there = page.querySelector(`[data-live="${here.dataset.live}"]`);
      if (there && here.innerHTML !== there.innerHTML) here.replaceChildren(...there.childNodes);
    }
  };
  const refresh = async () => {
    try {
      if (shown) await loadStats();
      if (Date.now() >= nextPlots) await loadPlots();
      document.getElementById("lost").hidden = true;
    } catch (error) {
      document.getElementById("lost").hidden = false;
      nextPlots = 0;
    }
  };

  const buttons = document.querySelectorAll(".switch button");
  document.querySelector(".switch").hidden = false;
  for (const button of buttons) {
    button.addEventListener("click", () => {
      range = button.dataset.range;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      nextPlots = 0;
      refresh();
    });
  }
  addEventListener("resize", redraw);
  refresh();
  setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
