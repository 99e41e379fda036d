/** Whose the client is: one user's at a time, and nothing of one may be taken for another's. */

export class Whose {
  /** Stands for the user; undefined until it was looked for. @type {string | null | undefined} */
  mark;
  #credentials;
  /** Of which user each answer tells. @type {WeakMap<object, string | null>} */
  #answers = new WeakMap();

  /** @param {import("./credentials.js").Credentials} credentials */
  constructor(credentials) {
    this.#credentials = credentials;
  }

  /** Whether this is somebody else than until now. @param {string | null} mark */
  isAnother(mark) {
    return this.mark !== undefined && mark !== this.mark;
  }

  /** Whether somebody else has signed in, or out, as far as that can be seen without a token. */
  get hasChanged() {
    return this.mark !== undefined && this.#credentials.changed(this.mark);
  }

  /** @param {object | null} answer @param {string | null} mark */
  remember(answer, mark) {
    if (answer) this.#answers.set(answer, mark);
  }

  /** Whether an answer tells of the user at hand. @param {object} answer */
  owns(answer) {
    return this.#answers.get(answer) === this.mark;
  }
}
