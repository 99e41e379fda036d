/** One person's page: `?as=ada` says who, `?story=42` which story to point at. */

import { people, signIn } from "./api.js";
import { Board } from "./board.js";
import { avatar, el, paintAvatar, safeUrl } from "./dom.js";
import { Inbox } from "./inbox.js";
import { Mailbox } from "./mailbox.js";
import { Stream } from "./stream.js";
import { keepTimesTrue } from "./time.js";
import { announce, complain } from "./toasts.js";

const STATES = {
  connecting: "Connecting…",
  live: "Live",
  offline: "Reconnecting…",
  expired: "Signed out. Load the page again.",
};
// A short break is nobody's worry: only a longer one is told.
const PATIENCE_MS = 2_000;
const RETRY_MS = 3_000;
// What was missed for longer is not news: it is counted and listed, without a toast.
const FRESH_MS = 30_000;

const query = new URLSearchParams(location.search);
const at = (id) => document.getElementById(id);
const report = (error) => complain(error.message);

async function start() {
  const everybody = await people();
  const me = everybody.find(({ id }) => id === query.get("as"));
  if (!me) return offerChoice(everybody);
  at("name").textContent = me.name;
  paintAvatar(at("avatar"), me);

  const api = await signIn(me.id);
  const board = new Board(api, everybody, report);
  const mailbox = new Mailbox(api);
  await Promise.all([mailbox.load(), board.refresh()]);
  board.pointAt(query.get("story"));
  const inbox = new Inbox(mailbox, {
    open: (item, event) => open(item, event, board, inbox),
    report,
  });
  mailbox.addEventListener("change", () => showTitle(me, mailbox));
  showTitle(me, mailbox);
  follow(api, mailbox, board, inbox);
}

/** Keep the mailbox in step with the server. */
function follow(api, mailbox, board, inbox) {
  const getTicket = async () => (await api.post("/api/v1/stream-tickets")).ticket;
  const stream = new Stream(getTicket, mailbox.shownThrough);
  const on = (name, act) => stream.addEventListener(name, ({ detail }) => act(detail));
  const refetch = () => mailbox.load().catch(report);
  const show = (notification) => {
    inbox.ring();
    if (inbox.isOpen) return;
    announce(notification, (event) => {
      mailbox.markRead(notification).catch(report);
      open(notification, event, board, inbox);
    });
  };

  on("connected", (frame) => mailbox.follow(frame));
  on("notification", (notification) => {
    // Other services may publish live messages of their own, without a seq: none of this page's.
    if (!notification.seq) return;
    mailbox.add(notification);
    if (Date.now() - Date.parse(notification.created_at) < FRESH_MS) show(notification);
    board.refresh();
  });
  on("updated", (notification) => mailbox.update(notification));
  on("mailbox", (frame) => {
    const manyRead = frame.unread !== mailbox.unread;
    mailbox.follow(frame);
    if (manyRead) refetch();
  });
  on("reset", refetch);
  stream.addEventListener("state", () => showState(stream));
  showState(stream);
  stream.open();
}

/** Opening what tells of a story on this board points at it; anything else is a plain link. */
function open(item, event, board, inbox) {
  const url = safeUrl(item.url) && new URL(safeUrl(item.url));
  const newTab = event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1;
  if (!url || newTab || url.pathname !== location.pathname) return;
  inbox.close();
  if (board.pointAt(url.searchParams.get("story"))) event.preventDefault();
}

let patience;

function showState({ state }) {
  clearTimeout(patience);
  const tell = () => {
    at("connection").dataset.state = state;
    at("connection").textContent = STATES[state];
  };
  const passing = at("connection").dataset.state === "live" && state !== "expired";
  if (passing && state !== "live") patience = setTimeout(tell, PATIENCE_MS);
  else tell();
}

function showTitle(me, { unseen }) {
  document.title = `${unseen ? `(${unseen}) ` : ""}${me.name} · Tidings`;
}

function offerChoice(everybody) {
  const links = everybody.map((person) => {
    query.set("as", person.id);
    return el("a", { href: `?${query}` }, avatar(person), person.name);
  });
  at("name").textContent = "Who are you?";
  at("avatar").hidden = true;
  at("picker").replaceChildren(...links);
  at("picker").hidden = false;
}

async function startWhenPossible() {
  try {
    await start();
  } catch (error) {
    // In development the server is often just starting.
    at("connection").textContent = `${error.message} Trying again…`;
    setTimeout(() => location.reload(), RETRY_MS);
  }
}

keepTimesTrue();
startWhenPossible();
