import assert from "node:assert/strict";
import { test } from "node:test";

import { Store } from "../../../app/web/element/tidings-inbox/store.js";
import { FakeTidings, item, THEN } from "./element-world.mjs";
import { FakeClock, settle } from "./world.mjs";

/** A store whose list is loaded and looked at. */
async function started(count, view = "inbox") {
  const api = new FakeTidings(count);
  const clock = new FakeClock();
  const store = new Store(api, clock);
  store.active = true;
  await store.enter(view);
  api.asked.length = 0;
  return { api, clock, store };
}

const ids = (store) => store.rows.map(({ id }) => id);

test("what is new comes to the top", async () => {
  const { api, store } = await started(2);
  api.create();
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
});

test("a group that grows moves to the top, and what only changes does not", async () => {
  const { api, store } = await started(3);
  api.tell("updated", api.change("n-2", { read_at: THEN }));
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
  api.tell("updated", api.change("n-1", { count: 2 }));
  assert.deepEqual(ids(store), ["n-1", "n-3", "n-2"]);
});

test("what comes back from a snooze is at the top", async () => {
  const { api, store } = await started(3);
  api.unseen = 0;
  api.tell("updated", api.change("n-1", { snoozed_until: THEN }));
  assert.deepEqual(ids(store), ["n-3", "n-2"]);
  api.unseen = 1;
  api.tell("updated", api.change("n-1", { snoozed_until: null }));
  assert.deepEqual(ids(store), ["n-1", "n-3", "n-2"]);
});

test("what came back while nobody looked is put where the server has it", async () => {
  const { api, store, clock } = await started(3);
  api.tell("updated", api.change("n-1", { snoozed_until: THEN }));
  const back = api.change("n-1", { snoozed_until: null });
  api.items = [back, ...api.items.filter((one) => one !== back)];
  // The counts of a replay are those of now: they say nothing of this change.
  api.tell("updated", back, true);
  await clock.pass(1_000);
  assert.deepEqual(ids(store), ["n-1", "n-3", "n-2"]);
});

test("an older state never replaces a newer one", async () => {
  const { api, store } = await started(1);
  const stale = { ...api.items[0], seq: 1, title: "Stale" };
  api.tell("updated", api.change("n-1", { title: "Newest" }));
  api.tell("updated", stale);
  assert.equal(store.get("n-1").title, "Newest");
});

test("a list that was read before a change does not take the change back", async () => {
  const { api, clock, store } = await started(1);
  const earlier = await api.list({ status: "inbox", limit: 30 });
  api.list = async () => earlier;
  api.tell("updated", api.change("n-1", { title: "Newest" }));
  api.tell("reset", { seq: api.seq, reason: "pruned" });
  await clock.pass(100);
  assert.equal(store.get("n-1").title, "Newest");
});

test("what is told twice moves once", async () => {
  const { api, store } = await started(1);
  const second = api.create();
  api.create();
  api.tell("notification", second);
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
});

test("what came to the top while the next page was on its way is not listed twice", async () => {
  const { api, store } = await started(40);
  const more = store.more();
  api.unseen++;
  api.tell("updated", api.change("n-1", { count: 2 }));
  await more;
  assert.equal(store.rows[0].id, "n-1");
  assert.equal(store.rows.length, 40);
});

test("while the reader is further down, what is new waits, and is let in at a word", async () => {
  const { api, store } = await started(3);
  store.hold = () => true;
  api.create();
  api.create();
  api.tell("updated", api.change("n-1", { count: 2, title: "Grown" }));
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
  assert.equal(store.get("n-1").title, "Grown");
  assert.equal(store.held, 3);
  store.release();
  assert.deepEqual(ids(store), ["n-1", "n-5", "n-4", "n-3", "n-2"]);
  assert.equal(store.held, 0);
});

test("what waits and is archived elsewhere waits no more", async () => {
  const { api, store } = await started(1);
  store.hold = () => true;
  api.create();
  api.tell("updated", api.change("n-2", { archived_at: THEN }));
  assert.equal(store.held, 0);
});

test("all pages are listed once, whatever comes meanwhile", async () => {
  const { api, store } = await started(250);
  while (store.hasMore) {
    await store.more();
    api.create();
  }
  assert.equal(new Set(ids(store)).size, store.rows.length);
  assert.equal(store.rows.length, api.items.length);
  assert.equal(store.rows.at(-1).id, "n-1");
});

