// Parts of a run's page: numbers, recoveries, plan, nodes, events and logs.

import { ask } from "./server.js";
import { clock, counted, el, number, percent, seconds, short, span, watch } from "./draw.js";

function tile(name, value, note = "") {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, note)));
}

/** The numbers that matter most. */
export function tiles(run) {
  const tiles = [];
  if (run.loss !== undefined) {
    const from = run.first_loss === undefined ? "" : `from ${number(run.first_loss)}`;
    tiles.push(tile("loss", number(run.loss), from));
  }
  if (run.validation_loss !== undefined) {
    tiles.push(tile("validation loss", number(run.validation_loss), `after step ${run.validation_step}`));
  }
  if (run.rate !== undefined) {
    tiles.push(tile(`${run.unit}/s`, short(run.rate), "newest step"));
  }
  if (run.utilization !== undefined) tiles.push(tile("MFU", percent(run.utilization), "of the peak"));
  if (run.idle_share !== undefined) tiles.push(tile("idle", percent(run.idle_share), "of worker time"));
  if (run.state === "running") {
    tiles.push(tile("nodes", String(run.alive), counted(run.pipelines ?? 0, "pipeline")));
  }
  tiles.push(tile("nodes lost", String(run.lost), run.joined ? `${run.joined} joined` : "none joined"));
  if (run.recovery_median !== undefined) {
    tiles.push(tile("recovery", seconds(run.recovery_median), `worst ${seconds(run.recovery_worst)}`));
  }
  const useful = run.useful_share === undefined ? "" : `${percent(run.useful_share)} useful`;
  tiles.push(tile("time", watch(run.elapsed), useful));
  return tiles;
}

/** How far the run is, as a bar and in words. */
export function progress(run) {
  const share = run.steps > 0 ? run.step / run.steps : 0;
  const words = [`step ${run.step} of ${run.steps}`];
  if (run.left !== undefined && run.step < run.steps) words.push(`about ${span(run.left)} left`);
  if (run.checkpoint_step !== undefined) words.push(`newest checkpoint: step ${run.checkpoint_step}`);
  if (run.learning_rate !== undefined) words.push(`learning rate ${number(run.learning_rate)}`);
  if (run.generation !== undefined) words.push(`generation ${run.generation}`);
  const bar = el("progress", { max: 1, value: share, "aria-label": "steps that are committed" });
  return [bar, el("p", { class: "quiet" }, words.join(" \u00b7 ")),
    run.note ? el("p", { class: "note bad" }, run.note) : undefined];
}

const PHASES = [
  ["detect", "detect"], ["decide", "decide"], ["rebuild groups", "rebuild"], ["copy layers", "transfer"],
  ["abort and start again", "rest"],
];

/** Recoveries with their phases, the newest first. */
export function recoveries({ recoveries, total }) {
  if (total === 0) return [el("p", { class: "quiet" }, "No recovery so far.")];
  const longest = Math.max(...recoveries.map((recovery) => recovery.total));
  const key = PHASES.map(([name, kind]) => el("span", {}, el("i", { class: `swatch ${kind}` }), ` ${name}`));
  const items = recoveries.map((recovery) => {
    const who = `${recovery.nodes.length === 1 ? "node" : "nodes"} ${recovery.nodes.join(", ")}`;
    const bars = recovery.phases.map((time, index) =>
      el("i", { class: PHASES[index][1], "width%": (time / longest) * 100 }));
    const numbers = recovery.phases.map((time, index) => `${PHASES[index][0]} ${seconds(time)}`);
    const given = recovery.given === undefined ? "" : `, ${seconds(recovery.given)} of work given up`;
    return el("li", {},
      el("p", {},
        el("b", {}, `Step ${recovery.step}, ${who} lost: `),
        `${seconds(recovery.total)} until training resumed, ${recovery.copied} copied${given}.`),
      el("span", { class: "track" }, bars),
      el("p", { class: "quiet small" }, `${numbers.join(", ")}.`));
  });
  const parts = [el("p", { class: "legend" }, key), el("ul", { class: "recoveries" }, items)];
  if (items.length < total) parts.push(el("p", { class: "quiet small" }, `The newest ${items.length} of ${total}.`));
  return parts;
}

