/**
 * One stream for all tabs of a user. A Web Lock elects the tab that leads, which has the stream, and
 * a BroadcastChannel takes what it says to the others.
 *
 * - The tab that has the lock leads. The browser gives the lock to the next one when that tab is
 *   closed, crashes, or lets go because it is frozen.
 * - A tab that hangs keeps its lock. When the others miss its beat they ask, and if there is no
 *   answer one of them steals the lock. Two may do so at the same time: the later one keeps it, and
 *   the earlier one is told. Streams overlap for a moment, and that is all.
 * - A tab that has never heard a leader does not steal. Perhaps locks reach further than messages
 *   here, and two tabs would steal from each other for ever: it has a stream of its own until it
 *   hears one.
 * - Whoever sends a frame says what it continues (`prev`), so a tab sees by itself what it has
 *   already and what it lacks, whoever led when and in whatever order messages come. What it lacks
 *   comes from the leader's memory, or from the stream, which the leader rewinds.
 * - A leader whose page gives no credentials passes the lock on, and waits at the end of the queue.
 *
 * @typedef {import("./ledger.js").Frame} Frame
 * @typedef {import("./connection.js").State} State
 * @typedef {{state: State, position: number | null, seq: number, unread: number, unseen: number}} Status
 *
 * @typedef {object} Channel
 * @property {(message: any) => void} postMessage
 * @property {((event: {data: any}) => void) | null} onmessage
 * @property {() => void} close
 *
 * @typedef {object} Locks
 * @property {(name: string, options: {signal?: AbortSignal, steal?: boolean}, hold: () => Promise<void>) => Promise<unknown>} request
 *
 * @typedef {object} TabParts
 * @property {string} name what tabs of the same user, and no others, have in common
 * @property {Locks} locks
 * @property {(name: string) => Channel} openChannel
 * @property {import("./clock.js").Clock} clock
 * @property {() => number} random
 *
 * @typedef {object} TabEvents
 * @property {() => void} lead Open the stream.
 * @property {() => void} follow Close it: another tab has it.
 * @property {(frame: Frame) => void} frame from the leader
 * @property {(status: Status) => void} status of the leader
 * @property {() => Status} mine of this tab
 * @property {(after: number) => void} rewind Stream again what came after this.
 */

import { History } from "./history.js";

const BEAT_MS = 5_000;
// Two beats missed: ask. Who is alive answers at once, even where timers are throttled.
const SILENCE_MS = 10_000;
const ANSWER_MS = 3_000;

/** Where tabs can't know each other, or not who their user is: the same, for one. */
export class Alone {
  leads = false;
  #on;

  /** @param {Pick<TabEvents, "lead">} on */
  constructor(on) {
    this.#on = on;
  }

  join() {
    this.leads = true;
    this.#on.lead();
  }

  leave() {
    this.leads = false;
  }

  /** @param {Frame} _frame */
  publish(_frame) {}

  /** @param {Frame} _frame */
  remember(_frame) {}

  beat() {}

  /** @param {number} _after */
  need(_after) {}

  ask() {}

  pass() {}
}

export class Tabs {
  #parts;
  #on;
  #history = new History();
  /** @type {Channel | null} */
  #channel = null;
  /** @type {"out" | "follower" | "leader" | "alone"} */
  #role = "out";
  /** Ends waiting for the lock, or holding it. @type {() => void} */
  #letGo = () => {};
  #stopBeating = () => {};
  #stopAsking = () => {};
  #heardAt = 0;
  #everHeard = false;
  #answered = false;

  /** @param {TabParts} parts @param {TabEvents} on */
  constructor(parts, on) {
    this.#parts = parts;
    this.#on = on;
  }

  /** Whether this tab has the stream. */
  get leads() {
    return this.#role === "leader" || this.#role === "alone";
  }

