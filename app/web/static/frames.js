/** What a frame of the stream says, in a few words. */

/** In words what `frame` tells of. */
export function words({ event, data }) {
  switch (event) {
    case "connected":
      return `The stream goes on after ${data.seq}`;
    case "message":
      return data.title ?? "From another service";
    case "updated":
      return `${changeOf(data)}: ${data.title}`;
    case "mailbox":
      return `${data.unread} unread, ${data.unseen} new`;
    case "reset":
      return `Continuity is lost (${data.reason}): the list is read anew`;
    case "draining":
      return "The server goes away: back in a moment";
    case "expired":
      return `Signed out (${data.reason})`;
    case "ping":
      return "The stream lives";
    default:
      return "";
  }
}

/**
 * How long it took from the commit to here, in milliseconds; null where a frame does not tell.
 *
 * A notification is stamped just before the commit, so this is a little more than the truth.
 */
export function tookMs({ event, data, receivedAt }) {
  const created = event === "message" ? Date.parse(data.created_at) : NaN;
  // Clocks of two machines may differ; on one they don't.
  return Number.isNaN(created) ? null : Math.max(0, receivedAt - created);
}

/** The same in words: "12 ms", or "9.8 s, replayed". */
export function tookWords(frame, replayed) {
  const ms = tookMs(frame);
  const took = ms === null ? "" : ms < 1_000 ? `${ms} ms` : secondsWords(ms / 1_000);
  return [took, replayed ? "replayed" : ""].filter(Boolean).join(", ");
}

function secondsWords(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return seconds < 3_600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

function changeOf({ archived_at, snoozed_until, read_at, count }) {
  if (archived_at) return "Archived";
  if (snoozed_until) return "Snoozed";
  if (read_at) return "Read";
  return count > 1 ? "Grouped" : "Unread";
}
