/** A server, tabs, locks, channels and time, all made up: what happens when is the test's to say. */

import { Ledger } from "../../../app/web/client/tidings/ledger.js";
import { SharedStream } from "../../../app/web/client/tidings/shared-stream.js";

/** Let everything that is due now happen, promises included. */
export async function settle() {
  for (let round = 0; round < 20; round++) await new Promise((done) => setImmediate(done));
}

/** Time that stands still until it is told to pass. */
export class FakeClock {
  time = 1_000_000;
  #timers = new Set();

  now = () => this.time;

  after = (ms, run) => this.#add({ at: this.time + ms, run });

  every = (ms, run) => this.#add({ at: this.time + ms, run, every: ms });

  #add(timer) {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next timer is due, in milliseconds from now. */
  get next() {
    return Math.min(...[...this.#timers].map(({ at }) => at)) - this.time;
  }

  async pass(ms) {
    const until = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.time = due.at;
      if (due.every) due.at += due.every;
      else this.#timers.delete(due);
      due.run();
      await settle();
    }
    this.time = until;
  }

  /** Sleep as a laptop does: no timer runs, and time has passed. */
  sleep(ms) {
    this.time += ms;
  }
}

/** A mailbox, and the streams that are open on it. */
export class FakeServer {
  seq = 0;
  streams = new Set();
  /** Every stream that was asked for: its query. */
  opened = [];
  /** "up", "down" (no connection) or "refusing" (401). */
  is = "up";
  replayLimit = 500;
  #changes = [];

  /** A new notification; the streams hear of it, unless `quietly`. */
  create({ quietly = false } = {}) {
    const seq = ++this.seq;
    const change = { seq, data: { seq, id: `n-${seq}`, title: `${seq}`, unread: seq, unseen: seq } };
    this.#changes.push(change);
    if (!quietly) for (const stream of this.streams) stream.push(change);
    return seq;
  }

  /** What was created is gone: the database is as it was at an earlier seq. */
  restore(seq) {
    this.seq = seq;
    this.#changes.length = seq;
  }

  /** Changes that a replay does not show, as a later one is of the same notification. */
  collapse(...seqs) {
    this.#changes = this.#changes.filter((change) => !seqs.includes(change.seq));
  }

  since(after) {
    return this.#changes.filter(({ seq }) => seq > after);
  }

  open(query, on) {
    this.opened.push(query);
    const stream = new FakeStream(this, query, on);
    queueMicrotask(() => stream.begin());
    return () => this.streams.delete(stream) || stream.close();
  }

  cut() {
    for (const stream of [...this.streams]) stream.end();
  }

  tell(name, data) {
    for (const stream of [...this.streams]) stream.send(name, data);
  }
}

class FakeStream {
  closed = false;
  #lastId = "";

  constructor(server, query, on) {
    this.server = server;
    this.on = on;
    this.at = query.last_event_id === undefined ? server.seq : Number(query.last_event_id);
  }

  begin() {
    if (this.closed) return;
    if (this.server.is !== "up") return this.on.end();
    this.server.streams.add(this);
    const { seq, replayLimit } = this.server;
    const counts = { seq, unread: seq, unseen: seq };
    this.send("connected", { ...counts, seq: this.at, expires_at: this.server.expiresAt ?? 0 }, this.at);
    const missed = this.server.since(this.at);
    if (this.at > seq) this.send("reset", { ...counts, reason: "from-the-future" }, seq);
    else if (missed.length > replayLimit) this.send("reset", { ...counts, reason: "too-far-behind" }, seq);
    else for (const change of missed) this.push(change);
  }

  push({ seq, data }) {
    this.send("message", data, seq);
  }

  send(name, data, id) {
    if (this.closed) return;
    if (id !== undefined) this.#lastId = String(id);
    this.on.event(name, JSON.stringify(data), this.#lastId);
  }

  end() {
    this.server.streams.delete(this);
    if (!this.closed) this.on.end();
    this.closed = true;
  }

  close() {
    this.closed = true;
    this.server.streams.delete(this);
  }
}

/** Web Locks, exclusive ones. */
class FakeLocks {
  #held = null;
  #queue = [];

