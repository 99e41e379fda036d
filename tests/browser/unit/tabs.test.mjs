/** Many tabs, one stream: whoever has it, each tab is told everything once. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asked, AskedInVain } from "../../../app/web/client/tidings/asked.js";
import { FakeClock, World, settle } from "./world.mjs";

const upTo = (n) => Array.from({ length: n }, (_, index) => index + 1);

async function tabsOf(world, count) {
  const tabs = [];
  for (let n = 0; n < count; n++) tabs.push(await world.open());
  return tabs;
}

test("ten tabs have one stream, and each is told everything once", async () => {
  const world = new World();
  const tabs = await tabsOf(world, 10);
  for (let n = 0; n < 20; n++) world.server.create();
  await settle();
  assert.equal(world.server.opened.length, 1);
  for (const tab of tabs) {
    assert.deepEqual(tab.seqs, upTo(20));
    assert.equal(tab.state, "live");
    assert.equal(tab.ledger.unread, 20);
  }
});

test("what another service published reaches all tabs", async () => {
  const world = new World();
  const tabs = await tabsOf(world, 3);
  world.server.tell("message", { hello: 1 });
  await settle();
  for (const tab of tabs) assert.deepEqual(tab.told.map(({ data }) => data), [{ hello: 1 }]);
});

test("a tab that opens learns at once how things stand", async () => {
  const world = new World();
  await tabsOf(world, 1);
  const [late] = await tabsOf(world, 1);
  assert.equal(late.state, "live");
});

test("a tab that knows no position takes the leader's", async () => {
  const world = new World();
  world.server.create();
  await tabsOf(world, 1);
  const late = await world.open({ at: null });
  world.server.create();
  await settle();
  assert.deepEqual(late.seqs, [2]);
});

describe("another tab takes over, and nothing is lost or doubled", () => {
  test("when the leader is closed", async () => {
    const world = new World();
    const [first, ...rest] = await tabsOf(world, 4);
    world.server.create();
    await settle();
    await first.close();
    world.server.create();
    await settle();
    world.server.create();
    await settle();
    assert.equal(world.server.streams.size, 1);
    for (const tab of rest) assert.deepEqual(tab.seqs, upTo(3));
  });

  test("when the leader crashes in a burst and its last words reach some tabs only", async () => {
    const world = new World();
    const [first, second, third] = await tabsOf(world, 3);
    for (let n = 0; n < 10; n++) world.server.create();
    await settle();
    third.hang();
    for (let n = 0; n < 10; n++) world.server.create();
    await settle();
    await first.close();
    third.forget(); // of the leader's last words it hears nothing
    await third.wake();
    for (let n = 0; n < 10; n++) world.server.create();
    await world.clock.pass(10_000);
    for (const tab of [second, third]) assert.deepEqual(tab.seqs, upTo(30));
    assert.equal(world.server.streams.size, 1);
    assert.equal(world.server.opened.length, 2); // the new leader remembered what the third lacked
  });

  test("when the leader hangs: the others ask, and one steals the lock", async () => {
    const world = new World();
    const [first, ...rest] = await tabsOf(world, 4);
    world.server.create();
    await settle();
    first.hang();
    world.server.create();
    await world.clock.pass(30_000);
    world.server.create();
    await settle();
    for (const tab of rest) {
      assert.deepEqual(tab.seqs, upTo(3));
      assert.equal(tab.state, "live");
    }
    // Then it wakes up with a backlog of everything, and is one of the others.
    await first.wake();
    world.server.create();
    await settle();
    assert.equal(world.leaders.length, 1);
    assert.notEqual(world.leaders[0], first);
    for (const tab of world.tabs) assert.deepEqual(tab.seqs, upTo(4));
  });

  test("when the leader and the next in line hang", async () => {
    const world = new World();
    const [first, second, ...rest] = await tabsOf(world, 5);
    second.hang();
    first.hang();
    world.server.create();
    await world.clock.pass(60_000);
    for (const tab of rest) assert.deepEqual(tab.seqs, [1]);
    await first.wake();
    await second.wake();
    world.server.create();
    await settle();
    assert.equal(world.leaders.length, 1);
    for (const tab of world.tabs) assert.deepEqual(tab.seqs, [1, 2]);
  });

  test("when the leader's credentials have ended, as long as another's have not", async () => {
    const world = new World();
    const [first, second] = await tabsOf(world, 2);
    first.prepare = async () => {
      throw Object.assign(new Error("no"), { status: 401 });
    };
    world.server.cut();
    await world.clock.pass(30_000);
    world.server.create();
    await settle();
    assert.equal(first.state, "expired");
    assert.deepEqual(first.seqs, []);
    assert.equal(second.state, "live");
    assert.deepEqual(second.seqs, [1]);
  });
});

/** The page of a tab has no token to give; how often it was asked. */
function failing(tab) {
  const { prepare } = tab;
  const state = { asked: 0, recover: () => (tab.prepare = prepare) };
  tab.prepare = async () => {
    state.asked++;
    throw new AskedInVain(new Error("no"));
  };
  return state;
}

