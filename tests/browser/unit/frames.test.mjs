/** What whoever wants to see the stream itself is shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { World, settle } from "./world.mjs";

const shown = (tab) => tab.wires.map(({ event, id }) => [event, id]);

test("each frame is shown as it came, with the id that is its own", async () => {
  const world = new World();
  world.server.create();
  const tab = await world.open({ at: 0, shares: false });
  world.server.tell("ping", {});
  world.server.create();
  world.server.tell("message", { title: "another service's" });
  world.server.tell("draining", { retry_ms: 1_000 });
  assert.deepEqual(shown(tab), [
    ["connected", 0], ["message", 1], ["ping", null], ["message", 2], ["message", null],
    ["draining", null],
  ]);
  assert.deepEqual(tab.wires.map(({ replayed }) => replayed), [false, true, false, false, false, false]);
  assert.equal(tab.wires.at(-1).receivedAt, world.clock.now());
});

test("what comes twice is shown twice, and told once", async () => {
  const world = new World();
  const tab = await world.open({ shares: false });
  world.server.create();
  for (const stream of world.server.streams) stream.push({ seq: 1, data: { seq: 1, id: "n-1" } });
  assert.deepEqual(shown(tab).slice(1), [["message", 1], ["message", 1]]);
  assert.deepEqual(tab.seqs, [1]);
});

test("a tab without the stream is shown what it is told, by the same names", async () => {
  const world = new World();
  await world.open();
  const second = await world.open();
  world.server.create();
  world.server.tell("ping", {});
  await settle();
  assert.deepEqual(shown(second), [["message", 1]]);
  assert.equal(second.wires[0].data.id, "n-1");
});

test("nothing of a stream that may be another user's is shown", async () => {
  const world = new World();
  const tab = await world.open({ shares: false });
  tab.still = () => false;
  world.server.cut();
  world.server.create();
  tab.wires = [];
  await world.clock.pass(60_000);
  assert.equal(tab.state, "stranger");
  assert.deepEqual(tab.wires, []);
});