  /** Take part. */
  join() {
    if (this.#role !== "out") return;
    this.#channel = this.#parts.openChannel(this.#parts.name);
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#role = "follower";
    this.#heardAt = this.#parts.clock.now();
    this.#stopBeating = this.#parts.clock.every(BEAT_MS, () => this.#tick());
    this.#queue();
    this.#send({ type: "ask" });
  }

  /** Take part no longer; another tab takes over. */
  leave() {
    this.#role = "out";
    this.#stopBeating();
    this.#stopAsking();
    this.#letGo();
    this.#channel?.close();
    this.#channel = null;
  }

  /** A frame of the stream, for the other tabs. @param {Frame} frame */
  publish(frame) {
    this.remember(frame);
    if (this.#role === "leader") this.#send({ type: "frame", frame });
  }

  /** Something that another tab may lack one day. @param {Frame} frame */
  remember(frame) {
    this.#history.add(frame);
  }

  /** Tell the others how things stand, and that this tab is alive. */
  beat() {
    if (this.#role === "leader") this.#send({ type: "beat", status: this.#on.mine() });
  }

  /** This tab lacks what came after a position. @param {number} after */
  need(after) {
    this.#send({ type: "need", after });
  }

  /** The page was asleep or hidden: is the leader still there? */
  ask() {
    if (this.#role !== "follower") return;
    this.#stopAsking();
    this.#answered = false;
    this.#send({ type: "ask" });
    // Not all at the same moment.
    const patience = ANSWER_MS * (1 + this.#parts.random() / 2);
    this.#stopAsking = this.#parts.clock.after(patience, () => {
      if (this.#role === "follower" && !this.#answered) this.#takeOver();
    });
  }

  /** This tab can't open a stream: it is another's turn, if there is another. */
  pass() {
    if (this.#role !== "leader") return;
    this.#letGo();
    this.#follow();
  }

  #tick() {
    if (this.#role === "leader") this.beat();
    else if (this.#parts.clock.now() - this.#heardAt >= SILENCE_MS) this.ask();
  }

  /** Wait for the lock. */
  #queue() {
    const waiting = new AbortController();
    this.#hold({ signal: waiting.signal }, () => waiting.abort());
  }

  #takeOver() {
    if (this.#everHeard) {
      this.#letGo();
      this.#hold({ steal: true }, () => {});
    } else {
      // The place in the queue stays.
      this.#beAlone();
    }
  }

  #beAlone() {
    this.#role = "alone";
    this.#on.lead();
  }

  /** @param {{signal?: AbortSignal, steal?: boolean}} options @param {() => void} stopWaiting */
  #hold(options, stopWaiting) {
    let over = false;
    this.#letGo = () => {
      over = true;
      stopWaiting();
    };
    const hold = () =>
      new Promise((/** @type {(value: void) => void} */ release) => {
        if (over) return release();
        this.#letGo = () => {
          over = true;
          release();
        };
        this.#lead();
      });
    this.#parts.locks.request(this.#parts.name, options, hold).catch((error) => {
      if (over) return;
      // Stolen by another tab, which took this one for dead; or there are no locks here after all.
      if (error.name === "AbortError") this.#follow();
      else this.#beAlone();
    });
  }

  #lead() {
    const alone = this.#role === "alone";
    this.#role = "leader";
    this.#stopAsking();
    if (!alone) this.#on.lead();
    this.beat();
  }

  /** The lock is another's. */
  #follow() {
    this.#role = "follower";
    this.#heardAt = this.#parts.clock.now();
    this.#on.follow();
    this.#queue();
    this.#send({ type: "ask" });
  }

  /** @param {any} message */
  #send(message) {
    this.#channel?.postMessage(message);
  }

  /** @param {any} message */
  #receive(message) {
    if (this.#role === "out") return;
    switch (message.type) {
      case "ask":
        return this.beat();
      case "beat":
        return this.#heard(message.status);
      case "frame":
        // True whoever says it, a leader that has just woken up included.
        this.#listened();
        return this.#on.frame(message.frame);
      case "need":
        return this.#role === "leader" && this.#help(message.after);
      case "frames":
        for (const frame of message.frames) this.#on.frame({ ...frame, replayed: true });
    }
  }

  /** @param {Status} status */
  #heard(status) {
    // Between a theft and the word of it there are two leaders; the lock says which one stays.
    if (this.#role === "leader") return;
    this.#everHeard = true;
    this.#listened();
    if (this.#role === "alone") {
      this.#role = "follower";
      this.#on.follow();
    }
    this.#on.status(status);
  }

  /** The leader is alive. */
  #listened() {
    this.#answered = true;
    this.#heardAt = this.#parts.clock.now();
  }

  /** @param {number} after */
  #help(after) {
    const frames = this.#history.since(after);
    if (frames === null) this.#on.rewind(after);
    else if (frames.length) this.#send({ type: "frames", frames });
  }
}
