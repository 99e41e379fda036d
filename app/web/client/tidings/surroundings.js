/**
 * What happens around a page that matters to its stream.
 *
 * @typedef {object} Happenings
 * @property {() => void} tick Every few seconds, or more seldom in a hidden tab.
 * @property {() => void} doubt The page was hidden or asleep, or the network changed: links may be dead.
 * @property {() => void} online There is a network again.
 * @property {() => void} suspend The page stops running: closed, frozen, or kept for the back button.
 * @property {() => void} resume It runs again.
 */

const TICK_MS = 5_000;
// A timer that is so late has slept. (Or the tab is hidden, where timers come once a minute: that is
// no harm, as a doubt ends no stream that was heard of since.)
const LATE_MS = 10_000;

/**
 * Watch the page. The result ends that.
 * @param {Happenings} on
 * @param {import("./clock.js").Clock} clock
 * @returns {() => void}
 */
export function watch(on, clock) {
  const over = new AbortController();
  const options = { signal: over.signal };
  let tickedAt = clock.now();
  const stopTicking = clock.every(TICK_MS, () => {
    const late = clock.now() - tickedAt - TICK_MS;
    tickedAt = clock.now();
    if (late > LATE_MS) on.doubt();
    on.tick();
  });
  addEventListener("online", on.online, options);
  addEventListener("offline", on.doubt, options);
  addEventListener("pagehide", on.suspend, options);
  addEventListener("pageshow", ({ persisted }) => persisted && on.resume(), options);
  document.addEventListener("freeze", on.suspend, options);
  document.addEventListener("resume", on.resume, options);
  document.addEventListener("visibilitychange", () => document.hidden || on.doubt(), options);
  return () => {
    over.abort();
    stopTicking();
  };
}
