/** Types of `/static/tidings-inbox.js`. */

import type { Notification, Options, Tidings } from "./tidings.js";

/** Plain, or one for each plural form of the element's language. `{name}` is put in. */
export type Phrase = string | Partial<Record<Intl.LDMLPluralRule, string>>;

export interface TidingsInboxEvents {
  /** The person opens a notification here. Prevent the default to go there by yourself. */
  "tidings-open": CustomEvent<Notification>;
  "tidings-toggle": CustomEvent<{ open: boolean }>;
  /** The person wants to sign in; with the attribute `sign-in`. */
  "tidings-signin": CustomEvent<Record<string, never>>;
}

export class TidingsInbox extends HTMLElement {
  /** The client: the one that was given, or the element's own. */
  get tidings(): Tidings | null;
  set tidings(tidings: Tidings | null);
  token: Options["token"];
  ticket: Options["ticket"];
  words: Record<string, Phrase>;
  readonly isOpen: boolean;
  open(): void;
  close(): void;
  /** Mark all that is about a subject (`TYPE/ID`) read. */
  readSubject(subject: string): void;
  /** Begin anew, after somebody has signed in. */
  restart(): void;

  addEventListener<Name extends keyof TidingsInboxEvents>(
    type: Name,
    listener: (event: TidingsInboxEvents[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "tidings-inbox": TidingsInbox;
  }
}
