/**
 * One client's life: whose it is, where it starts, its stream, and how it ends.
 *
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./ledger.js").Frame} Frame
 * @typedef {import("./credentials.js").Options} Options
 * @typedef {(type: string, detail: any, replayed?: boolean) => void} Tell
 */

import { Backoff } from "./backoff.js";
import { canShare, opener, tabParts } from "./browser.js";
import { clock } from "./clock.js";
import { Credentials, groupName } from "./credentials.js";
import { Ledger } from "./ledger.js";
import { send, TidingsError } from "./rest.js";
import { SharedStream } from "./shared-stream.js";
import { watch } from "./surroundings.js";

// The server takes a token for a little longer than it says, as clocks differ.
const LEEWAY_MS = 5_000;
const ASK_AGAIN_MS = 60_000;

export class Session {
  #url;
  #tell;
  #credentials;
  #ledger = new Ledger();
  #backoff = new Backoff(Math.random);
  /** @type {State} */
  #state = "connecting";
  #since = clock.now();
  #told = { unread: 0, unseen: 0 };
  /** Stands for the user; undefined until it was looked for. @type {string | null | undefined} */
  #mark;
  /** @type {SharedStream | null} */
  #stream = null;
  /** What the page listed before there was a stream. @type {Promise<any> | null} */
  #listed = null;
  /** Of which user each answer tells. @type {WeakMap<object, string | null>} */
  #whose = new WeakMap();
  /** Counts beginnings, so that late results of an earlier one are void. */
  #beginning = 0;
  /** Begin now, if a pause is under way. */
  #beginNow = () => {};
  /** When the server was last asked whether the token has ended. */
  #askedAt = 0;
  /** Closed or expired. */
  #over = false;
  #suspended = false;
  #switched = false;
  #unwatch;

  /** @param {Options} options @param {Tell} tell */
  constructor(options, tell) {
    this.#url = new URL(`${(options.url ?? "/api/v1").replace(/\/+$/, "")}/`, location.href);
    this.#tell = tell;
    this.#credentials = new Credentials(options, this.#url);
    this.#unwatch = watch(
      {
        tick: () => this.#whileSame(() => this.#check()),
        doubt: () => this.#whileSame(() => this.#stream?.doubt()),
        online: () => this.#whileSame(() => this.#hurry()),
        suspend: () => this.#suspend(),
        resume: () => this.#resume(),
      },
      clock,
    );
    // In a task of its own: a page that lists in the same breath starts where its list ends.
    clock.after(0, () => this.#beginning === 0 && this.#begin());
  }

  get state() {
    return this.#state;
  }

  get since() {
    return this.#since;
  }

  get ledger() {
    return this.#ledger;
  }

  /** End it. Other tabs go on. */
  close() {
    this.#end("offline");
  }

  /** The page has listed; if there is no stream yet, it starts where that ends. @param {Promise<any>} listed */
  startAfter(listed) {
    if (this.#beginning === 0) this.#listed ??= listed.catch(() => null);
  }

  /** Ask the REST API, as whoever the user is now. @param {string} method @param {string} path @param {object} [body] */
  async request(method, path, body) {
    for (let attempt = 1; ; attempt++) {
      const who = await this.#credentials.who();
      if (this.#mark !== undefined && who.mark !== this.#mark) this.#switchUser();
      try {
        return await this.#send(who, method, path, body);
      } catch (error) {
        if (!(error instanceof TidingsError) || error.status !== 401) throw error;
        // A token that is fetched may have ended on its way; the next one should not have.
        if (!this.#credentials.renewable || attempt > 1) {
          if (this.#credentials.reachRest) this.#end("expired");
          throw error;
        }
      }
    }
  }

  /**
   * @param {import("./credentials.js").Who} who
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async #send({ mark, token }, method, path, body) {
    const answer = await send(new URL(path, this.#url).href, {
      method,
      headers: this.#credentials.headers(token, method),
      body,
      credentials: this.#credentials.mode,
    });
    if (this.#credentials.changed(mark)) {
      this.#sameUser();
      throw new TidingsError("Somebody else has signed in meanwhile.");
    }
    if (mark === this.#mark) this.#count(answer);
    if (answer) this.#whose.set(answer, mark);
    return answer;
  }

  async #begin() {
    if (this.#over) return;
    const beginning = ++this.#beginning;
    this.#beginNow = () => {};
    try {
      const { mark } = await this.#credentials.who();
      if (beginning !== this.#beginning) return;
      this.#known(mark);
      const start = await this.#start();
      const name = mark && canShare() ? await groupName(this.#url, mark) : null;
      if (beginning !== this.#beginning) return;
      // Between then and now the user may have changed, and `start` be another's.
      if (this.#credentials.changed(mark)) return this.#switchUser();
      this.#backoff = new Backoff(Math.random);
      if (start) this.#startAt(start);
      this.#stream = this.#streamOf(name);
      this.#stream.start();
    } catch (error) {
      if (beginning === this.#beginning) this.#beginLater(/** @type {any} */ (error));
    }
  }

  /** @param {string | null} mark */
  #known(mark) {
    if (this.#mark !== undefined && mark !== this.#mark) this.#forget();
    this.#mark = mark;
  }

