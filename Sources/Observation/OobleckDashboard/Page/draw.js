// Elements, numbers and axes.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "width%") element.style.width = `${value}%`;
    else if (name === "grow") element.style.flexGrow = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

/** An element of the page; texts are texts, never markup. */
export const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

/** An element of a picture. */
export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/** A number with four digits that count. */
export function number(value) {
  if (value === undefined || value === null) return "";
  return String(Number(value.toPrecision(4)));
}

/** A large number: 12, 3.40k, 1.20M. */
export function short(value) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (Math.abs(value) >= size) return (value / size).toPrecision(3) + unit;
  }
  return value < 10 ? number(value) : String(Math.round(value));
}

/** A time: 38 ms, 1.25 s, 3 min 20 s, 2 h 05 min. */
export function seconds(value) {
  if (value < 0.0005) return "0 s";
  if (value < 0.0995) return `${Math.round(value * 1000)} ms`;
  if (value < 9.995) return `${value.toFixed(2)} s`;
  if (value < 99.95) return `${value.toFixed(1)} s`;
  return span(value);
}

/** A time in whole seconds, minutes or hours. */
export function span(value) {
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = String(Math.floor((whole % 3600) / 60)).padStart(2, "0");
  return `${Math.floor(whole / 3600)} h ${minutes} min`;
}

export const percent = (share) =>
  `${share > 0 && share < 0.0995 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;

/** A count and its noun: 1 node, 2 nodes, 3 microbatches. */
export const counted = (count, word) =>
  `${count} ${word}${count === 1 ? "" : /(s|ch)$/.test(word) ? "es" : "s"}`;

/** A time as 1:23 or 2:01:23. */
export function watch(value) {
  const whole = Math.round(value);
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The time of day of a moment since 1970. */
export function clock(time) {
  const date = new Date(time * 1000);
  const text = date.toLocaleTimeString([], { hour12: false });
  const isToday = new Date().toDateString() === date.toDateString();
  return isToday ? text : `${date.toLocaleDateString()} ${text}`;
}

const TIMES = [
  0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800,
  21600, 43200, 86400, 172800, 432000, 864000,
];

/** A scale from low to high with round numbers on it; of times, or whole numbers, if asked. */
export function scale(low, high, count, kind = "") {
  const range = Math.max(high - low, 1e-9);
  let step = range / count;
  if (kind === "time") {
    step = TIMES.find((time) => time >= step) ?? step;
  } else {
    const power = 10 ** Math.floor(Math.log10(step));
    step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= step * 0.999);
    if (kind === "whole") step = Math.max(1, step);
  }
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) ticks.push(n * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const name = (tick) => {
    if (kind === "time") return timeName(tick, step, high);
    for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (high < 10 * size) continue;
      const rest = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));
      return (tick / size).toFixed(rest) + (tick === 0 ? "" : unit);
    }
    return tick.toFixed(decimals);
  };
  return { low, high, ticks, step, name };
}

function timeName(tick, step, high) {
  if (tick === 0) return "0";
  const [unit, size] = high >= 36000 ? ["h", 3600] : high >= 600 ? ["min", 60] : ["s", 1];
  const decimals = Math.max(0, -Math.floor(Math.log10(step / size) + 1e-9));
  return `${(tick / size).toFixed(decimals)} ${unit}`;
}

/** Calls `draw` with the width of the element whenever that changes. */
export function watchWidth(element, draw) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    const now = Math.floor(element.clientWidth);
    if (now === width || now === 0) return;
    width = now;
    draw();
  });
  observer.observe(element);
}
