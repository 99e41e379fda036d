/** What is said aloud: each long enough to be read, the person's own first, and nothing lost. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Announcer } from "../../../app/web/element/tidings-inbox/announcer.js";
import { Words } from "../../../app/web/element/tidings-inbox/words.js";
import { FakeClock } from "./world.mjs";

/** As much of a page as the region needs: it writes down what it was told to say, and when. */
function begun() {
  const clock = new FakeClock();
  const said = [];
  globalThis.document = {
    createElement: () => ({
      text: "",
      setAttribute() {},
      append(...texts) {
        this.text += texts.join("");
      },
      replaceChildren: (...lines) =>
        said.push({ at: clock.time - 1_000_000, lines: lines.map(({ text }) => text) }),
    }),
  };
  const announcer = new Announcer(new Words("en"), clock);
  return { clock, announcer, said, lines: () => said.flatMap(({ lines }) => lines) };
}

test("what the person did is answered at once, and stays long enough to be read", async () => {
  const { clock, announcer, said } = begun();
  announcer.answer("Archived");
  assert.deepEqual(said, [{ at: 0, lines: ["Archived"] }]);
  announcer.arrived("One");
  await clock.pass(1_400);
  assert.equal(said.length, 1);
  await clock.pass(10_000);
  assert.deepEqual(said.slice(1), [{ at: 1_500, lines: ["New notification: One"] }]);
});

test("a long one stays for longer, and none for ever", async () => {
  const { clock, announcer, said } = begun();
  announcer.say("x".repeat(50));
  announcer.say("y".repeat(900));
  await clock.pass(3_100);
  announcer.say("z");
  await clock.pass(30_000);
  assert.deepEqual(said.map(({ at }) => at), [0, 3_000, 8_000]);
});

test("what arrives together is said as one, and so is what arrives meanwhile", async () => {
  const { clock, announcer, said } = begun();
  for (const title of ["One", "Two", "Three"]) announcer.arrived(title);
  assert.deepEqual(said, []);
  await clock.pass(700);
  for (let n = 0; n < 20; n++) {
    announcer.arrived("More");
    await clock.pass(40);
  }
  await clock.pass(10_000);
  assert.deepEqual(said.map(({ lines }) => lines), [["3 new notifications"], ["20 new notifications"]]);
});

test("of all that waits, what the person did comes first", async () => {
  const { clock, announcer, said } = begun();
  announcer.say("You’re offline");
  announcer.arrived("One");
  announcer.say("You’re still offline");
  announcer.answer("Archived");
  announcer.answer("That did not work");
  await clock.pass(10_000);
  assert.deepEqual(said.map(({ lines }) => lines), [
    ["You’re offline"],
    ["Archived", "That did not work", "You’re still offline", "New notification: One"],
  ]);
});

test("the same many times in a row is said once, and how often", async () => {
  const { clock, announcer, lines } = begun();
  for (let n = 0; n < 4; n++) announcer.answer("Archived");
  announcer.answer("Moved to the inbox");
  announcer.answer("Archived");
  await clock.pass(10_000);
  assert.deepEqual(lines(), ["Archived", "Archived (3 times)", "Moved to the inbox", "Archived"]);
});

test("in a storm nothing is lost, and nothing is said for longer than it storms", async () => {
  const { clock, announcer, said, lines } = begun();
  let answers = 0;
  for (let n = 0; n < 300; n++) {
    announcer.arrived(`${n}`);
    if (n % 10 === 0) announcer.answer(`Did ${++answers}`);
    await clock.pass(100);
  }
  await clock.pass(10_000);
  const did = lines().filter((line) => line.startsWith("Did"));
  assert.deepEqual(did, Array.from({ length: 30 }, (_, index) => `Did ${index + 1}`));
  const counts = lines().map((line) => Number(/^(\d+) new/.exec(line)?.[1] ?? line.startsWith("New")));
  assert.equal(counts.reduce((sum, count) => sum + count), 300);
  for (const [index, { at }] of said.slice(1).entries()) assert.ok(at - said[index].at >= 1_500);
  assert.ok(said.at(-1).at < 40_000);
});

test("an inbox that has ended says no more", async () => {
  const { clock, announcer, said } = begun();
  announcer.arrived("One");
  announcer.stop();
  await clock.pass(10_000);
  assert.deepEqual(said, []);
});
