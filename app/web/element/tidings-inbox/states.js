/** What the panel shows when it has no list to show. */

import { el, setText } from "./dom.js";

/**
 * @typedef {"list" | "loading" | "empty" | "filtered-empty" | "error" | "signed-out"} Face
 * @param {{phase: import("./store.js").Phase, rows: number, view: string, filtered: boolean, expired: boolean}} facts
 * @returns {Face}
 */
export function faceOf({ phase, rows, view, filtered, expired }) {
  // Whoever signed out does not want to leave the list on the screen.
  if (expired) return "signed-out";
  if (phase === "failed") return "error";
  if (rows > 0) return "list";
  if (phase !== "ready") return "loading";
  return view === "inbox" && !filtered ? "empty" : "filtered-empty";
}

export class StateView {
  element = el("div", { class: "state", part: "state", hidden: true });
  #words;
  #title = el("p", { class: "state-title" });
  #hint = el("p", { class: "state-hint" });
  #button = el("button", { type: "button", class: "button" });
  /** @type {() => void} */
  #act = () => {};

  /** @param {import("./words.js").Words} words */
  constructor(words) {
    this.#words = words;
    this.element.append(this.#title, this.#hint, this.#button);
    this.#button.addEventListener("click", () => this.#act());
  }

  /**
   * @param {Face} face
   * @param {{view: string, filtered: boolean, retry: () => void, showAll: () => void, signIn: (() => void) | null}} how
   */
  show(face, { view, filtered, retry, showAll, signIn }) {
    this.element.hidden = face === "list";
    this.element.dataset.state = face;
    if (face === "loading") this.#say("loading", null, null);
    else if (face === "empty") this.#say("empty", "emptyHint", null);
    else if (face === "error") this.#say("failed", "failedHint", ["retry", retry]);
    else if (face === "signed-out") this.#say("signedOut", "signedOutHint", signIn && ["signIn", signIn]);
    else if (face === "filtered-empty") this.#sayFiltered(view, filtered, showAll);
  }

  /** @param {string} view @param {boolean} filtered @param {() => void} showAll */
  #sayFiltered(view, filtered, showAll) {
    const title = filtered ? "emptyFiltered" : view === "archived" ? "emptyArchived" : "emptyUnread";
    this.#say(title, null, view === "inbox" ? null : ["showAll", showAll]);
  }

  /** @param {string} title @param {string | null} hint @param {[string, () => void] | null} action */
  #say(title, hint, action) {
    setText(this.#title, this.#words.say(title));
    setText(this.#hint, hint ? this.#words.say(hint) : "");
    this.#hint.hidden = !hint;
    this.#button.hidden = !action;
    if (action) setText(this.#button, this.#words.say(action[0]));
    this.#act = action ? action[1] : () => {};
  }
}