describe("a leader whose page fails to give a token", () => {
  test("lets another lead, and is told what comes", async () => {
    const world = new World();
    const [first, second, third] = await tabsOf(world, 3);
    failing(first);
    world.server.cut();
    world.server.create();
    await world.clock.pass(15_000);
    world.server.create();
    await settle();
    for (const tab of [first, second, third]) {
      assert.deepEqual(tab.seqs, [1, 2]);
      assert.equal(tab.state, "live");
    }
    assert.deepEqual(world.leaders, [second]);
    await world.clock.pass(600_000);
    assert.deepEqual(world.leaders, [second]);
  });

  test("is asked as often as ever if there is no other tab", async () => {
    const world = new World();
    const [only] = await tabsOf(world, 1);
    const state = failing(only);
    world.server.cut();
    await world.clock.pass(600_000);
    // At 0.5 a pause is three quarters of 2, 4, 8, 16, 30, 30, … seconds.
    assert.ok(state.asked >= 25 && state.asked <= 31, `asked ${state.asked} times`);
    state.recover();
    await world.clock.pass(30_000);
    assert.equal(only.state, "live");
  });

  test("passes on in no hurry where every page fails, and whichever recovers leads", async () => {
    const world = new World();
    const tabs = await tabsOf(world, 3);
    const states = tabs.map(failing);
    world.server.cut();
    await world.clock.pass(600_000);
    const asked = states.map((state) => state.asked);
    assert.ok(Math.min(...asked) >= 5, `asked ${asked} times`);
    assert.ok(asked[0] + asked[1] + asked[2] <= 80, `asked ${asked} times`);
    states[2].recover();
    await world.clock.pass(120_000);
    world.server.create();
    await settle();
    assert.deepEqual(world.leaders, [tabs[2]]);
    for (const tab of tabs) assert.deepEqual([tab.seqs, tab.state], [[1], "live"]);
  });
});

test("a page that never answers has failed after a while, and one that throws at once", async () => {
  const clock = new FakeClock();
  const outcomes = [];
  const note = (promise) => promise.then((value) => outcomes.push(value), (error) => outcomes.push(error));
  note(asked(() => new Promise(() => {}), clock));
  note(asked(() => { throw Object.assign(new Error("no"), { status: 403 }); }, clock));
  note(asked(() => "token", clock));
  await settle();
  assert.equal(outcomes.length, 2);
  await clock.pass(10_000);
  const failures = outcomes.filter((outcome) => outcome instanceof AskedInVain);
  assert.deepEqual(failures.map(({ status }) => status), [403, undefined]);
  assert.ok(outcomes.includes("token"));
  assert.equal(clock.next, Infinity);
});

describe("a leader that lives", () => {
  test("is left alone, however long nothing happens", async () => {
    const world = new World();
    await tabsOf(world, 5);
    await world.clock.pass(600_000);
    assert.equal(world.server.opened.length, 1);
  });

  test("is left alone by a tab that was asleep", async () => {
    const world = new World();
    const [first, second] = await tabsOf(world, 2);
    second.hang();
    await world.clock.pass(600_000);
    await second.wake();
    await world.clock.pass(30_000);
    assert.deepEqual(world.leaders, [first]);
    assert.equal(world.server.opened.length, 1);
  });
});

test("a tab that comes to the front asks, and leaves a leader that answers alone", async () => {
  const world = new World();
  const [first, second] = await tabsOf(world, 2);
  second.stream.doubt();
  await world.clock.pass(4_900); // not as long as until the next beat
  assert.deepEqual(world.leaders, [first]);
  assert.equal(world.server.opened.length, 1);
});

