/**
 * Time, to be replaced in tests.
 *
 * @typedef {object} Clock
 * @property {() => number} now Unix time in milliseconds. It goes on while the machine sleeps.
 * @property {(ms: number, run: () => void) => () => void} after Run once; the result cancels it.
 * @property {(ms: number, run: () => void) => () => void} every Run again and again.
 */

/** @type {Clock} */
export const clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};
