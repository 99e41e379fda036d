/** The live log: a row for each frame, the newest at the top. */

import { el } from "./dom.js";
import { tookWords, words } from "./frames.js";

const ROWS_KEPT = 200;

export class FrameLog {
  #body;
  #pings = 0;

  /** @param {HTMLElement} body of the table */
  constructor(body) {
    this.#body = body;
  }

  /** A frame came. */
  frame(frame, replayed) {
    const { event, id } = frame;
    const again = event === "ping" && this.#pings > 0;
    this.#pings = event === "ping" ? this.#pings + 1 : 0;
    // Signs of life one after the other are one row: they are not what one looks for.
    if (again) this.#body.firstElementChild.remove();
    const said = words(frame) + (again ? ` (${this.#pings} times)` : "");
    const row = el(
      "tr",
      { className: replayed ? "replayed" : "" },
      el("td", { className: "id" }, id === null ? "–" : String(id)),
      el("td", {}, el("code", {}, event)),
      el("td", { className: "said", dir: "auto", title: said }, said),
      el("td", { className: "took" }, tookWords(frame, replayed)),
    );
    row.dataset.event = event;
    this.#add(row);
  }

  /** The page itself did something. */
  note(text) {
    this.#pings = 0;
    this.#add(el("tr", { className: "note" }, el("td", { colSpan: 4 }, text)));
  }

  #add(row) {
    this.#body.prepend(row);
    while (this.#body.children.length > ROWS_KEPT) this.#body.lastElementChild.remove();
  }
}
