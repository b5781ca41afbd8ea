// The page of one run.

import { ask, change, follow } from "./server.js";
import { lossChart } from "./charts.js";
import { counted, el } from "./draw.js";
import { LaneChart, speedChart } from "./lanes.js";
import * as parts from "./parts.js";

const TABS = { overview: "Overview", nodes: "Plan and nodes", events: "Events", logs: "Logs" };

export class RunView {
  /** Shows a run; `shell` has the bar, the page and the way to ask a person. */
  constructor(shell, name, { isOne, isReadOnly }) {
    Object.assign(this, { shell, name, isOne, isReadOnly, state: {} });
    this.path = `runs/${encodeURIComponent(name)}`;
    this.end = new AbortController();
    this.buildBar();
    this.buildPage();
    follow(`${this.path}/stream`, this.end.signal, {
      receive: (part, data) => this.receive(part, data),
      state: (isLive, error) => this.showConnection(isLive, error),
    });
  }

  close() {
    this.end.abort();
    this.tabEnd?.abort();
  }

  buildBar() {
    this.pill = el("span", { class: "pill" });
    this.link = el("span", { class: "link" }, "connecting");
    this.buttons = el("span", { class: "buttons", hidden: true },
      el("button", { id: "add", onclick: () => this.add() }, "Add a node"),
      el("button", { id: "stop", class: "strong", onclick: () => this.stop() }, "Stop"));
    this.shell.bar.replaceChildren(
      ...(this.isOne ? [] : [el("a", { href: "#/", class: "back" }, "\u2039 Runs")]),
      el("h1", {}, this.name), this.pill, el("span", { class: "space" }), this.link, this.buttons);
    document.title = `${this.name} \u2013 Oobleck`;
  }

  buildPage() {
    this.progress = el("div", { class: "progress" });
    this.tiles = el("dl", { class: "tiles" });
    const tabs = Object.entries(TABS).map(([tab, title]) =>
      el("a", { href: `#/run/${encodeURIComponent(this.name)}/${tab}`, "data-tab": tab }, title));
    this.nav = el("nav", {}, tabs);
    this.body = el("div", { id: "tab" });
    this.shell.main.replaceChildren(this.progress, this.tiles, this.nav, this.body);
  }