  request(name, { signal, steal = false }, hold) {
    return new Promise((resolve, reject) => {
      const entry = { hold, resolve, reject };
      signal?.addEventListener("abort", () => {
        if (!this.#queue.includes(entry)) return;
        this.#queue = this.#queue.filter((other) => other !== entry);
        reject(new DOMException("given up", "AbortError"));
      });
      if (steal) {
        this.#held?.reject(new DOMException("stolen", "AbortError"));
        this.#held = null;
        this.#queue.unshift(entry);
      } else {
        this.#queue.push(entry);
      }
      queueMicrotask(() => this.#grant());
    });
  }

  #grant() {
    if (this.#held || !this.#queue.length) return;
    const entry = this.#queue.shift();
    this.#held = entry;
    Promise.resolve(entry.hold()).then((value) => {
      entry.resolve(value);
      if (this.#held === entry) this.#held = null;
      this.#grant();
    });
  }
}

/** One browser profile with one user. */
export class World {
  clock = new FakeClock();
  server = new FakeServer();
  locks = new FakeLocks();
  channels = new Set();
  tabs = [];
  /** Whether tabs hear each other. */
  connected = true;

  /** A tab that starts at a position (the mailbox's, unless said). */
  async open({ at = this.server.seq, shares = true, renewable = false } = {}) {
    const tab = new Tab(this, at, shares, renewable);
    this.tabs.push(tab);
    tab.stream.start();
    await settle();
    return tab;
  }

  get leaders() {
    return this.tabs.filter((tab) => tab.sources.size);
  }
}

class Tab {
  told = [];
  wires = [];
  states = [];
  sources = new Set();
  hung = false;
  ledger = new Ledger();
  #backlog = [];

  constructor(world, at, shares, renewable) {
    this.world = world;
    if (at !== null) this.ledger.begin(at);
    const clock = {
      now: world.clock.now,
      after: (ms, run) => world.clock.after(ms, () => this.run(run)),
      every: (ms, run) => world.clock.every(ms, () => this.run(run)),
    };
    const tabs = { name: "t", locks: this.#locks(), openChannel: () => this.#channel(), clock, random: () => 0.5 };
    const parts = {
      open: (query, on) => this.#open(query, on),
      prepare: () => this.prepare(),
      readSeq: async () => world.server.seq,
      renewable,
      clock,
      random: () => 0.5,
      tabs: shares ? tabs : null,
    };
    this.stream = new SharedStream(parts, this.ledger, {
      state: (state) => state !== this.states.at(-1) && this.states.push(state),
      told: ({ kind, seq, data, replayed }) => this.told.push({ kind, seq, data, replayed }),
      wire: (wire) => this.wires.push(wire),
      counted: () => {},
      stranger: () => this.states.push("stranger"),
    });
  }

  still = () => true;

  prepare = async () => {
    const { server } = this.world;
    if (server.is === "down") throw Object.assign(new Error("down"), { status: 0 });
    if (server.is === "refusing") throw Object.assign(new Error("no"), { status: 401 });
    return { query: {}, mark: server.seq, still: this.still };
  };

  get seqs() {
    return this.told.map(({ seq }) => seq);
  }

  get state() {
    return this.states.at(-1);
  }

  /** Whatever happens waits while the tab hangs. */
  run(what) {
    if (this.hung) this.#backlog.push(what);
    else what();
  }

  /** Stop without a word, and without letting go of anything. */
  hang() {
    this.hung = true;
  }

  /** Lose what happened meanwhile. */
  forget() {
    this.#backlog = [];
  }

  async wake() {
    this.hung = false;
    for (const what of this.#backlog.splice(0)) what();
    await settle();
  }

  async close() {
    this.stream.stop();
    await settle();
  }

  #open(query, on) {
    const close = this.world.server.open(query, {
      event: (...frame) => this.run(() => on.event(...frame)),
      end: () => this.run(() => on.end()),
    });
    const source = {};
    this.sources.add(source);
    return () => {
      this.sources.delete(source);
      close();
    };
  }

  #locks() {
    return {
      request: (name, options, hold) =>
        new Promise((resolve, reject) => {
          const held = () => new Promise((release) => this.run(() => hold().then(release)));
          this.world.locks.request(name, options, held).then(
            (value) => this.run(() => resolve(value)),
            (error) => this.run(() => reject(error)),
          );
        }),
    };
  }

  #channel() {
    const { channels } = this.world;
    const channel = {
      tab: this,
      onmessage: null,
      close: () => channels.delete(channel),
      postMessage: (message) => {
        const data = structuredClone(message);
        for (const other of this.world.connected ? [...channels] : []) {
          if (other !== channel) queueMicrotask(() => other.tab.run(() => other.onmessage?.({ data })));
        }
      },
    };
    channels.add(channel);
    return channel;
  }
}
