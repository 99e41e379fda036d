/** JSON over HTTP. */

// Beyond this an answer won't come: a black hole must not keep a client from trying again.
const TIMEOUT_MS = 20_000;

/** What the server refused; `status` is 0 when it could not be reached. */
export class TidingsError extends Error {
  /** @type {number} */
  status;
  /** The problem details (RFC 9457), or null. @type {any} */
  problem;
  /** Seconds to wait before trying again, or null. @type {number | null} */
  retryAfter;

  /**
   * @param {string} message
   * @param {{status?: number, problem?: any, retryAfter?: number | null, cause?: unknown}} [facts]
   */
  constructor(message, { status = 0, problem = null, retryAfter = null, cause } = {}) {
    super(message, { cause });
    this.name = "TidingsError";
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/**
 * Send a request; the JSON of the answer. Rejects with a TidingsError.
 * @param {string} url
 * @param {{method: string, headers: Record<string, string>, body?: unknown, credentials: RequestCredentials}} request
 * @returns {Promise<any>}
 */
export async function send(url, { method, headers, body, credentials }) {
  /** @type {RequestInit} */
  const options = {
    method,
    credentials,
    headers: { Accept: "application/json", ...headers },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    // A click on a link marks its notification read while the page goes away.
    keepalive: method !== "GET",
  };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { ...options.headers, "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(url, options);
    if (response.ok) return response.status === 204 ? null : await response.json();
  } catch (cause) {
    throw new TidingsError("The server can’t be reached.", { cause });
  }
  throw await refusal(response);
}

/** @param {Response} response */
async function refusal(response) {
  const problem = await response.json().catch(() => null);
  const faults = (problem?.errors ?? []).map((/** @type {any} */ fault) => fault.msg).join(". ");
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new TidingsError(faults || problem?.detail || `Status ${response.status}.`, {
    status: response.status,
    problem,
    retryAfter: Number.isNaN(seconds) ? null : seconds,
  });
}