  /** Shows one of the tabs. */
  open(tab) {
    if (!(tab in TABS)) tab = "overview";
    if (tab === this.tab) return;
    this.tab = tab;
    this.tabEnd?.abort();
    this.tabEnd = new AbortController();
    for (const link of this.nav.children) {
      if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.parts = {};
    this.body.replaceChildren(...this[tab]());
    for (const part of Object.keys(this.state)) this.showPart(part);
  }

  overview() {
    const [loss, speed, lanes] = [lossChart(), speedChart(), new LaneChart()];
    const news = el("ul", { class: "told" });
    const recoveries = el("div");
    const use = el("div", { class: "bars" });
    const elapsed = () => this.state.run?.elapsed ?? 0;
    const drawTimes = () => {
      if (this.state.speed) speed.update(this.state.speed, elapsed());
      if (this.state.lanes) lanes.update(this.state.lanes, elapsed());
    };
    this.parts = {
      loss: () => loss.update(this.state.loss),
      speed: drawTimes,
      lanes: drawTimes,
      run: () => {
        if (this.drawn !== elapsed()) drawTimes();
        this.drawn = elapsed();
        this.showNews(news);
      },
      recoveries: () => {
        recoveries.replaceChildren(...parts.recoveries(this.state.recoveries));
        use.replaceChildren(...parts.timeUse(this.state.recoveries));
      },
    };
    this.newsCount = undefined;
    return [
      el("div", { class: "two wide-left" },
        el("section", {}, el("h2", {}, "Loss"), loss.host, lossLegend()),
        el("section", { class: "news" }, el("h2", {}, "What happened last"), news)),
      el("section", {}, el("h2", {}, "Nodes and speed over time"), speed.host, lanes.host, laneLegend()),
      el("div", { class: "two" },
        el("section", {}, el("h2", {}, "Losses and recoveries"), recoveries),
        el("section", {}, el("h2", {}, "Where the time went"), use)),
    ];
  }

  nodes() {
    const [plan, nodes] = [el("div"), el("div", { class: "nodes" })];
    const states = () => new Map((this.state.nodes?.nodes ?? []).map((node) => [node.id, node.state]));
    const drawPlan = () => this.state.plan && plan.replaceChildren(...parts.plan(this.state.plan, states()));
    const drawNodes = () => this.state.nodes
      && nodes.replaceChildren(parts.nodes(this.state.nodes, this.mayAct, (node) => this.drain(node)));
    let mayAct;
    this.parts = {
      plan: drawPlan,
      nodes: () => { drawPlan(); drawNodes(); },
      run: () => {
        if (mayAct !== this.mayAct) drawNodes();
        mayAct = this.mayAct;
      },
    };
    return [
      el("section", {}, el("h2", {}, "The plan in force"), plan),
      el("section", {}, el("h2", {}, "Nodes"), nodes),
    ];
  }

  events() {
    const view = new parts.EventView(this.path, this.tabEnd.signal);
    let count = this.state.run?.events;
    this.parts = {
      run: () => {
        if (count !== this.state.run.events) view.load();
        count = this.state.run.events;
      },
    };
    return [view.host];
  }

  logs() {
    return [new parts.LogView(this.path, this.tabEnd.signal).host];
  }

  get mayAct() { return !this.isReadOnly && this.state.run?.may_act === true; }

  receive(part, data) {
    if (part === "trouble") return this.showConnection(!data.error, data.error && new Error(data.error));
    this.state[part] = data;
    this.showPart(part);
  }

  showPart(part) {
    if (part === "run") this.showHead(this.state.run);
    this.parts?.[part]?.();
  }

  showHead(run) {
    this.pill.textContent = run.phase ?? run.state;
    this.pill.className = `pill ${run.state} ${run.phase ?? ""}`;
    this.buttons.hidden = !this.mayAct;
    this.progress.replaceChildren(...parts.progress(run).filter(Boolean));
    this.tiles.replaceChildren(...parts.tiles(run));
  }

  showConnection(isLive, error) {
    this.link.textContent = isLive ? "connected" : "connection lost";
    this.link.className = `link ${isLive ? "good" : "bad"}`;
    this.link.title = isLive ? "the page follows the run" : error?.message ?? "trying again";
    if (error?.status === 401) this.shell.refuse(error);
    if (error?.status === 404) this.shell.say(error.message, true);
  }

  async showNews(body) {
    if (this.newsCount === this.state.run.events) return;
    this.newsCount = this.state.run.events;
    try {
      const page = await ask(`${this.path}/events?without=${parts.ROUTINE}`, this.tabEnd.signal);
      body.replaceChildren(...parts.news(page.events));
    } catch {
      // The connection says what is wrong.
    }
  }

  async act(action, body) {
    try {
      this.shell.say(await change(`${this.path}/${action}`, body));
    } catch (error) {
      this.shell.say(error.message, true);
    }
  }

  async drain(node) {
    const text = `Drain node ${node} of ${this.name}?`;
    const note = "It leaves at the next step boundary, and another node takes over its layers.";
    if (await this.shell.confirm(text, note, "Drain")) await this.act("drain", { node });
  }

  async add() {
    const text = `Add a node to ${this.name}?`;
    const note = "It starts where the run's own nodes are, and gets work at a step boundary.";
    if (await this.shell.confirm(text, note, "Add")) await this.act("add");
  }

  async stop() {
    const nodes = counted(this.state.run?.alive ?? 0, "node");
    const text = `Stop ${this.name} and its ${nodes}?`;
    const note = "The run ends after this step and saves its state; oobleck train --resume continues it.";
    if (await this.shell.confirm(text, note, "Stop")) await this.act("stop");
  }
}

function lossLegend() {
  return el("p", { class: "legend" },
    el("span", {}, el("i", { class: "stroke first" }), " training"),
    el("span", {}, el("i", { class: "stroke second" }), " validation"),
    el("span", {}, el("b", { class: "bad" }, "\u2715"), " a node is lost"),
    el("span", {}, el("b", { class: "good" }, "\u25b2"), " a node joins"),
    el("span", {}, el("b", { class: "bad" }, "\u21b6"), " back to a checkpoint"));
}

function laneLegend() {
  return el("p", { class: "legend" },
    el("span", {}, el("i", { class: "swatch p0" }, "A"), el("i", { class: "swatch p1" }, "B"),
      " trains in this pipeline"),
    el("span", {}, el("i", { class: "swatch recovering" }), " recovering"),
    el("span", {}, el("i", { class: "swatch" }), " no work"),
    el("span", {}, el("b", { class: "bad" }, "\u2715"), " lost"),
    el("span", {}, el("b", {}, "\u25bc"), " left or removed"));
}
