/**
 * One stream, made anew whenever it ends, until it is stopped or its credentials are refused.
 *
 * Knows no EventSource, no page and no clock of its own: it is handed them.
 *
 * @typedef {import("./ledger.js").Frame} Frame
 * @typedef {import("./ledger.js").Kind} Kind
 * @typedef {"connecting" | "live" | "offline" | "expired"} State
 *
 * What an attempt needs: the query of the URL; the mailbox's seq just before, if it is known (what
 * comes up to it is a replay); and whether the user is still the same when the stream opens.
 * @typedef {object} Prepared
 * @property {Record<string, string>} query
 * @property {number | null} mark
 * @property {() => boolean} still
 *
 * @typedef {object} Parts
 * @property {(query: Record<string, string>, on: import("./source.js").SourceEvents) => () => void} open
 *   opens a source; the result closes it
 * @property {() => Promise<Prepared>} prepare fetches fresh credentials; rejects with a `status`, or
 *   with AskedInVain
 * @property {boolean} renewable whether `prepare` can have better credentials than those that ended
 * @property {import("./clock.js").Clock} clock
 * @property {() => number} random
 *
 * One frame as it came; `id` is null for one that has none.
 * @typedef {{event: string, id: number | null, data: any, replayed: boolean, receivedAt: number}} Wire
 *
 * @typedef {object} ConnectionEvents
 * @property {(wire: Wire) => void} wire every frame, before anything is made of it
 * @property {(state: State) => void} state
 * @property {(start: {seq: number, unread: number, unseen: number}) => void} connected
 * @property {(frame: Frame) => void} frame
 * @property {() => void} unable the page has failed to give credentials for a while, and is asked
 *   on; another tab's page may be able to
 * @property {() => void} stranger the stream may be another user's: nothing of it was passed on
 */

import { AskedInVain, Patient } from "./asked.js";
import { Backoff } from "./backoff.js";
import { Patience } from "./patience.js";

/** Which frames change what is known, by the name of the event. */
const KINDS = /** @type {Record<string, Kind>} */ ({
  message: "notification",
  updated: "updated",
  mailbox: "mailbox",
  reset: "reset",
});
const REFUSED = [401, 403];
// A replay follows `connected` at once: what comes so early may be one, where there is no mark.
const REPLAY_MS = 2_000;

export class Connection {
  #parts;
  #on;
  #backoff;
  #patience = new Patience();

  /** Up to where this stream has come. @type {number | null} */
  #at = null;
  /** Counts attempts, so that late results of an earlier one are void. */
  #attempt = 0;
  #close = () => {};
  #cancelRetry = () => {};
  #open = false;
  #waiting = false;
  #retryAt = 0;

  // Of the stream at hand:
  #heardAt = 0;
  #liveSince = 0;
  #live = false;
  #lastId = "";
  /** @type {Prepared} */
  #prepared = { query: {}, mark: null, still: () => true };
  #expiresAt = 0;

  /** After which position a jump of the ids was doubted already. @type {number | null} */
  #doubtedAt = null;
  #patient;
  /** An unable page is not asked before this, whatever happens. */
  #restsUntil = 0;
  /** When the credentials that are being replaced ended; null while none are. @type {number | null} */
  #renewing = null;

  /** @param {Parts} parts @param {ConnectionEvents} on */
  constructor(parts, on) {
    this.#parts = parts;
    this.#on = on;
    this.#backoff = new Backoff(parts.random);
    this.#patient = new Patient(parts.clock);
  }

  /** Open a stream that continues after a position; null: from wherever the mailbox is. @param {number | null} at */
  start(at) {
    this.#at = at;
    this.#patient.begin();
    const rest = this.#restsUntil - this.#parts.clock.now();
    if (rest > 0) this.#connectIn(rest);
    else void this.#connect();
  }

  /** Up to where the stream has come. */
  get at() {
    return this.#at;
  }

  /** Close the stream, and say nothing. */
  stop() {
    this.#attempt++;
    this.#open = this.#live = this.#waiting = false;
    this.#close();
    this.#close = () => {};
    this.#cancelRetry();
    return this.#attempt;
  }