describe("a tab that missed something", () => {
  test("gets it from the leader's memory", async () => {
    const world = new World();
    const [, second] = await tabsOf(world, 2);
    for (let n = 0; n < 5; n++) world.server.create();
    await settle();
    await second.close(); // kept for the back button
    for (let n = 0; n < 5; n++) world.server.create();
    await settle();
    second.stream.start();
    await settle();
    assert.deepEqual(second.seqs, upTo(10));
    assert.equal(world.server.opened.length, 1);
  });

  test("gets it through the leader's stream where that memory does not reach", async () => {
    const world = new World();
    for (let n = 0; n < 5; n++) world.server.create();
    const [first] = await tabsOf(world, 1);
    const late = await world.open({ at: 2 });
    await settle();
    world.server.create();
    await settle();
    assert.deepEqual(late.seqs, [3, 4, 5, 6]);
    assert.deepEqual(first.seqs, [6]);
    assert.equal(world.server.streams.size, 1);
  });

  test("is reset alone if it missed too much", async () => {
    const world = new World();
    world.server.replayLimit = 3;
    for (let n = 0; n < 9; n++) world.server.create();
    const [first] = await tabsOf(world, 1);
    const late = await world.open({ at: 2 });
    world.server.create();
    await settle();
    assert.deepEqual(late.told.map(({ kind, seq }) => [kind, seq]), [["reset", 9], ["notification", 10]]);
    assert.deepEqual(first.seqs, [10]);
  });

  test("is told that it was a replay", async () => {
    const world = new World();
    const [, second] = await tabsOf(world, 2);
    await second.close();
    world.server.create();
    await settle();
    second.stream.start();
    await settle();
    assert.deepEqual(second.told.map(({ replayed }) => replayed), [true]);
  });
});

test("a tab from before the database was put back is reset, and not deaf", async () => {
  const world = new World();
  for (let n = 0; n < 5; n++) world.server.create();
  const old = world.server.seq;
  world.server.restore(2);
  await tabsOf(world, 1);
  const late = await world.open({ at: old });
  await world.clock.pass(30_000);
  assert.equal(late.told[0].data.reason, "from-the-future");
  world.server.create();
  await settle();
  assert.equal(late.told.at(-1).seq, 3);
});

test("tabs that share locks and hear nothing of each other have a stream each", async () => {
  const world = new World();
  world.connected = false;
  const tabs = await tabsOf(world, 3);
  await world.clock.pass(60_000);
  for (let n = 0; n < 3; n++) world.server.create();
  await world.clock.pass(600_000);
  assert.equal(world.server.streams.size, 3);
  assert.equal(world.server.opened.length, 3);
  for (const tab of tabs) assert.deepEqual(tab.seqs, [1, 2, 3]);
  world.connected = true;
  await world.clock.pass(10_000);
  assert.equal(world.server.streams.size, 1);
  world.server.create();
  await settle();
  for (const tab of tabs) assert.deepEqual(tab.seqs, [1, 2, 3, 4]);
});

test("whatever happens to tabs, nothing is lost, doubled or out of order", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = pseudorandom(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const world = new World();
    await tabsOf(world, 4);
    const closed = new Set();
    const deeds = [
      () => world.server.create(),
      () => world.server.create(),
      () => world.server.create({ quietly: true }),
      () => world.server.cut(),
      () => pick(world.tabs).hang(),
      () => pick(world.tabs).wake(),
      () => world.clock.pass(random() * 8_000),
      () => world.clock.pass(random() * 40_000),
      () => {
        const tab = pick(world.tabs);
        if (tab.hung) return;
        if (closed.delete(tab)) tab.stream.start();
        else if (closed.add(tab)) return tab.close();
      },
    ];
    for (let step = 0; step < 40; step++) await pick(deeds)();
    for (const tab of world.tabs) await tab.wake();
    for (const tab of closed) tab.stream.start();
    await world.clock.pass(120_000);
    world.server.create();
    await world.clock.pass(60_000);
    world.server.cut(); // what was lost on the way comes with the next stream, or the sweep
    await world.clock.pass(60_000);
    for (const tab of world.tabs) {
      assert.deepEqual(tab.seqs, upTo(world.server.seq), `seed ${seed}`);
      assert.equal(tab.state, "live", `seed ${seed}`);
    }
    assert.equal(world.leaders.length, 1, `seed ${seed}`);
  }
});

/** mulberry32 */
function pseudorandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
