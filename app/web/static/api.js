/** JSON over HTTP: the example board's API. What is about notifications is the client's. */

/** What the server refused; `status` is 0 when it could not be reached. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Calls in the name of one person. */
export class Api {
  /** For the client of the notifications as well. */
  token;

  constructor(token) {
    this.token = token;
  }

  get(path) {
    return send("GET", path, undefined, this.token);
  }

  post(path, body = {}) {
    return send("POST", path, body, this.token);
  }
}

/** The people that one can be in this demo. */
export async function people() {
  return (await send("GET", "/board/api/people")).people;
}

/** Become one of them. */
export async function signIn(user) {
  return new Api((await send("POST", "/board/api/login", { user })).token);
}

async function send(method, path, body, token) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: JSON.stringify(body) };
  const response = await fetch(path, options).catch(() => {
    throw new Refusal(0, "The server can’t be reached.");
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const faults = (answer.errors ?? []).map((fault) => fault.msg).join(". ");
  throw new Refusal(response.status, faults || answer.detail || `Status ${response.status}.`);
}
