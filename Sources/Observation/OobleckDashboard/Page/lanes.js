// Throughput and what each node did, over the time of the run.

import { CurveChart, LEFT, RIGHT, horizontalAxis } from "./charts.js";
import { el, scale, seconds, short, svg, watchWidth } from "./draw.js";

const TOP = 22;
const COLOURS = 6;

export const pipelineName = (index) =>
  String.fromCharCode(65 + (index % 26)) + (index < 26 ? "" : Math.floor(index / 26));

/** Throughput in stretches of the run's time, as steps of a stair. */
export function speedChart() {
  const chart = new CurveChart({
    label: "Throughput over the time of the run",
    name: "",
    height: 170,
    say: ([time, rate]) => `after ${seconds(time)}: ${short(rate)} a second`,
  });
  return {
    host: chart.host,
    update: (speed, elapsed) => {
      chart.name = `${speed.unit} a second, of steps that count`;
      chart.update({
        curves: [
          {
            name: speed.unit,
            kind: "first",
            points: speed.rates.flatMap((rate, index) => [
              [index * speed.width, rate],
              [(index + 1) * speed.width, rate],
            ]),
          },
        ],
        low: 0,
        high: elapsed,
        isTime: true,
        fromZero: true,
        x: "time since the start",
      });
    },
  };
}

/** A row for each node, with its pipelines, losses and joins. */
export class LaneChart {
  constructor() {
    this.picture = svg("svg", { role: "img", "aria-label": "What each node did over the time of the run" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.host = el("div", { class: "chart lanes" }, this.picture, this.tip);
    this.host.addEventListener("pointermove", (event) => this.hover(event));
    this.host.addEventListener("pointerleave", () => (this.tip.hidden = true));
    watchWidth(this.host, () => this.draw());
  }

  update(data, elapsed) {
    Object.assign(this, { data, elapsed });
    this.draw();
  }

  get row() {
    const count = this.data.lanes.length;
    return count <= 20 ? 22 : count <= 60 ? 14 : 6;
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width || !this.data) return;
    const { lanes, generations, breaks } = this.data;
    const right = width - RIGHT;
    const x = scale(0, Math.max(this.elapsed, 1e-3), width > 600 ? 9 : 4, "time");
    const px = (time) => LEFT + (Math.min(time, x.high) / x.high) * (right - LEFT);
    const bottom = TOP + this.row * Math.max(1, lanes.length);
    this.px = px;
    const parts = this.generationLines(generations, px, bottom);
    parts.push(...this.spans(lanes, px));
    lanes.forEach((lane, index) => parts.push(...this.rowParts(lane, index, px)));
    parts.push(...horizontalAxis(x, px, bottom, "time since the start", LEFT, right));
    for (const time of breaks) {
      parts.push(svg("line", { x1: px(time), x2: px(time), y1: TOP, y2: bottom, class: "break" }));
    }
    this.picture.replaceChildren(...parts);
    this.picture.setAttribute("viewBox", `0 0 ${width} ${bottom + 40}`);
    this.picture.setAttribute("width", width);
    this.picture.setAttribute("height", bottom + 40);
  }

  generationLines(generations, px, bottom) {
    const parts = [svg("text", { x: 0, y: 12, class: "axis" }, "generation")];
    let free = -Infinity;
    for (const { number, time } of generations) {
      const x = px(time);
      parts.push(svg("line", { x1: x, x2: x, y1: TOP - 6, y2: bottom, class: "grid" }));
      const place = Math.max(x, LEFT + 18);
      if (place < free) continue;
      free = place + 22;
      parts.push(svg("text", { x: place, y: 12, class: "axis middle" }, String(number)));
    }
    return parts;
  }

  /** All stretches, those of one colour in one shape: a run may have thousands. */
  spans(lanes, px) {
    const shapes = new Map();
    const gap = this.row > 10 ? 3 : 1;
    lanes.forEach((lane, index) => {
      const y = TOP + this.row * index + gap / 2;
      for (const [what, start, end] of lane.spans) {
        const name = what >= 0 ? `p${what % COLOURS}` : what === -2 ? "recovering" : "idle";
        const [a, b] = [px(start), px(end < 0 ? this.elapsed : end)];
        const width = Math.max(what === -2 ? 1.5 : 0.5, b - a);
        const box = `M${a.toFixed(1)} ${y}h${width.toFixed(1)}v${this.row - gap}h-${width.toFixed(1)}z`;
        shapes.set(name, (shapes.get(name) ?? "") + box);
      }
    });
    // What is short and bad is drawn last, so that it is seen.
    return [...shapes].sort(([a], [b]) => a.localeCompare(b))
      .map(([name, path]) => svg("path", { d: path, class: `span ${name}` }));
  }

  rowParts(lane, index, px) {
    const parts = [];
    const middle = TOP + this.row * (index + 0.5);
    if (this.row > 10 || index % 10 === 0) {
      const size = this.row > 10 ? "" : "little";
      parts.push(svg("text", { x: LEFT - 8, y: middle + 4, class: `axis end ink ${size}` }, `node ${lane.node}`));
    }
    if (this.row > 16) {
      for (const [what, start, end] of lane.spans) {
        const [a, b] = [px(start), px(end < 0 ? this.elapsed : end)];
        if (what < 0 || b - a < 16) continue;
        parts.push(svg("text", { x: (a + b) / 2, y: middle + 4, class: "axis middle ink" }, pipelineName(what)));
      }
    }
    if (!lane.end || lane.end.how === "done") return parts;
    const kind = lane.end.how === "lost" ? "bad" : "ink";
    const x = px(lane.end.time);
    const [y1, y2] = [middle - this.row / 2, middle + this.row / 2 - 1];
    parts.push(svg("line", { x1: x, x2: x, y1, y2, class: `ending ${kind}` }));
    const symbol = lane.end.how === "lost" ? "\u2715" : "\u25bc";
    parts.push(svg("text", { x: x + 5, y: middle + 4, class: `sign ${kind}` }, symbol));
    return parts;
  }

  hover(event) {
    if (!this.px || !this.data) return;
    const box = this.host.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const lane = this.data.lanes[Math.floor((y - TOP) / this.row)];
    const span = lane?.spans.findLast(
      ([, start, end]) => this.px(start) <= x + 1 && x <= this.px(end < 0 ? this.elapsed : end) + 1,
    );
    const isEnd = lane?.end && Math.abs(this.px(lane.end.time) - x) < 14;
    this.tip.hidden = !span && !isEnd;
    if (this.tip.hidden) return;
    const lines = [`node ${lane.node}${isEnd && lane.end.how !== "done" ? ` ${lane.end.text}` : ""}`];
    if (span) lines.push(this.explain(span));
    this.tip.textContent = lines.join("\n");
    const isRight = x > box.width / 2;
    this.tip.style.left = isRight ? "" : `${x + 12}px`;
    this.tip.style.right = isRight ? `${box.width - x + 12}px` : "";
    this.tip.style.top = `${Math.max(0, y - 20)}px`;
  }

  explain([what, start, end, generation]) {
    const took = seconds((end < 0 ? this.elapsed : end) - start);
    if (what === -1) return `has no work, ${took}`;
    if (what === -2) return `waits for the plan after generation ${generation}, ${took}`;
    return `trains in pipeline ${pipelineName(what)}, generation ${generation}, ${took}`;
  }
}
