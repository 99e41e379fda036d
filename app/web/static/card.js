/** One story on the board. */

import { avatar, el, paintAvatar } from "./dom.js";
import { timeElement } from "./time.js";

const MAX_COMMENTS_SHOWN = 2;
const FLASH_MS = 1_600;

export class Card {
  #story = null;
  #act;
  #title = el("h3", { dir: "auto" });
  #sign = avatar(null);
  #assignee = el("select", { className: "select", autocomplete: "off" });
  #comments = el("ul", { className: "comments", role: "list" });
  #text = el("input", { className: "input", placeholder: "Comment…", maxLength: 2000 });
  #finish = el("button", { className: "check", type: "button" });

  /** `act(verb, body)` asks the server; it resolves to whether that worked. */
  constructor(people, act) {
    this.#act = act;
    const nobody = el("option", { value: "", disabled: true }, "Assign to…");
    const everybody = people.map(({ id, name }) => el("option", { value: id }, name));
    this.#assignee.append(nobody, ...everybody);
    Object.assign(this.#text, { autocomplete: "off", enterKeyHint: "send" });
    const form = el("form", { className: "comment" }, this.#text);
    this.element = el(
      "li",
      { className: "card" },
      el("div", { className: "heading" }, this.#finish, this.#title),
      el("div", { className: "assignee" }, this.#sign, this.#assignee),
      this.#comments,
      form,
    );
    this.#assignee.addEventListener("change", () => this.#assign());
    form.addEventListener("submit", (event) => this.#comment(event));
    this.#finish.addEventListener("click", () => act(this.#story.done ? "reopen" : "complete"));
  }

  /** Show the story as it is now; what the person is typing stays. */
  show(story) {
    if (JSON.stringify(story) === JSON.stringify(this.#story)) return;
    this.#story = story;
    this.element.classList.toggle("done", story.done);
    this.#title.textContent = story.title;
    this.#assignee.ariaLabel = `Assignee of ${story.title}`;
    this.#text.ariaLabel = `Comment on ${story.title}`;
    this.#finish.title = story.done ? "Reopen" : "Complete";
    this.#finish.ariaLabel = `${this.#finish.title} ${story.title}`;
    this.#assignee.disabled = story.done;
    this.#showAssignee();
    this.#comments.replaceChildren(...story.comments.slice(-MAX_COMMENTS_SHOWN).map(commentRow));
  }

  /** Draw the eye to this story. */
  flash() {
    this.element.scrollIntoView({ block: "nearest" });
    this.element.classList.add("pointed-at");
    setTimeout(() => this.element.classList.remove("pointed-at"), FLASH_MS);
  }

  async #assign() {
    // What the list says is a wish until the server agrees.
    if (!(await this.#act("assign", { assignee: this.#assignee.value }))) this.#showAssignee();
  }

  async #comment(event) {
    event.preventDefault();
    const text = this.#text.value.trim();
    if (!text) return;
    this.#text.value = "";
    if (!(await this.#act("comment", { text })) && !this.#text.value) this.#text.value = text;
  }

  #showAssignee() {
    this.#assignee.value = this.#story.assignee?.id ?? "";
    paintAvatar(this.#sign, this.#story.assignee);
  }
}

function commentRow({ author, text, at }) {
  const said = el("p", { dir: "auto" }, el("strong", {}, author.name), " ", text);
  return el("li", {}, said, timeElement(at));
}