test("a page that fails can be asked for again", async () => {
  const { api, store } = await started(100);
  api.refusal = new Error("503");
  await store.more();
  assert.equal(store.moreFailed, true);
  api.refusal = null;
  await store.more();
  assert.equal(store.moreFailed, false);
  assert.equal(store.rows.length, 100);
});

test("what the person does is shown before the server answers", async () => {
  const { store } = await started(2);
  const doing = store.changes.archive("n-1");
  assert.deepEqual(ids(store), ["n-2"]);
  assert.equal(await doing, true);
  assert.deepEqual(ids(store), ["n-2"]);
});

test("what the server refuses is as it was, where it was, and is reported", async () => {
  const { api, store } = await started(3);
  const refused = [];
  store.addEventListener("refused", ({ detail }) => refused.push(detail.status));
  api.refusal = Object.assign(new Error("busy"), { status: 503 });
  for (const act of ["archive", "markRead"]) {
    const doing = store.changes[act]("n-2");
    assert.notEqual(store.get("n-2")[act === "archive" ? "archived_at" : "read_at"], null);
    assert.equal(await doing, false);
    assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
    assert.equal(store.get("n-2").read_at, null);
  }
  assert.deepEqual(refused, [503, 503]);
});

test("an undo puts it back where it was", async () => {
  const { store } = await started(3);
  await store.changes.archive("n-2");
  await store.changes.unarchive("n-2");
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
  await store.changes.snooze("n-3", new Date());
  assert.deepEqual(ids(store), ["n-2", "n-1"]);
  await store.changes.unsnooze("n-3");
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
});

test("in the list of the unread, what is read stays under the reader's eyes", async () => {
  const { api, store } = await started(3, "unread");
  await store.changes.markRead("n-2");
  api.tell("updated", api.change("n-1", { read_at: THEN }));
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
  await store.enter("unread");
  assert.deepEqual(ids(store), ["n-3"]);
});

test("to mark all as read leaves alone what was not shown", async () => {
  const { api, store } = await started(3);
  store.hold = () => true;
  api.create();
  api.tell("updated", api.change("n-1", { count: 2 }));
  await store.changes.markAllRead();
  assert.deepEqual(api.asked, [["markAllRead", { upTo: 3 }]]);
  store.release();
  assert.deepEqual(ids(store), ["n-1", "n-4", "n-3", "n-2"]);
  assert.deepEqual(store.rows.map(({ read_at }) => Boolean(read_at)), [false, false, true, true]);
});

test("a mailbox change that only says what was seen changes no list; any other is read anew", async () => {
  const { api, clock, store } = await started(2);
  const tell = (seen, read, replayed) =>
    api.tell("mailbox", { seq: ++api.seq, seen_through: seen, read_through: read }, replayed);
  tell(1, 0);
  await clock.pass(100);
  api.asked.length = 0;
  tell(2, 0);
  await clock.pass(100);
  assert.deepEqual(api.asked, []);
  tell(2, 2);
  tell(2, 2);
  await clock.pass(100);
  assert.equal(api.asked.length, 1);
  tell(3, 2, true);
  await clock.pass(100);
  assert.equal(api.asked.length, 2);
});

test("what a replay brings is put in order by the server", async () => {
  const { api, clock, store } = await started(1);
  api.create({ told: false });
  const later = api.create({ told: false });
  const first = api.change("n-2", { read_at: THEN });
  api.tell("notification", later, true);
  api.tell("notification", first, true);
  await clock.pass(100);
  assert.equal(api.asked.length, 1);
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
});

test("a list that is read anew while its pages are on their way has no gap", async () => {
  const { api, clock, store } = await started(400);
  const { list } = api;
  const held = [];
  const hold = () => {
    api.list = (query) => new Promise((go) => held.push(() => go(list.call(api, query))));
  };
  const letGo = async () => {
    api.list = list;
    held.shift()();
    await clock.pass(1);
  };
  hold();
  api.tell("reset", { seq: api.seq, reason: "too-far-behind" });
  await clock.pass(100); // it is being read anew, as far as it is shown…
  api.list = list;
  await store.more(); // … and meanwhile a page more is shown, and the next one asked for
  hold();
  const more = store.more();
  for (let one = 0; one < 80; one += 1) api.create({ told: false });
  await letGo();
  const shown = store.rows.length;
  await letGo();
  await more;
  assert.ok(shown >= 100, "what was shown is gone");
  while (store.hasMore) await store.more();
  assert.deepEqual(ids(store), api.items.map((item) => item.id));
});

