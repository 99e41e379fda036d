import assert from "node:assert/strict";
import { test } from "node:test";

import { safeUrl } from "../../../app/web/element/tidings-inbox/links.js";
import { faceOf } from "../../../app/web/element/tidings-inbox/states.js";
import { inAnHour, Ticker, Times, tomorrow } from "../../../app/web/element/tidings-inbox/times.js";
import { Words } from "../../../app/web/element/tidings-inbox/words.js";
import { FakeClock } from "./world.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("every word can be replaced, with the plurals of its language", () => {
  const own = {
    title: "Powiadomienia",
    toastMany: { one: "{count} nowe", few: "{count} nowe!", many: "{count} nowych", other: "?" },
  };
  const words = new Words("pl", own);
  assert.equal(words.say("title"), "Powiadomienia");
  assert.equal(words.say("archive"), "Archive");
  const many = [1, 3, 5].map((count) => words.say("toastMany", { count }));
  assert.deepEqual(many, ["1 nowe", "3 nowe!", "5 nowych"]);
});

test("what is put in stays text, and is not looked at for more braces", () => {
  const words = new Words("en");
  assert.equal(words.say("saidOne", { title: "{count} <b>$&" }), "New notification: {count} <b>$&");
});

test("numbers are written as the language writes them", () => {
  assert.equal(new Words("de").say("unreadCount", { count: 12345 }), "12.345 unread");
});

test("a language that is none does no harm", () => {
  assert.equal(new Words("not a language").say("title"), "Notifications");
});

test("times are said in the largest unit that fits, before and after", () => {
  const times = new Times("en");
  const now = Date.UTC(2020, 0, 1);
  const said = (distance) => times.relative(new Date(now + distance).toISOString(), now);
  assert.deepEqual(
    [-5_000, -MINUTE, -59 * MINUTE, -HOUR, -DAY, -8 * DAY, -70 * DAY, -800 * DAY, 2 * HOUR].map(said),
    ["now", "1 minute ago", "59 minutes ago", "1 hour ago", "yesterday", "last week", "2 months ago",
      "2 years ago", "in 2 hours"],
  );
  // A server's clock that is a little ahead does not make the present the future.
  assert.equal(said(20_000), "now");
});

test("a snooze ends in an hour, or tomorrow morning by the calendar", () => {
  const evening = new Date(2024, 1, 28, 23, 30).getTime();
  assert.equal(inAnHour(evening).getTime(), evening + HOUR);
  assert.deepEqual(tomorrow(evening), new Date(2024, 1, 29, 9));
});

test("one timer keeps all times true, and stops with the last of them", async () => {
  const clock = new FakeClock();
  const ticker = new Ticker(clock);
  let ticks = 0;
  const ends = [ticker.add(() => ticks++), ticker.add(() => ticks++)];
  await clock.pass(20_000);
  assert.equal(ticks, 2);
  for (const end of ends) end();
  assert.equal(clock.next, Infinity);
});

test("a link leads to a page, and nowhere else", () => {
  const base = "https://app.example.com/board/";
  assert.equal(safeUrl("/stories/42", base), "https://app.example.com/stories/42");
  assert.equal(safeUrl("https://example.org/x", base), "https://example.org/x");
  for (const url of [
    "javascript:alert(1)", " java\nscript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "blob:https://app.example.com/1", "", " ", null, 7, "https://",
  ]) {
    assert.equal(safeUrl(url, base), null, String(url));
  }
});

test("empty, filtered-empty, failed and signed out are four different faces", () => {
  const facts = { phase: "ready", rows: 0, view: "inbox", filtered: false, expired: false };
  assert.equal(faceOf(facts), "empty");
  assert.equal(faceOf({ ...facts, view: "unread" }), "filtered-empty");
  assert.equal(faceOf({ ...facts, filtered: true }), "filtered-empty");
  assert.equal(faceOf({ ...facts, phase: "failed" }), "error");
  assert.equal(faceOf({ ...facts, rows: 3, expired: true }), "signed-out");
  assert.equal(faceOf({ ...facts, phase: "loading" }), "loading");
  assert.equal(faceOf({ ...facts, rows: 3 }), "list");
});
