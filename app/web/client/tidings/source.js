/** One native EventSource. It never reconnects by itself: a ticket opens one stream only. */

const NAMES = [
  "message", "connected", "updated", "mailbox", "reset", "draining", "expired", "ping",
];

/**
 * @typedef {object} SourceEvents
 * @property {(name: string, text: string, lastId: string) => void} event
 * @property {() => void} end It could not be opened, or has ended.
 */

/**
 * Open a stream. The result closes it.
 * @param {string} url
 * @param {boolean} withCredentials
 * @param {SourceEvents} on
 * @returns {() => void}
 */
export function openSource(url, withCredentials, on) {
  const source = new EventSource(url, { withCredentials });
  for (const name of NAMES) {
    source.addEventListener(name, ({ data, lastEventId }) => on.event(name, data, lastEventId));
  }
  source.onerror = () => {
    source.close();
    on.end();
  };
  return () => source.close();
}