test("a reset reads as much anew as was shown, and does not move what is read", async () => {
  const { api, clock, store } = await started(150);
  await store.more();
  await store.more();
  assert.equal(store.rows.length, 150);
  store.hold = () => true;
  api.create({ told: false });
  api.tell("reset", { seq: api.seq, reason: "too-far-behind" });
  await clock.pass(100);
  assert.equal(store.rows.length, 150);
  assert.equal(store.rows[0].id, "n-150");
  assert.equal(store.held, 1);
  assert.ok(store.shownThrough <= 150);
  store.release();
  assert.equal(store.rows[0].id, "n-151");
});

test("a group that grew while the reader was further down stays there when the list is read anew", async () => {
  const { api, clock, store } = await started(3);
  store.hold = () => true;
  api.items.unshift(...api.items.splice(1, 1));
  api.tell("updated", api.change("n-2", { count: 2 }));
  api.tell("reset", { seq: api.seq, reason: "too-far-behind" });
  await clock.pass(100);
  assert.deepEqual(ids(store), ["n-3", "n-2", "n-1"]);
  assert.equal(store.held, 1);
  store.release();
  assert.deepEqual(ids(store), ["n-2", "n-3", "n-1"]);
});

test("counts that become known late do not make a read one look new", async () => {
  const api = new FakeTidings(40);
  api.unseen = 0;
  const store = new Store(api, new FakeClock());
  await store.enter("inbox");
  api.unseen = 40;
  api.tell("counts", {});
  api.tell("updated", api.change("n-2", { read_at: THEN }));
  assert.equal(store.rows[0].id, "n-40");
});

test("another person's list is not shown, not even for a moment", async () => {
  const { api, store } = await started(2);
  api.items = [item(9)];
  api.tell("reset", { seq: 9, reason: "user-changed" });
  assert.deepEqual(ids(store), []);
  await settle();
  assert.deepEqual(ids(store), ["n-9"]);
});

test("a list that nobody looks at is read anew when somebody does", async () => {
  const { api, clock, store } = await started(1);
  store.active = false;
  api.create({ told: false });
  api.tell("reset", { seq: api.seq, reason: "pruned" });
  await clock.pass(1_000);
  assert.deepEqual(api.asked, []);
  store.active = true;
  await settle();
  assert.deepEqual(ids(store), ["n-2", "n-1"]);
});

test("a list that could not be read anew is read when the stream is live again", async () => {
  const { api, clock, store } = await started(1);
  api.create({ told: false });
  api.refusal = new Error("503");
  api.tell("reset", { seq: api.seq, reason: "pruned" });
  await clock.pass(100);
  assert.deepEqual(ids(store), ["n-1"]);
  api.refusal = null;
  api.tell("state", { state: "live" });
  await clock.pass(100);
  assert.deepEqual(ids(store), ["n-2", "n-1"]);
});

test("a list that could not be read at all is read when the stream is live again", async () => {
  const { api, store } = await started(1);
  api.refusal = new Error("503");
  await store.enter("inbox");
  assert.equal(store.phase, "failed");
  api.refusal = null;
  api.tell("state", { state: "live" });
  await settle();
  assert.deepEqual(ids(store), ["n-1"]);
});

test("what another service publishes without a place in the order is in no list", async () => {
  const { api, store } = await started(1);
  api.tell("notification", { title: "Coffee is ready" });
  assert.deepEqual(ids(store), ["n-1"]);
});

test("late answers for a list that was left are void", async () => {
  const { api, store } = await started(2);
  const { list } = api;
  let answer;
  api.list = () => new Promise((done) => (answer = done));
  const late = store.enter("archived");
  api.list = list;
  await store.enter("inbox");
  answer({ items: [item(7, { archived_at: THEN })], next_cursor: null, seq: 7 });
  await late;
  assert.equal(store.view, "inbox");
  assert.deepEqual(ids(store), ["n-2", "n-1"]);
});
