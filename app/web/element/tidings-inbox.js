/**
 * `<tidings-inbox>`: bell, badge, list and toasts of one person's notifications.
 *
 *     <script type="module" src="/static/tidings-inbox.js"></script>
 *     <tidings-inbox></tidings-inbox>
 *
 * Attributes, properties, events, parts and custom properties: docs/browser.md.
 */

import { Tidings } from "./tidings.js";
import { clock } from "./tidings/clock.js";
import { Credentials, groupName } from "./tidings/credentials.js";
import { Inbox } from "./tidings-inbox/inbox.js";
import { OnlyTab } from "./tidings-inbox/only-tab.js";
import { styleSheet } from "./tidings-inbox/styles.js";
import { Words } from "./tidings-inbox/words.js";

// What changes how the inbox begins, and what it can take in while it runs.
const BEGIN = ["url", "name", "with-credentials", "lang", "kind", "subject", "sign-in"];
const ADJUST = ["no-toasts", "no-title", "viewing"];
const PROPERTIES = /** @type {const} */ (["tidings", "token", "ticket", "words"]);

export class TidingsInbox extends HTMLElement {
  static observedAttributes = [...BEGIN, ...ADJUST];

  /** @type {Inbox | null} */
  #inbox = null;
  /** The client, if it is the element's own. @type {Tidings | null} */
  #own = null;
  /** @type {Tidings | null} */
  #given = null;
  /** @type {Record<string, any>} */
  #set = {};
  #root;
  /** Counts beginnings: of several wishes in one go, the last counts. */
  #beginning = 0;

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [styleSheet()];
  }

  connectedCallback() {
    // What the page set before this class was there hides the accessors.
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete (/** @type {any} */ (this)[name]);
      /** @type {any} */ (this)[name] = value;
    }
    this.#beginSoon();
  }

  disconnectedCallback() {
    // An element that is moved is taken out and put in again in one go.
    this.#beginSoon();
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (before === now || !this.#inbox) return;
    if (ADJUST.includes(name)) this.#inbox.adjust();
    else this.#beginSoon(true);
  }

  /** The client: the one that was given, or the element's own. */
  get tidings() {
    return this.#given ?? this.#own;
  }

  set tidings(tidings) {
    this.#given = tidings;
    this.#beginSoon(true);
  }

  /** A token, or a function that gets one; as the client's option. */
  get token() {
    return this.#set.token;
  }

  set token(token) {
    this.#set.token = token;
    this.#beginSoon(true);
  }

  /** A function that gets a ticket; as the client's option. */
  get ticket() {
    return this.#set.ticket;
  }

  set ticket(ticket) {
    this.#set.ticket = ticket;
    this.#beginSoon(true);
  }

  /** Own words, in place of those of the same name. */
  get words() {
    return this.#set.words ?? {};
  }

  set words(words) {
    this.#set.words = words;
    this.#beginSoon(true);
  }

  get isOpen() {
    return this.#inbox?.isOpen ?? false;
  }

  open() {
    this.#inbox?.open();
  }

  close() {
    this.#inbox?.close();
  }

  /** Mark all that is about a subject (`TYPE/ID`) read: the person looks at it. @param {string} subject */
  readSubject(subject) {
    this.#inbox?.readSubject(subject);
  }

  /** Begin anew: after somebody has signed in. */
  restart() {
    this.#beginSoon(true);
  }

  /** @param {boolean} [anew] */
  #beginSoon(anew = false) {
    const beginning = ++this.#beginning;
    if (anew) this.#end();
    queueMicrotask(() => {
      if (beginning !== this.#beginning) return;
      if (!this.isConnected) this.#end();
      else if (!this.#inbox) void this.#begin();
    });
  }

  #end() {
    this.#inbox?.end();
    this.#inbox = null;
    this.#own?.close();
    this.#own = null;
  }

  async #begin() {
    const beginning = this.#beginning;
    const options = this.#options();
    const group = await groupOf(options);
    if (beginning !== this.#beginning) return;
    if (!this.#given) this.#own = new Tidings(options);
    this.#inbox = new Inbox({
      host: this,
      root: this.#root,
      api: this.tidings,
      words: new Words(languageOf(this), this.words),
      clock,
      onlyTab: new OnlyTab(group && `${group}:toasts`, navigator.locks),
      wishes: () => this.#wishes(),
    });
  }

  #options() {
    const { token, ticket } = this.#set;
    const url = this.getAttribute("url") ?? "/api/v1";
    const name = this.getAttribute("name") ?? undefined;
    return { url, name, token, ticket, withCredentials: this.hasAttribute("with-credentials") };
  }

  /** @returns {import("./tidings-inbox/inbox.js").Wishes} */
  #wishes() {
    return {
      toasts: !this.hasAttribute("no-toasts"),
      title: !this.hasAttribute("no-title"),
      viewing: this.getAttribute("viewing"),
      signIn: this.hasAttribute("sign-in"),
      filter: {
        kind: this.getAttribute("kind") ?? undefined,
        subject: this.getAttribute("subject") ?? undefined,
      },
    };
  }
}

/** The name that all tabs of one person share; null if it can't be known. @param {any} options */
async function groupOf(options) {
  const url = new URL(`${options.url.replace(/\/+$/, "")}/`, location.href);
  try {
    const { mark } = await new Credentials(options, url).who();
    return mark && "subtle" in crypto ? await groupName(url, mark) : null;
  } catch {
    return null; // nobody is signed in: the client says so
  }
}

/** @param {Element} element */
function languageOf(element) {
  const lang = element.closest("[lang]")?.getAttribute("lang");
  return lang || document.documentElement.lang || navigator.language;
}

if (!customElements.get("tidings-inbox")) customElements.define("tidings-inbox", TidingsInbox);