  /** Where the stream starts, and the counts; null if that is known already, or can't be. */
  async #start() {
    if (this.#ledger.position !== null || !this.#credentials.reachRest) return null;
    const page = await this.#listed;
    this.#listed = null;
    if (page && this.#whose.get(page) === this.#mark) return page;
    return this.request("GET", "mailbox");
  }

  /** @param {{seq: number, unread: number, unseen: number}} start */
  #startAt({ seq, unread, unseen }) {
    this.#ledger.begin(seq);
    this.#ledger.count({ seq, unread, unseen });
    if (this.#switched) {
      this.#switched = false;
      this.#tell("reset", { seq, unread, unseen, reason: "user-changed" }, true);
    }
    this.#counted();
  }

  /** @param {{status?: number, retryAfter?: number | null}} error */
  #beginLater({ status, retryAfter }) {
    if (status === 401 || status === 403) return this.#end("expired");
    this.#backoff.ended(0);
    const beginning = this.#beginning;
    const begin = () => beginning === this.#beginning && this.#begin();
    const cancel = clock.after(this.#backoff.delay((retryAfter ?? 0) * 1_000), begin);
    this.#beginNow = () => {
      cancel();
      begin();
    };
    this.#enter("offline");
  }

  /** @param {string | null} name */
  #streamOf(name) {
    const parts = {
      open: opener(this.#url, this.#credentials.withCredentials),
      prepare: () => this.#prepare(),
      readSeq: async () => (await this.request("GET", "mailbox")).seq,
      renewable: this.#credentials.renewable,
      tabs: name === null ? null : tabParts(name),
      clock,
      random: Math.random,
    };
    return new SharedStream(parts, this.#ledger, {
      state: (state) => (state === "expired" ? this.#end(state) : this.#enter(state)),
      told: (frame) => this.#toldOf(frame),
      counted: () => this.#counted(),
      stranger: () => this.#switchUser(),
    });
  }

  /** What a new stream needs: fresh credentials, and where the mailbox is. */
  async #prepare() {
    const { mark, token } = await this.#credentials.who();
    if (mark !== this.#mark) {
      this.#switchUser();
      throw new TidingsError("Somebody else has signed in.");
    }
    const who = { mark, token };
    const [query, mailbox] = await Promise.all([
      this.#ticket(who),
      this.#credentials.reachRest ? this.#send(who, "GET", "mailbox") : null,
    ]);
    return { query, mark: mailbox?.seq ?? null, still: () => !this.#credentials.changed(mark) };
  }

  /** A ticket, where cookies don't do. @param {import("./credentials.js").Who} who @returns {Promise<Record<string, string>>} */
  async #ticket(who) {
    if (this.#credentials.ticket) return { ticket: await this.#credentials.ticket() };
    if (!who.token) return {};
    const { ticket } = await this.#send(who, "POST", "stream-tickets");
    return { ticket };
  }

  /** Go on only if the user is still the same. @param {() => void} goOn */
  #whileSame(goOn) {
    if (this.#sameUser()) goOn();
  }

  #sameUser() {
    if (!this.#stream || this.#mark === undefined || !this.#credentials.changed(this.#mark)) return true;
    this.#switchUser();
    return false;
  }

  /** Somebody else has signed in, or out: nothing of one user may be taken for another's. */
  #switchUser() {
    if (this.#over) return;
    this.#leave();
    this.#forget();
    this.#mark = undefined;
    this.#counted();
    this.#enter("connecting");
    if (!this.#suspended) void this.#begin();
  }

  #forget() {
    this.#ledger = new Ledger();
    this.#switched = true;
  }

  #check() {
    this.#stream?.check();
    // Another tab's stream goes on with that tab's token; this one's may have ended. The server says
    // so, as this clock may be wrong.
    const now = clock.now();
    if (now > this.#credentials.endsAt + LEEWAY_MS && now > this.#askedAt + ASK_AGAIN_MS) {
      this.#askedAt = now;
      this.request("GET", "mailbox").catch(() => {});
    }
  }

  #hurry() {
    if (this.#stream) this.#stream.hurry();
    else this.#beginNow();
  }

  #suspend() {
    if (this.#suspended || this.#beginning === 0) return;
    this.#suspended = true;
    this.#leave();
  }

  #resume() {
    if (!this.#suspended || this.#over) return;
    this.#suspended = false;
    this.#enter(this.#state === "live" ? "offline" : this.#state);
    void this.#begin();
  }

  #leave() {
    this.#beginning++;
    this.#stream?.stop();
    this.#stream = null;
  }

  /** @param {State} state */
  #end(state) {
    if (this.#over) return;
    this.#over = true;
    this.#leave();
    this.#unwatch();
    this.#enter(state);
  }

  /** @param {Frame} frame */
  #toldOf({ kind, data, replayed }) {
    this.#tell(kind, data, replayed);
    this.#counted();
  }

  /** @param {any} answer */
  #count(answer) {
    this.#ledger.count(answer);
    this.#counted();
  }

  #counted() {
    const { unread, unseen } = this.#ledger;
    if (unread === this.#told.unread && unseen === this.#told.unseen) return;
    this.#told = { unread, unseen };
    this.#tell("counts", this.#ledger.counts);
  }

  /** @param {State} state */
  #enter(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = clock.now();
    this.#tell("state", { state, since: this.#since });
  }
}
