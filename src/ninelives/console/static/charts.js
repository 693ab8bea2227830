// Line charts in SVG: one grid of time for all, one crosshair through all, gaps where there are no data.

import { h } from "./dom.js";
import { clock, minute, when } from "./format.js";

const HEIGHT = 116, TOP = 6, BOTTOM = 18, LEFT = 2, RIGHT = 2;
const crosshair = { place: null, listeners: new Set() };

/** A little above the largest value, such that half of it is a short number, too. */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (value <= step * power * 1.0001) return step * power;
  return 10 * power;
}

function peak(series) {
  let found = 0;
  for (const one of series) for (const value of one.values) if (value !== null && value > found) found = value;
  return found;
}

/** Path of a line, broken at gaps; a point by itself is a dot. */
export function path(values, x, y) {
  let text = "", open = false;
  values.forEach((value, place) => {
    if (value === null || value === undefined) { open = false; return; }
    const alone = !open && (values[place + 1] === null || values[place + 1] === undefined);
    text += `${open ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    if (alone) text += `h0.01`;
    open = true;
  });
  return text;
}

function area(values, x, y, floor) {
  let text = "", from = null;
  values.forEach((value, place) => {
    if (value === null || value === undefined) {
      if (from !== null) text += `L${x(place - 1).toFixed(1)} ${floor}Z`;
      from = null;
      return;
    }
    if (from === null) { text += `M${x(place).toFixed(1)} ${floor}`; from = place; }
    text += `L${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return from === null ? text : text + `L${x(values.length - 1).toFixed(1)} ${floor}Z`;
}

/**
 * `spec`: {title, series: [{name, values, tone, fill, dim}], unit: value → text, grid: {start, period, count}, marks, empty}.
 * A chart keeps its element and draws itself anew when it is told `update(spec)`.
 */
export class Chart {
  constructor(id) {
    this.svg = h("svg", { "aria-hidden": "true", focusable: "false" });
    this.legend = h("div.legend");
    this.heading = h("h3");
    this.element = h("figure.chart", { "data-own": "", "data-key": id, tabindex: "0" },
      h("figcaption", {}, this.heading, this.legend), this.svg);
    this.summary = h("p.unseen");
    this.element.append(this.summary);
    this.width = 0;
    this.svg.onmousemove = (event) => this.point(event);
    this.svg.onmouseleave = () => hover(null);
    this.element.onkeydown = (event) => this.key(event);
    this.element.onblur = () => hover(null);
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width && width !== this.width) { this.width = width; this.draw(); }
    }).observe(this.svg);
    crosshair.listeners.add(this);
  }

  update(spec) {
    this.spec = spec;
    this.draw();
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const { count } = this.spec.grid;
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    hover(Math.max(0, Math.min(count - 1, Math.round(share * (count - 1)))));
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.spec) return;
    event.preventDefault();
    const { count } = this.spec.grid;
    hover(Math.max(0, Math.min(count - 1, (crosshair.place ?? count) + step)));
  }

  draw() {
    const { spec, width } = this;
    if (!spec) return;
    this.heading.textContent = spec.title;
    if (!width) { this.tell(); return; }
    const { count, start, period } = spec.grid;
    const top = ceiling(Math.max(peak(spec.series), spec.least ?? 0));
    const floor = HEIGHT - BOTTOM;
    this.x = (place) => LEFT + (count < 2 ? 0 : (place / (count - 1)) * (width - LEFT - RIGHT));
    this.y = (value) => floor - (Math.min(value, top) / top) * (floor - TOP);
    const from = Date.parse(start), long = count * period > 86400;
    const ticks = width < 300 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    const nodes = [
      ...[0, 0.5, 1].map((share) => h("line", {
        class: share ? "grid" : "floor", x1: 0, x2: width, y1: this.y(top * share), y2: this.y(top * share) })),
      ...ticks.map((share) => h("text", {
        class: "tick", y: HEIGHT - 4, x: this.x(share * (count - 1)),
        "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" },
      (long ? when : minute)(from + share * (count - 1) * period * 1000))),
    ];
    for (const mark of spec.marks ?? []) {
      const place = (Date.parse(mark.at) - from) / 1000 / period;
      if (place < 0 || place > count - 1) continue;
      nodes.push(h("line", { class: `mark ${mark.tone ?? ""}`, x1: this.x(place), x2: this.x(place), y1: TOP, y2: floor }));
    }
    for (const one of spec.series) {
      if (one.fill) nodes.push(h("path", { class: `area ${one.tone}`, d: area(one.values, this.x, this.y, floor) }));
      nodes.push(h("path", { class: `line ${one.tone}${one.dim ? " dim" : ""}`, d: path(one.values, this.x, this.y) }));
    }
    nodes.push(h("text", { class: "tick top", x: 0, y: this.y(top) + 10 }, spec.unit(top)));
    this.cursor = h("g", { class: "cursor" });
    nodes.push(this.cursor);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.replaceChildren(...nodes);
    this.element.classList.toggle("void", !spec.series.some((one) => one.values.some((value) => value !== null)));
    this.tell();
  }

  /** The legend: values at the crosshair, else the newest. */
  tell() {
    const { spec } = this;
    if (!spec) return;
    const at = crosshair.place;
    const newest = (values) => { for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i]; return null; };
    const told = spec.series.map((one) => ({ ...one, value: at === null ? newest(one.values) : one.values[at] ?? null }));
    const isVoid = !spec.series.some((one) => one.values.some((value) => value !== null));
    this.legend.replaceChildren(...(isVoid ? [h("span.none", {}, spec.empty ?? "no data yet")] : told.map((one) => h("span.key", {},
      h(`i.${one.tone}`, { "aria-hidden": "true" }), one.name ? one.name + " " : "", h("b", {}, spec.unit(one.value))))));
    this.summary.textContent = isVoid ? `${spec.title}: ${spec.empty ?? "no data yet"}`
      : `${spec.title}: ${told.map((one) => `${one.name} ${spec.unit(one.value)}`).join(", ")}`;
    if (!this.cursor || !this.x) return;
    if (at === null) { this.cursor.replaceChildren(); return; }
    const x = this.x(at), instant = Date.parse(spec.grid.start) + at * spec.grid.period * 1000;
    const isLeft = x < this.width / 2;
    this.cursor.replaceChildren(
      h("line", { class: "hair", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
      ...told.filter((one) => one.value !== null).map((one) => h("circle", { class: one.tone, cx: x, cy: this.y(one.value), r: 2.5 })),
      h("text", { class: "tick now", x: x + (isLeft ? 5 : -5), y: HEIGHT - BOTTOM - 5, "text-anchor": isLeft ? "start" : "end" }, clock(instant)),
    );
  }
}

function hover(place) {
  if (place === crosshair.place) return;
  crosshair.place = place;
  for (const chart of crosshair.listeners) chart.tell();
}
