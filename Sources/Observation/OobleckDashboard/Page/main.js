// Which view is shown, and what views share: the bar, messages, questions.

import { ask, takeToken } from "./server.js";
import { el } from "./draw.js";
import { ListView } from "./list.js";
import { RunView } from "./run.js";

const byID = (id) => document.getElementById(id);

const shell = {
  bar: byID("bar"),
  main: byID("main"),

  /** Says something for some seconds. */
  say(text, isBad = false) {
    const said = byID("said");
    said.textContent = text;
    said.className = isBad ? "shown bad" : "shown";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (said.className = ""), 8000);
  },

  /** Asks for a confirmation. */
  confirm(text, note, yes) {
    const dialog = byID("question");
    byID("question-text").textContent = text;
    byID("question-note").textContent = note;
    byID("question-yes").textContent = yes;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => {
      const closed = () => {
        // The end of the question before may be told after this one was asked.
        if (dialog.open) return;
        dialog.removeEventListener("close", closed);
        resolve(dialog.returnValue === "yes");
      };
      dialog.addEventListener("close", closed);
    });
  },

  refuse(error) {
    view?.close();
    view = undefined;
    shell.bar.replaceChildren(el("h1", {}, "Oobleck"));
    shell.main.replaceChildren(el("p", { class: "note bad", id: "refused" }, error.message));
  },
};

let view;

async function show() {
  takeToken();
  const match = /^#\/run\/([^/]+)\/?(.*)$/.exec(location.hash);
  const name = match && decodeURIComponent(match[1]);
  if (name && view instanceof RunView && view.name === name) return view.open(match[2]);
  let list;
  try {
    list = await ask("runs");
  } catch (error) {
    if (error.status === 401) return shell.refuse(error);
    shell.main.replaceChildren(el("p", { class: "note bad" }, `The dashboard does not answer: ${error.message}`));
    return void setTimeout(show, 2000);
  }
  const only = list.is_one ? list.runs[0]?.name : undefined;
  if (list.is_one && !only) {
    shell.main.replaceChildren(el("p", { class: "quiet" }, "The run is starting."));
    return void setTimeout(show, 1000);
  }
  view?.close();
  view = undefined;
  if (!name && !only) return void (view = new ListView(shell, list));
  view = new RunView(shell, name ?? only, { isOne: list.is_one, isReadOnly: list.is_read_only });
  view.open(match?.[2] ?? "overview");
}

window.addEventListener("hashchange", show);
show();
