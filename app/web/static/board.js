/** The story board: an example product. It polls; only notifications are live. */

import { Card } from "./card.js";
import { el } from "./dom.js";

const URL_OF_STORIES = "/board/api/stories";
const POLL_MS = 5_000;
const COLUMNS = [
  ["To do", (story) => !story.done && !story.assignee],
  ["In progress", (story) => !story.done && story.assignee],
  ["Done", (story) => story.done],
];

export class Board {
  #api;
  #report;
  #people;
  #cards = new Map();
  #columns;
  #asked = 0;
  /** Whether the page is offline: it asks nothing then. */
  away = false;

  constructor(api, people, report) {
    this.#api = api;
    this.#people = people;
    this.#report = report;
    this.#columns = COLUMNS.map(([title, belongs]) => column(title, belongs));
    const board = document.getElementById("board");
    board.append(...this.#columns.map(({ section }) => section));
    board.hidden = false;
    // Who is not looking does not ask.
    setInterval(() => document.hidden || this.refresh(), POLL_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** Show the board as it is now. A failure waits for the next time: the stream's state tells. */
  async refresh() {
    if (this.away) return;
    const asked = ++this.#asked;
    const answer = await this.#api.get(URL_OF_STORIES).catch(() => null);
    // An answer that was overtaken by a later question may be out of date.
    if (answer && asked === this.#asked) this.#show(answer.stories);
  }

  /** Point at a story. Returns whether it is here. */
  pointAt(id) {
    const card = this.#cards.get(id);
    card?.flash();
    return card !== undefined;
  }

  #show(stories) {
    for (const story of stories) this.#card(story).show(story);
    for (const { list, count, belongs } of this.#columns) {
      const wanted = stories.filter(belongs).map((story) => this.#cards.get(story.id).element);
      const same = wanted.length === list.children.length;
      // Only a card that moves is touched: a focused box keeps its focus, an open list stays open.
      if (!same || wanted.some((card, i) => card !== list.children[i])) arrange(list, wanted);
      count.textContent = String(wanted.length);
    }
  }

  #card(story) {
    if (!this.#cards.has(story.id)) {
      const act = (verb, body) => this.#act(story.id, verb, body);
      this.#cards.set(story.id, new Card(this.#people, act));
    }
    return this.#cards.get(story.id);
  }

  /** Do something to a story. Resolves to whether it worked. */
  async #act(id, verb, body) {
    try {
      await this.#api.post(`${URL_OF_STORIES}/${encodeURIComponent(id)}/${verb}`, body);
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    } finally {
      await this.refresh();
    }
  }
}

function column(title, belongs) {
  const count = el("span", { className: "muted" });
  const list = el("ul", { role: "list" });
  const section = el("section", {}, el("h2", {}, title, " ", count), list);
  return { section, list, count, belongs };
}

function arrange(list, wanted) {
  const focused = document.activeElement;
  list.replaceChildren(...wanted);
  if (focused?.isConnected && focused !== document.activeElement) focused.focus();
}
