/**
 * What one tab is told, whether it has the stream itself or hears of it from the tab that does.
 *
 * @typedef {import("./ledger.js").Ledger} Ledger
 * @typedef {import("./ledger.js").Frame} Frame
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./connection.js").Parts} ConnectionParts
 * @typedef {import("./connection.js").Wire} Wire
 * @typedef {import("./tabs.js").TabParts} TabParts
 * @typedef {import("./tabs.js").Status} Status
 *
 * @typedef {object} StreamEvents
 * @property {(state: State) => void} state
 * @property {(frame: Frame) => void} told each change once, in order
 * @property {(wire: Wire) => void} wire each frame as it came, in the tab that has the stream; in
 *   the others those that tell them something new
 * @property {() => void} counted The counts may have changed without a frame.
 * @property {() => void} stranger The user has changed; this stream is stopped.
 */

import { Connection } from "./connection.js";
import { Alone, Tabs } from "./tabs.js";

// A tab's list may be ahead of the stream for a moment. For longer it can't, unless the server's
// database was put back to an older state.
const AHEAD_MS = 10_000;
const ASK_AGAIN_MS = 1_000;

export class SharedStream {
  #ledger;
  #on;
  #clock;
  #connection;
  #tabs;
  #readSeq;
  /** @type {State} */
  #state = "connecting";
  /** @type {{after: number, at: number} | null} */
  #needed = null;
  /** @type {number | null} */
  #aheadSince = null;

  /**
   * @param {ConnectionParts & {tabs: TabParts | null, readSeq: () => Promise<number>}} parts
   *   `tabs` is null for a tab that keeps to itself
   * @param {Ledger} ledger
   * @param {StreamEvents} on
   */
  constructor(parts, ledger, on) {
    this.#ledger = ledger;
    this.#on = on;
    this.#clock = parts.clock;
    this.#readSeq = parts.readSeq;
    this.#connection = new Connection(parts, {
      state: (state) => this.#enter(state),
      connected: (start) => this.#connected(start),
      frame: (frame) => this.#streamed(frame),
      wire: on.wire,
      unable: () => this.#tabs.pass(),
      stranger: () => {
        this.stop();
        on.stranger();
      },
    });
    const events = {
      lead: () => this.#connection.start(ledger.position),
      follow: () => this.#connection.stop(),
      frame: (/** @type {Frame} */ frame) => this.#heard(frame),
      status: (/** @type {Status} */ status) => this.#followed(status),
      mine: () => this.#status(),
      rewind: (/** @type {number} */ after) => this.#connection.rewind(after),
    };
    this.#tabs = parts.tabs ? new Tabs(parts.tabs, events) : new Alone(events);
  }

  start() {
    this.#tabs.join();
  }

  /** Close the stream or let go of it; another tab goes on. */
  stop() {
    this.#connection.stop();
    this.#tabs.leave();
  }

  /** Look from time to time whether the link is dead. */
  check() {
    this.#connection.check();
  }

  /** The page was hidden or asleep: look more closely. */
  doubt() {
    if (this.#tabs.leads) this.#connection.check(true);
    else this.#tabs.ask();
  }

  /** There is a network again. */
  hurry() {
    if (this.#tabs.leads) this.#connection.hurry();
    else this.#tabs.ask();
  }

  /** @param {State} state */
  #enter(state) {
    this.#state = state;
    // Nobody follows into `expired`: each tab shows its own credentials.
    if (state === "expired") this.stop();
    else this.#tabs.beat();
    this.#on.state(state);
  }

  /** @param {{seq: number, unread: number, unseen: number}} start */
  #connected(start) {
    if (this.#ledger.position === null) this.#ledger.begin(start.seq);
    this.#ledger.count(start);
    this.#on.counted();
  }

  /** From this tab's own stream. @param {Frame} frame */
  #streamed(frame) {
    this.#tabs.publish(frame);
    if (this.#ledger.take(frame) === "new") this.#on.told(frame);
  }

  /** From the tab that leads. @param {Frame} frame */
  #heard(frame) {
    const verdict = this.#ledger.take(frame);
    if (verdict === "new") {
      this.#tabs.remember(frame);
      this.#on.wire(this.#wireOf(frame));
      this.#on.told(frame);
    } else if (verdict === "hole") {
      this.#ask();
    }
  }

  /** @param {Frame} frame @returns {Wire} */
  #wireOf({ kind, seq, data, replayed }) {
    const event = kind === "notification" ? "message" : kind;
    return { event, id: seq, data, replayed, receivedAt: this.#clock.now() };
  }

  /** How things stand with the tab that leads. @param {Status} status */
  #followed({ state, position, ...counts }) {
    const mine = this.#ledger.position;
    if (mine === null && position !== null) this.#ledger.begin(position);
    else if (mine !== null && position !== null) this.#compare(mine, position);
    this.#ledger.count(counts);
    this.#on.counted();
    this.#state = state;
    this.#on.state(state);
  }

  /** @param {number} mine @param {number} theirs */
  #compare(mine, theirs) {
    if (theirs > mine) this.#ask();
    if (theirs >= mine) {
      this.#aheadSince = null;
      return;
    }
    const now = this.#clock.now();
    this.#aheadSince ??= now;
    if (now - this.#aheadSince >= AHEAD_MS) {
      this.#aheadSince = null;
      void this.#verify(mine);
    }
  }

  /** This tab would take what comes for known, if its position is one that no longer exists. @param {number} mine */
  async #verify(mine) {
    let seq;
    try {
      seq = await this.#readSeq();
    } catch {
      return; // noticed again at a later beat
    }
    if (seq >= mine || mine !== this.#ledger.position) return;
    const { unread, unseen } = this.#ledger;
    const data = { seq, unread, unseen, reason: "from-the-future" };
    this.#heard({ kind: "reset", prev: mine, seq, data, replayed: true });
  }

  /** Ask for what is missing; not with every frame that comes meanwhile. */
  #ask() {
    const after = this.#ledger.position ?? 0;
    const now = this.#clock.now();
    if (this.#needed?.after === after && now - this.#needed.at < ASK_AGAIN_MS) return;
    this.#needed = { after, at: now };
    this.#tabs.need(after);
  }

  /** @returns {Status} */
  #status() {
    const position = this.#connection.at ?? this.#ledger.position;
    return { state: this.#state, position, ...this.#ledger.counts };
  }
}
