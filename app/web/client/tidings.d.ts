/** Types of `/static/tidings.js`. */

export type State =
  /** Not connected yet. */
  | "connecting"
  /** What happens is seen at once. */
  | "live"
  /** Cut off; it tries again by itself, and misses nothing. */
  | "offline"
  /** The credentials have ended. This client is over: make a new one when there are new ones. */
  | "expired";

export interface Actor {
  id: string;
  name: string;
}

export interface SubjectSnapshot {
  type: string;
  id: string;
  title: string;
}

/** `"story/42"`, or its two parts. */
export type Subject = string | { type: string; id: string };

export interface Notification {
  /** Changes with every change of the notification: of two states, the higher one is the newer. */
  seq: number;
  id: string;
  kind: string;
  reason: "assigned" | "mentioned" | "following" | "author" | "requested" | (string & {});
  title: string;
  body: string;
  url: string | null;
  actor: Actor | null;
  subject: SubjectSnapshot | null;
  data: Record<string, unknown>;
  /** How many are grouped in this one. */
  count: number;
  /** Times are RFC 3339, UTC. */
  created_at: string;
  read_at: string | null;
  archived_at: string | null;
  snoozed_until: string | null;
}

/** The server's counts, and the seq that they belong to. */
export interface Counts {
  seq: number;
  unread: number;
  unseen: number;
}

export type CountedNotification = Notification & Counts;

/** A change of the mailbox as a whole: lists have to be read anew. */
export interface MailboxChange extends Counts {
  read_through: number;
  seen_through: number;
}

export interface Page extends Counts {
  items: Notification[];
  /** For the next page; null at the end. */
  next_cursor: string | null;
}

export interface Reset extends Counts {
  reason:
    /** More happened than is replayed. */
    | "too-far-behind"
    | "pruned"
    /** The server's database was put back to an older state. */
    | "from-the-future"
    /** Somebody else has signed in in this browser, or the same person anew. */
    | "user-changed"
    | (string & {});
}

export interface StateChange {
  state: State;
  /** Unix time in milliseconds. */
  since: number;
}

/** A frame of the stream. */
export interface StreamFrame {
  event:
    | "message"
    | "updated"
    | "mailbox"
    | "reset"
    | "connected"
    | "ping"
    | "draining"
    | "expired"
    | (string & {});
  /** The seq; null for one that has none. */
  id: number | null;
  data: any;
  /** Unix time in milliseconds, by this machine's clock. */
  receivedAt: number;
}

export interface TidingsEvent<Detail> extends CustomEvent<Detail> {
  /** It happened while nobody looked, or this tab missed it: not a reason for a toast. */
  readonly replayed: boolean;
}

export interface TidingsEvents {
  /**
   * A new one. Also whatever JSON object another service publishes for this user: that has no
   * place in the order, comes live or never, and has the fields that its sender gave it.
   */
  notification: TidingsEvent<CountedNotification>;
  /** One that was there has changed: read, unread, archived, snoozed, grouped. */
  updated: TidingsEvent<CountedNotification>;
  mailbox: TidingsEvent<MailboxChange>;
  /** Continuity is lost: read lists anew. */
  reset: TidingsEvent<Reset>;
  state: TidingsEvent<StateChange>;
  /** `unread` or `unseen` has changed, for whatever reason. */
  counts: TidingsEvent<Counts>;
  /**
   * Each frame as it came, before anything is made of it: for logs. Tabs that have not the stream
   * hear of those that tell them something new.
   */
  frame: TidingsEvent<StreamFrame>;
}

export interface Options {
  /** Base of the API; `/api/v1` if not said. */
  url?: string;
  /**
   * A token for the Authorization header, or what gets a fresh one; it is called before each
   * request and each stream, so it should keep the token while that is good. Rejecting with a
   * `status` of 401 or 403 means that there is none.
   */
  token?: string | (() => string | Promise<string>);
  /** Gets a fresh ticket for each stream. Rejecting as above means that there is none. */
  ticket?: () => string | Promise<string>;
  /** Send cookies to another origin. */
  withCredentials?: boolean;
  /**
   * Who the user is, where a page can't see it from a token or the session's cookie: with it tabs
   * share a stream there too. It must differ for any two users.
   */
  name?: string;
}

export interface Filters {
  status?: "inbox" | "unread" | "archived" | "snoozed";
  kind?: string;
  subject?: Subject;
}

export interface Preferences {
  muted_kinds: string[];
  muted_subjects: string[];
}

export interface Attitude {
  following: boolean;
  muted: boolean;
}

export class TidingsError extends Error {
  /** The HTTP status; 0 if the server could not be reached. */
  status: number;
  /** Problem details (RFC 9457), or null. */
  problem: {
    type: string;
    title: string;
    status: number;
    detail: string;
    errors?: { loc: (string | number)[]; msg: string }[];
  } | null;
  /** Seconds, or null. */
  retryAfter: number | null;
}

/**
 * One person's notifications, live. Methods reject with a TidingsError, or with what `token` rejects
 * with.
 */
export class Tidings extends EventTarget {
  constructor(options?: Options);

  readonly state: State;
  /** Unix time in milliseconds since which the state is what it is. */
  readonly since: number;
  readonly unread: number;
  readonly unseen: number;
  /** Up to which change this client has been told; null while that is not known. */
  readonly seq: number | null;

  /**
   * A page, newest first; never an older state than the events that were dispatched before it
   * resolves. If it is called right after the constructor, events start where it ends.
   */
  list(filters?: Filters & { cursor?: string | null; limit?: number }): Promise<Page>;
  get(id: string): Promise<Notification>;
  markRead(id: string): Promise<CountedNotification>;
  markUnread(id: string): Promise<CountedNotification>;
  archive(id: string): Promise<CountedNotification>;
  unarchive(id: string): Promise<CountedNotification>;
  snooze(id: string, until: Date | string | number): Promise<CountedNotification>;
  unsnooze(id: string): Promise<CountedNotification>;
  /** Leaves alone what came after `upTo`; the client's `seq` if not said. */
  markAllRead(options?: Filters & { upTo?: number }): Promise<Counts & { updated: number }>;
  /** Clears the badge on every device, up to and with `upTo`; the client's `seq` if not said. */
  markSeen(upTo?: number): Promise<Counts>;
  subject(subject: Subject): Promise<Attitude>;
  follow(subject: Subject): Promise<Attitude>;
  unfollow(subject: Subject): Promise<Attitude>;
  preferences(): Promise<Preferences>;
  /** What is left out stays as it is. */
  setPreferences(preferences: Partial<Preferences>): Promise<Preferences>;
  /** Let go of the stream until `resume()`; the state is `offline`. Other tabs go on. */
  pause(): void;
  /** Stream again, from where it was: what came meanwhile is told, as a replay. */
  resume(): void;
  /** End it. Other tabs go on. */
  close(): void;

  addEventListener<Name extends keyof TidingsEvents>(
    type: Name,
    listener: ((event: TidingsEvents[Name]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof TidingsEvents>(
    type: Name,
    listener: ((event: TidingsEvents[Name]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
