/** The browser's own parts, for modules that are handed theirs. */

import { clock } from "./clock.js";
import { openSource } from "./source.js";

/** Whether tabs can share: Web Locks are there in secure contexts only, and so is SHA-256. */
export function canShare() {
  return "locks" in navigator && "BroadcastChannel" in globalThis && "subtle" in crypto;
}

/** What opens the streams of an API. @param {URL} url @param {boolean} withCredentials */
export function opener(url, withCredentials) {
  return (
    /** @type {Record<string, string>} */ query,
    /** @type {import("./source.js").SourceEvents} */ on,
  ) => {
    const stream = new URL("notifications/subscribe", url);
    stream.search = String(new URLSearchParams(query));
    return openSource(stream.href, withCredentials, on);
  };
}

/** What the tabs with this name share. @param {string} name @returns {import("./tabs.js").TabParts} */
export function tabParts(name) {
  return {
    name,
    locks: /** @type {any} */ (navigator.locks),
    openChannel: (channel) => /** @type {any} */ (new BroadcastChannel(channel)),
    clock,
    random: Math.random,
  };
}
