/** Relative times that stay true while the page is open. */

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const REFRESH_MS = 20_000;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** How long ago `iso` was, in words: "just now", "5 minutes ago". */
export function ago(iso, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return relative.format(-Math.floor(seconds / size), unit);
  }
  return "just now";
}

/** A `<time>` for `iso`: relative, and absolute when pointed at. */
export function timeElement(iso) {
  const time = document.createElement("time");
  time.dateTime = iso;
  time.title = absolute.format(new Date(iso));
  time.textContent = ago(iso);
  return time;
}

/** Keep every `<time>` of the page true. */
export function keepTimesTrue() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time")) time.textContent = ago(time.dateTime);
  }, REFRESH_MS);
}
