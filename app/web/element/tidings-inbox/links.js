/** Where a notification may lead. */

const SCHEMES = new Set(["http:", "https:"]);

/**
 * The address, if it may be followed; else null. A notification's url comes from whoever wrote the
 * event, and `javascript:` in it would be the page's own code.
 * @param {unknown} url @param {string} base
 */
export function safeUrl(url, base) {
  if (typeof url !== "string" || !url.trim()) return null;
  try {
    const { protocol, href } = new URL(url, base);
    return SCHEMES.has(protocol) ? href : null;
  } catch {
    return null;
  }
}
