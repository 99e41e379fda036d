/**
 * One person's stream: a plain EventSource that is made anew whenever it ends.
 *
 * A ticket opens one stream only, so EventSource's own reconnecting would fail: each attempt gets a
 * fresh ticket and says with `last_event_id` where it left off.
 *
 * Events: `notification`, `updated`, `mailbox`, `connected`, `reset` (detail: the frame's data) and
 * `state`.
 */

const URL_OF_STREAM = "/api/v1/notifications/subscribe";
const NAMED_FRAMES = ["connected", "updated", "mailbox", "reset", "draining", "expired", "ping"];

// The server sends a `ping` every 15 s; three missed in a row mean a dead link.
const SILENCE_MS = 45_000;
const CHECK_MS = 5_000;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

export class Stream extends EventTarget {
  /** `connecting`, `live`, `offline` (will try again) or `expired` (will not). */
  state = "connecting";

  #getTicket;
  #position;
  #source = null;
  #attempt = 0;
  #failures = 0;
  #retryTimer;
  #heardAt = 0;

  /** `getTicket()` promises a ticket; `position` is the seq after which to continue. */
  constructor(getTicket, position) {
    super();
    this.#getTicket = getTicket;
    this.#position = position;
  }

  open() {
    setInterval(() => this.#checkSilence(), CHECK_MS);
    addEventListener("online", () => this.#hurry());
    addEventListener("pagehide", () => this.#stop("offline"));
    addEventListener("pageshow", (event) => event.persisted && this.#hurry());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#hurry());
    this.#connect();
  }

  async #connect() {
    const attempt = this.#stop("connecting");
    let ticket;
    try {
      ticket = await this.#getTicket();
    } catch (error) {
      if (attempt === this.#attempt) this.#failed(error);
      return;
    }
    // Meanwhile somebody else may have begun a newer attempt.
    if (attempt === this.#attempt) this.#listen(ticket);
  }

  #listen(ticket) {
    const query = new URLSearchParams({ ticket, last_event_id: this.#position });
    const source = new EventSource(`${URL_OF_STREAM}?${query}`);
    this.#source = source;
    this.#heardAt = Date.now();
    source.onmessage = (event) => this.#receive("notification", event);
    for (const name of NAMED_FRAMES) {
      source.addEventListener(name, (event) => this.#receive(name, event));
    }
    source.onerror = () => this.#retry();
  }

  #receive(name, event) {
    this.#heardAt = Date.now();
    if (event.lastEventId) this.#position = event.lastEventId;
    const data = JSON.parse(event.data);
    if (name === "connected") {
      this.#failures = 0;
      this.#enter("live");
    } else if (name === "draining") {
      return this.#retry(data.retry_ms);
    } else if (name === "expired") {
      return this.#stop("expired");
    }
    this.dispatchEvent(new CustomEvent(name, { detail: data }));
  }

  #failed(error) {
    if (error.status === 401 || error.status === 403) this.#stop("expired");
    else this.#retry();
  }

  /** Try again later: when the server said so, else after a random, growing delay. */
  #retry(serverMs) {
    this.#stop("offline");
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++);
    const delay = serverMs ?? ceiling * (0.5 + Math.random() / 2);
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  /** The network or the reader is back: no need to wait any longer. */
  #hurry() {
    if (this.state === "offline") this.#connect();
    else this.#checkSilence();
  }

  #checkSilence() {
    if (this.#source && Date.now() - this.#heardAt > SILENCE_MS) this.#retry();
  }

  /** End what is under way, and make its late results void. */
  #stop(state) {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#retryTimer);
    this.#enter(state);
    return ++this.#attempt;
  }

  #enter(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