/** Where the time went. */
export function timeUse({ use }) {
  const total = use.reduce((sum, part) => sum + part.seconds, 0);
  return use.map((part) =>
    el("div", { class: "bar" },
      el("span", { class: "what" }, el("b", {}, part.kind), ` ${part.explanation}`),
      el("span", { class: "track" },
        el("i", { class: part.kind === "training" ? "useful" : "other", "width%": (part.seconds / total) * 100 })),
      el("span", { class: "value" }, `${seconds(part.seconds)}, ${percent(part.seconds / total)}`)));
}

/** The pipelines, each stage as wide as its share of the layers. */
export function plan(plan, states) {
  const rows = plan.pipelines.map((pipeline, index) =>
    el("div", { class: "pipeline" },
      el("p", {}, el("b", {}, pipeline.name), ` ${counted(pipeline.microbatches, "microbatch")}`),
      el("div", { class: "boxes" }, pipeline.places.map((place) => {
        const state = states.get(place.node) ?? "healthy";
        const isWell = ["healthy", "done"].includes(state);
        return el("span",
          { class: `box p${index % 6}${isWell ? "" : " unwell"}`, grow: place.weight, title: place.names },
          el("b", {}, `node ${place.node}`), ` ${place.layers}`, isWell ? "" : el("em", {}, ` ${state}`));
      }))));
  const facts = [
    ["generation", String(plan.generation)], ["reason", plan.reason],
    ["predicted step", seconds(plan.step_seconds)], ["guarantee", plan.guarantee],
  ];
  if (plan.idle.length > 0) facts.push(["without work", `nodes ${plan.idle.join(", ")}`]);
  return [...rows, el("dl", { class: "facts" }, facts.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value))))];
}

/** The nodes, with a button for those that can leave. */
export function nodes({ nodes }, mayAct, drain) {
  const order = [...nodes].sort((a, b) => (b.is_alive - a.is_alive) || a.id - b.id);
  const head = ["node", "state", "pipeline", "stages", "agent", "worker", "name", ""];
  const rows = order.map((node) =>
    el("tr", { class: node.is_alive ? "" : "gone" },
      el("td", { class: "number" }, String(node.id)),
      el("td", {}, el("span", { class: `state ${node.state}` }, node.state),
        node.slowness ? ` ${node.slowness.toFixed(1)} times slower` : ""),
      el("td", {}, node.is_alive ? node.pipeline ?? "\u2013" : "\u2013"),
      el("td", {}, node.is_alive && node.stages.length > 0 ? node.stages.join(", ") : "\u2013"),
      el("td", { class: "number" }, node.is_alive && node.agent ? String(node.agent) : ""),
      el("td", { class: "number" }, node.is_alive && node.worker ? String(node.worker) : ""),
      el("td", {}, node.name ?? ""),
      el("td", {}, mayAct && node.is_alive && node.state !== "draining"
        ? el("button", { "data-drain": node.id, onclick: () => drain(node.id) }, "Drain") : "")));
  return table(head, rows, ["number", "", "", "", "number", "number"]);
}

export function table(head, rows, kinds = []) {
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((name, index) => el("th", { class: kinds[index] || null }, name)))),
    el("tbody", {}, rows)));
}

/** Rows of events. */
export function eventRows(events) {
  return events.map((event) =>
    el("tr", {},
      el("td", { class: "number" }, clock(event.time)),
      el("td", { class: "number" }, String(event.step)),
      el("td", {}, el("span", { class: `kind ${event.kind}` }, event.kind)),
      el("td", { class: "message" }, event.message)));
}

/** Kinds that come as a matter of course. */
export const ROUTINE = ["node-ready", "prepared", "resumed", "aborted", "evaluated", "checkpoint-saved"];

