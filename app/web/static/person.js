/**
 * One person's page: `?as=ada` says who, `?story=42` which story to point at, `?offline=2` for how
 * many seconds "Go offline" is. All about notifications is the client's and the element's.
 */

import { Tidings } from "/static/tidings.js";
import "/static/tidings-inbox.js";
import { people, signIn } from "./api.js";
import { Board } from "./board.js";
import { avatar, el, paintAvatar } from "./dom.js";
import { FrameLog } from "./frame-log.js";
import { TallyView } from "./tally-view.js";
import { keepTimesTrue } from "./time.js";
import { Trials } from "./trials.js";

const STATES = {
  connecting: "Connecting…",
  live: "Live",
  offline: "Reconnecting…",
  expired: "Signed out. Load the page again.",
};
// A short break is nobody's worry: only a longer one is told.
const PATIENCE_MS = 2_000;
const RETRY_MS = 3_000;
const COMPLAINT_MS = 8_000;
const OFFLINE_SECONDS = 10;
const MOST_OFFLINE_SECONDS = 60;

const query = new URLSearchParams(location.search);
const at = (id) => document.getElementById(id);

async function start() {
  const everybody = await people();
  const me = everybody.find(({ id }) => id === query.get("as"));
  if (!me) return offerChoice(everybody);
  at("name").textContent = me.name;
  paintAvatar(at("avatar"), me);
  document.title = `${me.name} · Tidings`;

  const api = await signIn(me.id);
  const board = new Board(api, everybody, report);
  await board.refresh();
  board.pointAt(query.get("story"));

  const tidings = new Tidings({ token: api.token });
  const inbox = showInbox(tidings, me, board);
  follow({ tidings, api, me, people: everybody, board, inbox });
}

/** The bell with all that belongs to it. */
function showInbox(tidings, me, board) {
  const inbox = document.createElement("tidings-inbox");
  inbox.tidings = tidings;
  // Of several tabs of one person one shows toasts; this is how they know each other.
  inbox.setAttribute("name", me.id);
  inbox.addEventListener("tidings-open", (event) => {
    // What tells of a story on this board points at it; anything else is a plain link.
    const url = event.detail.url && new URL(event.detail.url, location.href);
    if (!url || url.pathname !== location.pathname) return;
    if (board.pointAt(url.searchParams.get("story"))) event.preventDefault();
  });
  at("bar").append(inbox);
  return inbox;
}

/** Show what the stream brings, and let the person put it to the test. */
function follow({ tidings, api, me, people, board, inbox }) {
  const log = new FrameLog(at("frames"));
  const score = new TallyView(at("tally"), at("verdict"));
  const turned = () => {
    // Whoever is offline does nothing on the board and hears nothing of it.
    board.away = at("board").inert = inbox.inert = trials.offline;
    document.body.classList.toggle("away", trials.offline);
    showState(tidings, trials);
    if (!trials.offline) board.refresh();
  };
  const parts = { tidings, api, me, people, log, score, report, turned };
  const trials = new Trials(parts, offlineSeconds());
  tidings.addEventListener("frame", ({ detail, replayed }) => log.frame(detail, replayed));
  tidings.addEventListener("notification", ({ detail }) => {
    if (score.tally.take(detail)) score.draw();
    else board.refresh();
  });
  tidings.addEventListener("reset", () => {
    score.tally.forget();
    score.draw();
  });
  tidings.addEventListener("state", () => showState(tidings, trials));
  showState(tidings, trials);
  at("trace").hidden = false;
}

function offlineSeconds() {
  const asked = Number.parseInt(query.get("offline") ?? "", 10);
  return asked >= 1 ? Math.min(asked, MOST_OFFLINE_SECONDS) : OFFLINE_SECONDS;
}

let patience;

function showState({ state }, { offline }) {
  clearTimeout(patience);
  const tell = () => {
    at("connection").dataset.state = state;
    at("connection").textContent = offline ? "Offline, on purpose" : STATES[state];
  };
  const passing = at("connection").dataset.state === "live" && state !== "expired" && !offline;
  if (passing && state !== "live") patience = setTimeout(tell, PATIENCE_MS);
  else tell();
}

let complaint;

function report(error) {
  clearTimeout(complaint);
  at("problem").textContent = error.message;
  at("problem").hidden = false;
  complaint = setTimeout(() => (at("problem").hidden = true), COMPLAINT_MS);
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
