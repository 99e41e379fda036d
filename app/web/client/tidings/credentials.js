/**
 * In whose name a client speaks, and how it shows that.
 *
 * Tabs share a stream only if they have the same *mark*, which stands for one user:
 * - with a token, its `sub`, which is what the server takes for the user;
 * - with the server's session cookie, the CSRF cookie that goes with it: every session has its own;
 * - else the `name` that the page gives.
 * Without any of these the user can't be known, and nothing is shared.
 *
 * @typedef {object} Options
 * @property {string} [url]
 * @property {string | (() => string | Promise<string>)} [token]
 * @property {() => string | Promise<string>} [ticket]
 * @property {boolean} [withCredentials]
 * @property {string} [name]
 *
 * @typedef {{mark: string | null, token: string | null}} Who
 */

// The first is its name where the server has HTTPS.
const CSRF_COOKIES = ["__Host-csrf_access_token", "csrf_access_token"];

export class Credentials {
  #token;
  #ticket;
  #withCredentials;
  #name;
  /** Whether the cookies that this page can read are those that the server gets. */
  #sameHost;

  /** @param {Options} options @param {URL} url */
  constructor({ token, ticket, withCredentials = false, name }, url) {
    this.#token = token;
    this.#ticket = ticket;
    this.#withCredentials = withCredentials;
    this.#name = name;
    const sameOrigin = url.origin === location.origin;
    this.#sameHost = sameOrigin || (withCredentials && url.hostname === location.hostname);
  }

  /** Whether the REST API can be called, and not the stream alone. */
  get reachRest() {
    return Boolean(this.#token || this.#withCredentials || !this.#ticket);
  }

  /** Whether there may be better ones than those that have just ended. */
  get renewable() {
    return typeof this.#token === "function" || Boolean(this.#ticket);
  }

  /** Whether EventSource and fetch send cookies to another origin. */
  get withCredentials() {
    return this.#withCredentials;
  }

  /** @returns {RequestCredentials} */
  get mode() {
    return this.#withCredentials ? "include" : "same-origin";
  }

  /** The page's own way to a ticket, if it has one. */
  get ticket() {
    return this.#ticket;
  }

  /** Who the user is now, with a fresh token. @returns {Promise<Who>} */
  async who() {
    if (!this.#token) return { mark: this.mark, token: null };
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    const subject = subjectOf(token);
    return { mark: subject === null ? this.#named() : `sub:${subject}`, token };
  }

  /** Who the user is, as far as that is known without a token. */
  get mark() {
    const session = this.#sameHost && !this.#ticket ? csrfCookie() : null;
    return session ? `session:${session}` : this.#named();
  }

  /** Whether the user is no longer the one with this mark; a token's user is known when it is used. @param {string | null} mark */
  changed(mark) {
    return !this.#token && this.mark !== mark;
  }

  /** When the token ends, in Unix time in milliseconds; Infinity if that is not known beforehand. */
  get endsAt() {
    const exp = typeof this.#token === "string" ? claimsOf(this.#token).exp : undefined;
    return typeof exp === "number" ? exp * 1_000 : Infinity;
  }

  /** What a request needs. @param {string | null} token @param {string} method @returns {Record<string, string>} */
  headers(token, method) {
    if (token) return { Authorization: `Bearer ${token}` };
    const csrf = method !== "GET" && this.#sameHost ? csrfCookie() : null;
    return csrf ? { "X-CSRF-TOKEN": csrf } : {};
  }

  #named() {
    return this.#name ? `name:${this.#name}` : null;
  }
}

/** The name of the tabs with this mark, which tells nobody what the mark is. @param {URL} url @param {string} mark */
export async function groupName(url, mark) {
  const bytes = new TextEncoder().encode(`${url.href} ${mark}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `tidings:1:${hex}`;
}

/** The `sub` of a JWT, unverified; null if it can't be read. @param {unknown} token */
export function subjectOf(token) {
  const { sub } = claimsOf(token);
  return typeof sub === "string" && sub ? sub : null;
}

/** @param {unknown} token @returns {{sub?: unknown, exp?: unknown}} */
function claimsOf(token) {
  try {
    const part = String(token).split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

function csrfCookie() {
  return cookie(CSRF_COOKIES[0]) ?? cookie(CSRF_COOKIES[1]);
}

/** @param {string} name */
function cookie(name) {
  for (const pair of document.cookie.split("; ")) {
    const [key, ...value] = pair.split("=");
    if (key === name) return value.join("=");
  }
  return null;
}