/** The newest events that people want to know of. */
export function news(events) {
  if (events.length === 0) return [el("li", { class: "quiet" }, "Nothing yet.")];
  return events.slice(0, 12).map((event) =>
    el("li", {},
      el("span", { class: `kind ${event.kind}` }, event.kind), " ",
      el("span", { class: "quiet small" }, `${clock(event.time)}, step ${event.step}`),
      el("p", {}, event.message)));
}

/** Events with a filter by kind, node and words. */
export class EventView {
  constructor(path, signal) {
    Object.assign(this, { path, signal });
    const change = () => this.load();
    this.kind = el("select", { "aria-label": "kind", onchange: change }, el("option", { value: "" }, "all kinds"));
    this.node = el("input", { type: "number", min: 0, placeholder: "node", "aria-label": "node", oninput: change });
    this.text = el("input", { type: "search", placeholder: "words", "aria-label": "words", oninput: change });
    this.count = el("span", { class: "quiet" });
    this.body = el("div", { class: "events" });
    this.host = el("section", {},
      el("div", { class: "filter" }, this.kind, this.node, this.text, this.count), this.body);
    this.load();
  }

  async load() {
    const wish = new URLSearchParams({ kinds: this.kind.value, node: this.node.value, text: this.text.value });
    const ticket = (this.ticket = Symbol("newest"));
    let page;
    try {
      page = await ask(`${this.path}/events?${wish}`, this.signal);
    } catch (error) {
      if (!this.signal.aborted) this.count.textContent = error.message;
      return;
    }
    // An answer to an older question may come later.
    if (ticket !== this.ticket) return;
    const known = new Set([...this.kind.options].map((option) => option.value));
    for (const kind of page.kinds) if (!known.has(kind)) this.kind.append(el("option", { value: kind }, kind));
    const shown = page.events.length;
    this.count.textContent = shown < page.matching
      ? `the newest ${shown} of ${page.matching}` : counted(shown, "event");
    const rows = eventRows(page.events);
    this.body.replaceChildren(table(["time", "step", "kind", ""], rows, ["number", "number"]));
  }
}

/** The log of a node or a host, which grows. */
export class LogView {
  static mostText = 1 << 20;

  constructor(path, signal) {
    Object.assign(this, { path, signal, next: 0 });
    this.choice = el("select", { "aria-label": "log", onchange: () => this.begin() });
    this.note = el("span", { class: "quiet" });
    this.text = el("pre", { class: "log", tabindex: 0 });
    this.host = el("section", {}, el("div", { class: "filter" }, this.choice, this.note), this.text);
    this.run();
  }

  begin() {
    this.next = 0;
    this.text.textContent = "";
    this.load().catch((error) => (this.note.textContent = error.message));
  }

  async run() {
    while (!this.signal.aborted) {
      try {
        const names = await ask(`${this.path}/logs`, this.signal);
        const known = new Set([...this.choice.options].map((option) => option.value));
        for (const name of names) if (!known.has(name)) this.choice.append(el("option", {}, name));
        if (names.length === 0) this.note.textContent = "no log yet";
        await this.load();
      } catch (error) {
        if (!this.signal.aborted) this.note.textContent = error.message;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  async load() {
    const name = this.choice.value;
    if (!name) return;
    const from = this.next;
    const tail = await ask(`${this.path}/logs/${encodeURIComponent(name)}?from=${from}`, this.signal);
    if (name !== this.choice.value || from !== this.next) return;
    this.next = tail.next;
    if (tail.is_cut) this.text.textContent = "(older lines are in the file)\n";
    this.note.textContent = tail.next === 0 ? "empty so far" : "";
    if (!tail.text) return;
    const isAtEnd = this.text.scrollTop + this.text.clientHeight >= this.text.scrollHeight - 30;
    this.text.append(tail.text);
    // A page that is open for days keeps the newest lines.
    const all = this.text.textContent;
    if (all.length > LogView.mostText) this.text.textContent = all.slice(-LogView.mostText / 2);
    if (isAtEnd || from === 0) this.text.scrollTop = this.text.scrollHeight;
  }
}
