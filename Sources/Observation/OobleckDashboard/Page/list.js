// The list of runs.

import { ask } from "./server.js";
import { clock, el, number } from "./draw.js";
import { table } from "./parts.js";

export class ListView {
  constructor(shell, first) {
    this.shell = shell;
    this.end = new AbortController();
    document.title = "Runs \u2013 Oobleck";
    shell.bar.replaceChildren(el("h1", {}, "Runs"), el("span", { class: "space" }));
    this.body = el("div");
    this.troubles = el("div");
    shell.main.replaceChildren(el("section", {}, this.body, this.troubles));
    this.show(first);
    this.run();
  }

  close() { this.end.abort(); }

  async run() {
    while (!this.end.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 2000));
      if (this.end.signal.aborted) return;
      if (document.hidden) continue;
      try {
        this.show(await ask("runs", this.end.signal));
      } catch (error) {
        if (!this.end.signal.aborted) this.shell.say(error.message, true);
      }
    }
  }

  show({ runs, troubles }) {
    const head = ["run", "state", "model", "steps", "loss", "validation", "lost", "begun"];
    const kinds = ["", "", "", "number", "number", "number", "number"];
    const rows = runs.map(({ name, summary }) =>
      el("tr", {},
        el("td", {}, el("a", { href: `#/run/${encodeURIComponent(name)}/overview` }, name)),
        el("td", {}, el("span", { class: `pill ${summary.state}` }, summary.state)),
        el("td", {}, summary.model),
        el("td", { class: "number" }, `${summary.step}/${summary.steps}`),
        el("td", { class: "number" }, number(summary.loss)),
        el("td", { class: "number" }, number(summary.validation_loss)),
        el("td", { class: "number" }, String(summary.failures ?? "")),
        el("td", { class: "quiet" }, summary.started_at ? clock(summary.started_at) : "")));
    this.body.replaceChildren(
      runs.length > 0 ? table(head, rows, kinds) : el("p", { class: "quiet" }, "No run is here yet."));
    this.troubles.replaceChildren(...troubles.map((line) => el("p", { class: "bad small" }, line)));
  }
}
