/** The demo's own logic: what it says of a frame, and what it counts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { tookMs, tookWords, words } from "../../../app/web/static/frames.js";
import { Tally } from "../../../app/web/static/tally.js";

const created_at = "2026-11-23T10:00:00.250123Z";
const message = (ms) => ({
  event: "message", id: 7, data: { title: "A", created_at }, receivedAt: Date.parse(created_at) + ms,
});
const told = (number, burst = "b") => ({ data: { burst, number, of: 3 } });

test("the time from the commit is told in milliseconds, and for how long one was away", () => {
  assert.equal(tookMs(message(34)), 34);
  assert.equal(tookWords(message(34), false), "34 ms");
  assert.equal(tookWords(message(9_840), true), "9.8 s, replayed");
  assert.equal(tookWords(message(7_200_000), true), "2 h, replayed");
});

test("a time that is not known is not made up", () => {
  for (const event of ["connected", "updated", "ping"]) {
    assert.equal(tookWords({ ...message(34), event }, false), "");
  }
  assert.equal(tookWords({ event: "message", data: { title: "live" }, receivedAt: 1 }, false), "");
  assert.equal(tookMs(message(-3)), 0); // another machine's clock
});

test("a frame says what it is", () => {
  const says = (event, data) => words({ event, data });
  assert.equal(says("connected", { seq: 51 }), "The stream goes on after 51");
  assert.equal(says("updated", { title: "A", read_at: created_at }), "Read: A");
  assert.equal(says("updated", { title: "A", read_at: created_at, archived_at: created_at }), "Archived: A");
  assert.equal(says("updated", { title: "3 comments", read_at: null, count: 3 }), "Grouped: 3 comments");
  assert.equal(says("message", { any: "thing" }), "From another service");
  assert.equal(says("something-new", {}), "");
});

test("what is on its way is not lost, and what was passed over is", () => {
  const tally = new Tally();
  tally.expect("b", 3);
  assert.deepEqual(tally.counts, { sent: 3, arrived: 0, lost: 0, twice: 0 });
  assert.ok(tally.take(told(1)));
  assert.deepEqual(tally.counts, { sent: 3, arrived: 1, lost: 0, twice: 0 });
  tally.take(told(3));
  assert.deepEqual(tally.counts, { sent: 3, arrived: 2, lost: 1, twice: 0 });
  tally.take(told(3));
  assert.deepEqual(tally.counts, { sent: 3, arrived: 2, lost: 1, twice: 1 });
});

test("bursts add up, whether they are heard of before or after they arrive", () => {
  const tally = new Tally();
  for (const burst of ["b", "c"]) for (const number of [1, 2, 3]) tally.take(told(number, burst));
  tally.expect("c", 3);
  assert.deepEqual(tally.counts, { sent: 6, arrived: 6, lost: 0, twice: 0 });
});

test("other notifications are not counted", () => {
  const tally = new Tally();
  assert.equal(tally.take({ title: "another service's" }), false);
  assert.equal(tally.take({ data: { burst: 7 } }), false);
  tally.take(told(1));
  tally.forget();
  assert.deepEqual(tally.counts, { sent: 0, arrived: 0, lost: 0, twice: 0 });
});
