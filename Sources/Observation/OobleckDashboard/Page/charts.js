// Curves over the steps or the time of a run, drawn anew when they change.

import { el, number, scale, svg, watchWidth } from "./draw.js";

/** Room to the left of all pictures, so that times stand below each other. */
export const LEFT = 64;
export const RIGHT = 12;
const TOP = 22;
const BOTTOM = 40;

/**
 * A picture of curves. Data: `curves` (name, points, kind), `marks` (x, kind, text), `low`, `high` (the ends of
 * the horizontal axis), `x` (its name), `isTime`, `fromZero`.
 */
export class CurveChart {
  constructor({ label, name, height, say }) {
    Object.assign(this, { name, height });
    this.say = say;
    this.picture = svg("svg", { role: "img", "aria-label": label });
    this.tip = el("div", { class: "tip", hidden: true });
    this.host = el("div", { class: "chart" }, this.picture, this.tip);
    this.host.addEventListener("pointermove", (event) => this.hover(event));
    this.host.addEventListener("pointerleave", () => this.leave());
    watchWidth(this.host, () => this.draw());
  }

  update(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width || !this.data) return;
    const { curves, marks = [], low, high, isTime, fromZero } = this.data;
    const values = curves.flatMap((curve) => curve.points.map((point) => point[1]));
    if (values.length === 0) {
      this.picture.replaceChildren(
        svg("text", { x: LEFT, y: TOP + 30, class: "axis" }, "No step is committed yet."),
      );
      this.size(width, 80);
      return;
    }
    let [least, most] = range(values);
    if (fromZero) least = 0;
    if (most <= least) [least, most] = [least - Math.abs(least) * 0.05 - 1e-9, most + Math.abs(most) * 0.05 + 1e-9];
    const rough = scale(least, most, 5);
    const y = scale(
      fromZero ? 0 : Math.floor(least / rough.step) * rough.step,
      Math.ceil(most / rough.step - 1e-9) * rough.step,
      5,
    );
    const x = scale(low, Math.max(high, low + 1e-9), width > 600 ? 9 : 4, isTime ? "time" : "whole");
    const [right, bottom] = [width - RIGHT, this.height - BOTTOM];
    const px = (value) => LEFT + ((value - x.low) / (x.high - x.low)) * (right - LEFT);
    const py = (value) => bottom - ((value - y.low) / (y.high - y.low)) * (bottom - TOP);
    Object.assign(this, { px, py, right, bottom });
    const parts = [svg("text", { x: 0, y: 12, class: "axis" }, this.name)];
    for (const tick of y.ticks) {
      parts.push(svg("line", { x1: LEFT, x2: right, y1: py(tick), y2: py(tick), class: "grid" }));
      parts.push(svg("text", { x: LEFT - 8, y: py(tick) + 4, class: "axis end" }, y.name(tick)));
    }
    parts.push(...horizontalAxis(x, px, bottom, this.data.x, LEFT, right));
    parts.push(...drawMarks(marks, px, TOP, bottom));
    for (const curve of curves) {
      const points = curve.points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`);
      parts.push(svg("polyline", { points: points.join(" "), class: `curve ${curve.kind}` }));
      if (!curve.hasMarks && curve.points.length > 1) continue;
      for (const [a, b] of curve.points) parts.push(diamond(px(a), py(b), curve.kind));
    }
    this.cursor = svg("line", { y1: TOP, y2: bottom, class: "cursor", visibility: "hidden" });
    parts.push(this.cursor);
    this.picture.replaceChildren(...parts);
    this.size(width, this.height);
  }

  size(width, height) {
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.setAttribute("width", width);
    this.picture.setAttribute("height", height);
  }

  /** Says what the curves are at the pointer. */
  hover(event) {
    if (!this.px || !this.data) return;
    const place = event.clientX - this.host.getBoundingClientRect().left;
    const points = this.data.curves[0]?.points ?? [];
    let best;
    for (const point of points) {
      const distance = Math.abs(this.px(point[0]) - place);
      if (!best || distance < best.distance) best = { point, distance };
    }
    if (!best) return;
    const [x] = best.point;
    this.cursor.setAttribute("x1", this.px(x));
    this.cursor.setAttribute("x2", this.px(x));
    this.cursor.setAttribute("visibility", "visible");
    const near = (this.data.marks ?? []).filter((mark) => Math.abs(this.px(mark.x) - place) < 6);
    this.tip.textContent = [this.say(best.point), ...near.slice(0, 4).map((mark) => mark.text)].join("\n");
    this.tip.hidden = false;
    const isRight = this.px(x) > this.host.clientWidth / 2;
    this.tip.style.left = isRight ? "" : `${this.px(x) + 10}px`;
    this.tip.style.right = isRight ? `${this.host.clientWidth - this.px(x) + 10}px` : "";
  }

  leave() {
    this.tip.hidden = true;
    this.cursor?.setAttribute("visibility", "hidden");
  }
}

/** The least and the greatest of values; there may be more than a call takes arguments. */
function range(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [
    Infinity, -Infinity,
  ]);
}

/** Ticks with their names, those that would overlap left out, and the name of the axis. */
export function horizontalAxis(x, px, bottom, name, left, right) {
  const parts = [svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "base" })];
  let free = -Infinity;
  for (const tick of x.ticks) {
    const text = x.name(tick);
    const half = 3.6 * text.length;
    parts.push(svg("line", { x1: px(tick), x2: px(tick), y1: bottom, y2: bottom + 4, class: "base" }));
    const middle = Math.min(px(tick), right + RIGHT - half);
    if (middle - half < free) continue;
    free = middle + half + 8;
    parts.push(svg("text", { x: middle, y: bottom + 17, class: "axis middle" }, text));
  }
  parts.push(svg("text", { x: (left + right) / 2, y: bottom + 34, class: "axis middle" }, name));
  return parts;
}

const SYMBOLS = { "node-lost": "\u2715", "node-joined": "\u25b2", restored: "\u21b6" };

function drawMarks(marks, px, top, bottom) {
  const parts = [];
  let free = -Infinity;
  for (const mark of [...marks].sort((a, b) => a.x - b.x)) {
    const x = px(mark.x);
    const kind = mark.kind === "node-joined" ? "good" : "bad";
    const end = marks.length > 40 ? top + 8 : bottom;
    parts.push(svg("line", { x1: x, x2: x, y1: top, y2: end, class: `mark ${kind}` }));
    if (x - free < 12) continue;
    free = x;
    parts.push(svg("text", { x, y: top - 5, class: `symbol ${kind}` }, SYMBOLS[mark.kind] ?? "?"));
  }
  return parts;
}

function diamond(x, y, kind) {
  const points = [[0, -5], [5, 0], [0, 5], [-5, 0]].map(([a, b]) => `${x + a},${y + b}`);
  return svg("polygon", { points: points.join(" "), class: `diamond ${kind}` });
}

/** The loss by committed steps. */
export function lossChart() {
  const chart = new CurveChart({
    label: "Loss by committed steps",
    name: "loss",
    height: 290,
    say: ([step, loss]) => `step ${step}: loss ${number(loss)}`,
  });
  return {
    host: chart.host,
    update: (loss) =>
      chart.update({
        curves: [
          { name: "training", kind: "first", points: loss.training },
          { name: "validation", kind: "second", points: loss.validation, hasMarks: loss.validation.length < 60 },
        ],
        marks: loss.marks.map((mark) => ({ x: mark.step, kind: mark.kind, text: mark.text })),
        low: 0,
        high: Math.max(1, loss.steps),
        x: "committed steps",
      }),
  };
}
