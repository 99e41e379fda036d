/** One tab's stream: it comes back, in time, and tells each change once. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backoff } from "../../../app/web/client/tidings/backoff.js";
import { World, settle } from "./world.mjs";

async function alone(options) {
  const world = new World();
  const tab = await world.open({ shares: false, ...options });
  await settle();
  return { ...world, world, tab };
}

describe("what a stream brings", () => {
  test("is told in order, and counted by the server", async () => {
    const { server, tab } = await alone();
    server.create();
    server.create();
    assert.deepEqual(tab.seqs, [1, 2]);
    assert.deepEqual([tab.ledger.unread, tab.ledger.unseen], [2, 2]);
    assert.deepEqual(tab.states, ["live"]);
  });

  test("is told once, however often it comes", async () => {
    const { clock, server, tab } = await alone();
    server.create();
    for (const stream of server.streams) {
      for (const seq of [1, 1, 2, 1]) stream.push({ seq, data: { seq, id: `n-${seq}` } });
    }
    assert.deepEqual(tab.seqs, [1, 2]);
    server.cut();
    await clock.pass(10_000);
    assert.equal(server.opened.at(-1).last_event_id, "2");
  });

  test("starts where the list ends", async () => {
    const { world, server } = await alone();
    for (let n = 0; n < 3; n++) server.create();
    const late = await world.open({ at: 1, shares: false });
    assert.equal(server.opened.at(-1).last_event_id, "1");
    assert.deepEqual(late.seqs, [2, 3]);
  });

  test("is a replay if it happened before the stream was opened, and only then", async () => {
    const { world, server } = await alone();
    server.create();
    const late = await world.open({ at: 0, shares: false });
    server.create();
    assert.deepEqual(late.told.map(({ replayed }) => replayed), [true, false]);
  });

  test("without a position starts where the mailbox is", async () => {
    const { world, server } = await alone();
    server.create();
    const tab = await world.open({ at: null, shares: false });
    server.create();
    assert.deepEqual(tab.seqs, [2]);
  });

  test("that another service published is passed on, as often as it comes", async () => {
    const { server, tab } = await alone();
    server.create();
    server.tell("message", { hello: 1, seq: 1 });
    server.tell("message", { hello: 1, seq: 1 });
    server.create();
    assert.deepEqual(tab.seqs, [1, null, null, 2]);
    assert.deepEqual(tab.told[1].data, { hello: 1, seq: 1 });
  });

  test("that is no JSON object ends nothing", async () => {
    const { server, tab } = await alone();
    for (const stream of server.streams) stream.on.event("message", "<html>", "0");
    server.create();
    assert.deepEqual(tab.seqs, [1]);
  });
});

describe("a gap", () => {
  test("in a replay is what the server left out on purpose", async () => {
    const { world, server } = await alone();
    for (let n = 0; n < 5; n++) server.create();
    server.collapse(2, 3, 4);
    const late = await world.open({ at: 0, shares: false });
    assert.deepEqual(late.seqs, [1, 5]);
    assert.equal(server.opened.length, 2);
  });

  test("in what is live makes it ask again from before the gap", async () => {
    const { clock, server, tab } = await alone();
    await clock.pass(10_000);
    server.create();
    server.create({ quietly: true });
    server.create();
    await settle();
    assert.equal(server.opened.at(-1).last_event_id, "1");
    assert.deepEqual(tab.seqs, [1, 2, 3]);
  });

  test("that is there again when asked is believed", async () => {
    const { clock, server, tab } = await alone();
    await clock.pass(10_000);
    server.create({ quietly: true });
    server.collapse(1);
    server.create();
    await clock.pass(10_000);
    server.create();
    assert.deepEqual(tab.seqs, [2, 3]);
    assert.equal(server.opened.length, 2);
  });
});

test("a gap is doubted once, also where nobody knows what a replay is", async () => {
  const { clock, server, tab } = await alone();
  tab.prepare = async () => ({ query: {}, mark: null, still: () => true });
  server.cut();
  await clock.pass(10_000);
  for (let n = 0; n < 3; n++) {
    await clock.pass(10_000);
    for (const stream of server.streams) stream.push({ seq: 3, data: { seq: 3, id: "n-3" } });
    await settle();
  }
  assert.deepEqual(tab.seqs, [3]);
  assert.equal(server.opened.length, 3);
});

describe("reset", () => {
  test("is told with its reason, and what follows it continues from its seq", async () => {
    const { world, server } = await alone();
    server.replayLimit = 2;
    for (let n = 0; n < 5; n++) server.create();
    const late = await world.open({ at: 0, shares: false });
    server.create();
    assert.deepEqual(late.told.map(({ kind, seq }) => [kind, seq]), [["reset", 5], ["notification", 6]]);
    assert.equal(late.told[0].data.reason, "too-far-behind");
  });

  test("to an older state takes position and counts back", async () => {
    const { clock, server, tab } = await alone();
    for (let n = 0; n < 5; n++) server.create();
    server.restore(2);
    server.cut();
    await clock.pass(5_000);
    assert.equal(tab.told.at(-1).data.reason, "from-the-future");
    assert.deepEqual([tab.ledger.position, tab.ledger.unread], [2, 2]);
    server.create();
    assert.deepEqual([tab.told.at(-1).seq, tab.ledger.unread], [3, 3]);
  });
});

describe("a stream that ends", () => {
  test("is opened again after a pause, where it ended, with fresh credentials", async () => {
    const { clock, server, tab } = await alone();
    let tickets = 0;
    const prepare = tab.prepare;
    server.create();
    server.cut();
    assert.deepEqual(tab.states, ["live", "offline"]);
    assert.equal(server.opened.length, 1);
    server.create();
    await clock.pass(clock.next);
    assert.equal(server.opened.at(-1).last_event_id, "1");
    assert.deepEqual(tab.seqs, [1, 2]);
    assert.deepEqual(tab.states, ["live", "offline", "live"]);
    tab.prepare = async () => ({ ...(await prepare()), query: { ticket: `${++tickets}` } });
    for (let n = 0; n < 3; n++) {
      server.cut();
      await clock.pass(60_000);
    }
    assert.deepEqual(server.opened.slice(-3).map(({ ticket }) => ticket), ["1", "2", "3"]);
  });

  test("is tried for ever later, up to half a minute, while the server is down", async () => {
    const { clock, server, tab } = await alone();
    await clock.pass(20_000);
    server.is = "down";
    server.cut();
    const pauses = [];
    for (let n = 0; n < 8; n++) {
      pauses.push(clock.next);
      await clock.pass(clock.next);
    }
    assert.deepEqual(pauses, [1_500, 3_000, 6_000, 12_000, 22_500, 22_500, 22_500, 22_500]);
    server.is = "up";
    await clock.pass(30_000);
    assert.equal(tab.state, "live");
  });

  test("pauses at random, within the server's time", () => {
    for (const [random, expected] of [[0, 1_000], [0.999, 1_999]]) {
      const backoff = new Backoff(() => random);
      backoff.ended(60_000);
      assert.equal(backoff.delay(), expected);
      backoff.learn(10_000);
      assert.equal(backoff.delay(), expected * 5);
    }
  });

  test("in a drain comes back when it was told to", async () => {
    const { clock, server, tab } = await alone();
    server.tell("draining", { retry_ms: 4_321 });
    assert.equal(tab.state, "offline");
    assert.equal(server.streams.size, 0);
    assert.equal(clock.next, 4_321);
    await clock.pass(4_321);
    assert.equal(tab.state, "live");
  });

  test("at a limit comes back not before it was told to, and ever later", async () => {
    const { clock, server, tab } = await alone();
    server.tell("draining", { retry_ms: 0 });
    const begin = [];
    server.open = (query, on) => {
      begin.push(clock.now());
      queueMicrotask(() => on.event("draining", '{"retry_ms": 5000}', ""));
      return () => {};
    };
    await clock.pass(120_000);
    const pauses = begin.slice(1).map((at, n) => at - begin[n]);
    assert.ok(Math.min(...pauses) >= 5_000 && Math.max(...pauses) <= 30_000, `${pauses}`);
    assert.ok(pauses.at(-1) > 20_000);
    assert.equal(tab.state, "offline");
  });

  test("is waited for no longer once there is a network", async () => {
    const { clock, server, tab } = await alone();
    server.is = "down";
    server.cut();
    await clock.pass(60_000);
    server.is = "up";
    tab.stream.hurry();
    await settle();
    assert.equal(tab.state, "live");
  });

  test("is not opened again by a client that was stopped", async () => {
    const { clock, server, tab } = await alone();
    server.cut();
    tab.stream.stop();
    await clock.pass(120_000);
    assert.equal(server.opened.length, 1);
  });
});

describe("credentials", () => {
  test("that have ended end the client, which says so", async () => {
    const { clock, server, tab } = await alone();
    server.tell("expired", { reason: "The token has expired." });
    await clock.pass(120_000);
    assert.deepEqual(tab.states, ["live", "expired"]);
    assert.equal(server.opened.length, 1);
  });

  test("that are refused before a stream is opened do too", async () => {
    const { clock, server, tab } = await alone();
    server.is = "refusing";
    server.cut();
    await clock.pass(120_000);
    assert.deepEqual(tab.states, ["live", "offline", "expired"]);
  });

  test("that can be renewed are renewed, as long as that gives new time", async () => {
    const { clock, server, tab } = await alone({ renewable: true });
    for (const expiresAt of [100, 200]) {
      server.expiresAt = expiresAt;
      server.tell("expired", {});
      await settle();
      assert.equal(tab.state, "live");
    }
    server.tell("expired", {}); // the next one has the same end
    await settle();
    server.tell("expired", {});
    await clock.pass(60_000);
    assert.equal(tab.state, "expired");
  });

  test("of somebody else open a stream of which nothing is told", async () => {
    const { server, tab } = await alone();
    tab.still = () => false;
    server.cut();
    server.create();
    await tab.world.clock.pass(10_000);
    assert.deepEqual(tab.seqs, []);
    assert.equal(tab.state, "stranger");
    assert.equal(server.streams.size, 0);
  });
});

describe("silence", () => {
  /** Pings at an interval, and the client's look at its link. */
  async function pass(world, tab, ms, pingMs) {
    for (let gone = 0; gone < ms; gone += 1_000) {
      await world.clock.pass(1_000);
      if (pingMs && (gone + 1_000) % pingMs === 0) world.server.tell("ping", {});
      tab.stream.check();
    }
  }

  test("of three keep-alives, as they were learnt, is a dead link", async () => {
    const { world, server, tab } = await alone();
    await pass(world, tab, 40_000, 5_000);
    await pass(world, tab, 14_000, 0);
    assert.equal(server.opened.length, 1);
    await pass(world, tab, 5_000, 0);
    assert.equal(server.opened.length, 2);
    assert.deepEqual(tab.states, ["live", "offline", "live"]);
  });

  test("is no harm with pings, however rare the server's setting makes them", async () => {
    const { world, server, tab } = await alone();
    await pass(world, tab, 600_000, 50_000);
    assert.equal(server.opened.length, 1);
    assert.deepEqual(tab.states, ["live"]);
  });

  test("that was wrongly taken for death is not twice", async () => {
    const { world, server, tab } = await alone();
    await pass(world, tab, 20_000, 5_000); // while its database was away
    await pass(world, tab, 600_000, 50_000);
    assert.ok(server.opened.length <= 2, `${server.opened.length}`);
    assert.equal(tab.state, "live");
  });

  test("after a sleep is doubted at once", async () => {
    const { world, server, clock, tab } = await alone();
    await pass(world, tab, 60_000, 15_000);
    clock.sleep(3_600_000);
    server.create({ quietly: true });
    tab.stream.doubt();
    await settle();
    assert.deepEqual(tab.seqs, [1]);
    assert.equal(server.opened.length, 2);
  });

  test("that is short is not doubted: a tab that comes to the front keeps its stream", async () => {
    const { world, server, tab } = await alone();
    await pass(world, tab, 62_000, 15_000);
    tab.stream.doubt();
    await settle();
    assert.equal(server.opened.length, 1);
  });
});
