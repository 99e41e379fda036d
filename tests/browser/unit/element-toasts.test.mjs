import assert from "node:assert/strict";
import { test } from "node:test";

import { Calm } from "../../../app/web/element/tidings-inbox/calm.js";
import { isNews, Toasts } from "../../../app/web/element/tidings-inbox/toasts.js";
import { item, THEN } from "./element-world.mjs";
import { FakeClock } from "./world.mjs";

function begun() {
  const clock = new FakeClock();
  return { clock, toasts: new Toasts(clock, () => {}) };
}

const seen = ({ shown }) => shown.map((toast) => toast.item?.id ?? toast.count);

test("three at most, and the oldest goes", async () => {
  const { clock, toasts } = begun();
  for (const number of [1, 2, 3, 4]) {
    toasts.arrive(item(number));
    await clock.pass(500);
  }
  assert.deepEqual(seen(toasts), ["n-2", "n-3", "n-4"]);
});

test("a burst is one, which goes on counting", async () => {
  const { clock, toasts } = begun();
  for (let number = 1; number <= 50; number++) {
    toasts.arrive(item(number));
    await clock.pass(20);
  }
  await clock.pass(500);
  assert.deepEqual(seen(toasts), [50]);
});

test("a toast goes by itself, and not while it is pointed at", async () => {
  const { clock, toasts } = begun();
  toasts.arrive(item(1));
  await clock.pass(1_000);
  toasts.hold();
  await clock.pass(60_000);
  assert.deepEqual(seen(toasts), ["n-1"]);
  toasts.release();
  await clock.pass(3_000);
  assert.deepEqual(seen(toasts), ["n-1"]);
  await clock.pass(5_000);
  assert.deepEqual(seen(toasts), []);
});

test("what is pointed at is not pushed away by what comes", async () => {
  const { clock, toasts } = begun();
  for (const number of [1, 2, 3]) toasts.arrive(item(number));
  await clock.pass(500);
  toasts.hold();
  toasts.arrive(item(4));
  await clock.pass(500);
  assert.deepEqual(seen(toasts), ["n-1", "n-2", 2]);
  await clock.pass(60_000);
  assert.deepEqual(seen(toasts), ["n-1", "n-2", 2]);
});

test("a group that grows is one toast", async () => {
  const { clock, toasts } = begun();
  toasts.arrive(item(1));
  await clock.pass(500);
  toasts.arrive(item(1, { seq: 2, count: 2 }));
  await clock.pass(500);
  assert.deepEqual(seen(toasts), ["n-1"]);
});

test("what is read meanwhile, or stands in the open list, is told no more", async () => {
  const { clock, toasts } = begun();
  toasts.arrive(item(1));
  await clock.pass(500);
  toasts.arrive(item(2));
  toasts.settle("n-1");
  toasts.settle("n-2");
  await clock.pass(500);
  assert.deepEqual(seen(toasts), []);
  toasts.arrive(item(3));
  toasts.clear();
  await clock.pass(500);
  assert.deepEqual(seen(toasts), []);
});

test("news is what is new, live and unread", () => {
  const before = { known: null, unseen: 1 };
  const told = (type, changes, replayed = false) =>
    isNews({ type, detail: { ...item(1), unseen: 1, ...changes }, replayed }, before);
  assert.equal(told("notification", {}), true);
  assert.equal(told("notification", {}, true), false);
  assert.equal(told("notification", { read_at: THEN }), false);
  assert.equal(told("updated", {}), false);
  assert.equal(told("updated", { unseen: 2 }), true);
  assert.equal(isNews({ type: "notification", detail: { hello: 1 }, replayed: false }, before), false);
  const known = item(1);
  const grown = { type: "updated", detail: { ...item(1), count: 2, unseen: 1 }, replayed: false };
  assert.equal(isNews(grown, { known, unseen: 1 }), true);
  const restored = { ...grown, detail: { ...item(1), unseen: 2 } };
  assert.equal(isNews(restored, { known: item(1, { archived_at: THEN }), unseen: 1 }), false);
});

test("a short cut is nobody's business; a long one is told, until it is over", async () => {
  const clock = new FakeClock();
  const calm = new Calm(clock, () => {});
  const enter = (state) => calm.take({ state, since: clock.now() });
  enter("offline");
  await clock.pass(3_000);
  enter("connecting");
  await clock.pass(1_900);
  assert.equal(calm.offline, false);
  enter("live");
  await clock.pass(10_000);
  assert.equal(calm.offline, false);
  enter("offline");
  await clock.pass(3_000);
  enter("connecting");
  await clock.pass(2_001);
  assert.equal(calm.offline, true);
  enter("live");
  assert.equal(calm.offline, false);
});