  /** There is a network (again): don't wait any longer; and what was open may be dead. */
  hurry() {
    if (this.#waiting || this.#open) void this.#connect();
  }

  /** Find out whether the link is dead; sooner if there is a reason to doubt it. */
  check(doubtful = false) {
    if (!this.#open) return;
    const silence = this.#parts.clock.now() - this.#heardAt;
    if (silence <= (doubtful ? this.#patience.briefMs : this.#patience.limitMs)) return;
    this.#patience.forget();
    if (doubtful) void this.#reconnect();
    else this.#retry();
  }

  /** Stream again what came after an earlier position. @param {number} after */
  rewind(after) {
    if (this.#at === null || after >= this.#at) return;
    this.#at = after;
    if (this.#open) void this.#connect();
  }

  async #connect() {
    const attempt = this.stop();
    this.#patient.ask();
    try {
      this.#prepared = await this.#parts.prepare();
    } catch (error) {
      if (attempt === this.#attempt) this.#refused(error);
      return;
    }
    this.#patient.begin();
    // Meanwhile it may have been stopped, or a newer attempt begun.
    if (attempt === this.#attempt) this.#listen(attempt);
  }

  /** @param {number} attempt */
  #listen(attempt) {
    const { query, mark } = this.#prepared;
    this.#at ??= mark;
    /** @type {Record<string, string>} */
    const position = this.#at === null ? {} : { last_event_id: String(this.#at) };
    this.#heardAt = this.#parts.clock.now();
    this.#lastId = "";
    this.#open = true;
    this.#close = this.#parts.open(
      { ...query, ...position },
      {
        event: (name, text, lastId) => attempt === this.#attempt && this.#hear(name, text, lastId),
        end: () => attempt === this.#attempt && this.#retry(),
      },
    );
  }

  /** @param {string} name @param {string} text @param {string} lastId */
  #hear(name, text, lastId) {
    const now = this.#parts.clock.now();
    const silence = now - this.#heardAt;
    this.#heardAt = now;
    const data = parsed(text);
    if (data === null) return;
    const numbered = name !== "message" || lastId !== this.#lastId || isNotification(data, lastId);
    this.#lastId = lastId;
    if (name === "connected" && !this.#prepared.still()) return this.#strange();
    this.#show(name, numbered ? Number(lastId) : null, data);
    if (name === "connected") this.#connected(data);
    else if (name === "ping") this.#patience.heardPing(silence);
    else if (name === "draining") this.#retry(data.retry_ms);
    else if (name === "expired") this.#expired();
    else if (this.#live) this.#frame(KINDS[name], numbered ? Number(lastId) : null, data);
  }

  #strange() {
    this.stop();
    this.#on.stranger();
  }

  /** Whoever wants to see it all does. @param {string} event @param {number | null} lastId @param {any} data */
  #show(event, lastId, data) {
    const changes = event in KINDS;
    // Before `connected` it may still turn out to be another user's.
    if (changes && !this.#live) return;
    const id = changes || event === "connected" ? lastId : null;
    const replayed = changes && id !== null && this.#isReplay(id);
    this.#on.wire({ event, id, data, replayed, receivedAt: this.#heardAt });
  }

  /** @param {any} data */
  #connected(data) {
    this.#live = true;
    this.#liveSince = this.#heardAt;
    this.#backoff.learn(data.retry_ms);
    this.#at ??= Number(data.seq);
    this.#expiresAt = data.expires_at;
    if (this.#renewing !== null && this.#expiresAt > this.#renewing) this.#renewing = null;
    this.#on.connected(data);
    this.#on.state("live");
  }

  /** @param {Kind} kind @param {number | null} seq @param {any} data */
  #frame(kind, seq, data) {
    const prev = this.#at ?? 0;
    if (seq === null) {
      this.#on.frame({ kind, prev, seq, data, replayed: false });
      return;
    }
    if (kind !== "reset") {
      if (seq <= prev) return;
      if (seq > prev + 1 && !this.#mayJump(seq)) {
        // The server closes gaps by itself, so this should be one that it has closed. But should is
        // not enough: the replay after a position leaves nothing out.
        this.#doubtedAt = prev;
        void this.#reconnect();
        return;
      }
    }
    this.#at = seq;
    this.#on.frame({ kind, prev, seq, data, replayed: this.#isReplay(seq) });
  }

  /** @param {number} seq */
  #mayJump(seq) {
    return this.#isReplay(seq) || this.#doubtedAt === this.#at;
  }

  /** @param {number} seq */
  #isReplay(seq) {
    const { mark } = this.#prepared;
    return mark === null ? this.#isEarly() : seq <= mark;
  }

  #isEarly() {
    return this.#heardAt - this.#liveSince < REPLAY_MS;
  }

  #expired() {
    // A second end without a later expiry in between: the credentials can't be renewed.
    if (!this.#parts.renewable || this.#renewing !== null) {
      this.#giveUp();
      return;
    }
    this.#renewing = this.#expiresAt;
    void this.#reconnect();
  }

  /** @param {any} error */
  #refused(error) {
    if (REFUSED.includes(error?.status)) return this.#giveUp();
    this.#retry((error?.retryAfter ?? 0) * 1_000);
    if (!(error instanceof AskedInVain)) return this.#patient.begin();
    if (this.#patient.bears()) return;
    this.#restsUntil = this.#retryAt;
    this.#on.unable();
  }

  #giveUp() {
    this.stop();
    this.#on.state("expired");
  }

  /** Again, at once. */
  #reconnect() {
    this.#on.state("offline");
    return this.#connect();
  }

  /** Again, later. @param {number} [leastMs] how long the server wants to be left alone */
  #retry(leastMs = 0) {
    const { clock } = this.#parts;
    const wasLive = this.#live;
    this.#backoff.ended(wasLive ? clock.now() - this.#liveSince : 0);
    // A server that said goodbye to a live stream chose the moment at random: it is kept to.
    const delay = wasLive && leastMs > 0 ? leastMs : this.#backoff.delay(leastMs);
    this.#connectIn(delay);
    this.#on.state("offline");
  }

  /** @param {number} delay */
  #connectIn(delay) {
    const { clock } = this.#parts;
    const attempt = this.stop();
    this.#waiting = true;
    this.#retryAt = clock.now() + delay;
    this.#cancelRetry = clock.after(delay, () => attempt === this.#attempt && void this.#connect());
  }
}

/**
 * Whether this is a notification with that id. A message without an id, which is another service's,
 * seems to have the one before it.
 * @param {any} data @param {string} lastId
 */
function isNotification(data, lastId) {
  return String(data.seq) === lastId && typeof data.id === "string";
}

/** @param {string} text @returns {any} an object, or null */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
