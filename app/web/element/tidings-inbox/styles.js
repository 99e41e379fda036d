/** How it looks. A constructed style sheet, which a strict Content-Security-Policy allows. */

import { colours } from "./styles-colours.js";
import { listStyles } from "./styles-list.js";

// What the system asks for comes last, and wins.
const adjusted = `
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
}
@media (forced-colors: active) {
  .fresh, .avatar { border: 1px solid; }
  .tabs button { border-color: Canvas; }
  .tabs button[aria-selected="true"] { border-color: Highlight; }
  .dot { forced-color-adjust: none; background: Highlight; }
}
`;

const frame = `
:host {
  display: inline-block;
  position: relative;
  color: var(--_ink);
  font: var(--tidings-font, 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif);
  text-align: start;
}
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
button { margin: 0; font: inherit; color: inherit; cursor: pointer; }
h2, p, ul { margin: 0; padding: 0; }
ul { list-style: none; }
svg { display: block; width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-linecap: round; stroke-linejoin: round; stroke-width: 1.7; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.bell { position: relative; width: 42px; height: 42px; padding: 9px; border: 1px solid transparent; border-radius: 50%; background: none; color: var(--tidings-bell, inherit); }
.bell svg { width: 22px; height: 22px; }
.bell:hover, .bell[aria-expanded="true"] { background: var(--_sunken); color: var(--_ink); }
.badge { position: absolute; inset-block-start: 1px; inset-inline-start: 20px; min-width: 19px; padding: 0 5px; border: 2px solid var(--_surface); border-radius: 11px; background: var(--_badge); color: var(--_on-badge); font-size: 0.75em; font-weight: 700; line-height: 16px; text-align: center; }

.panel { display: flex; position: absolute; z-index: var(--tidings-z-index, 1000); inset-block-start: calc(100% + 8px); inset-inline-end: 0; flex-direction: column; width: var(--tidings-width, 400px); height: min(var(--tidings-height, 620px), calc(100dvh - 84px)); overflow: hidden; border: 1px solid var(--_line); border-radius: var(--_radius); outline: none; background: var(--_surface); color: var(--_ink); box-shadow: var(--_shadow); }
:host([align="start"]) .panel { inset-inline: 0 auto; }
.head { display: flex; align-items: center; gap: 4px; padding-block: 10px 4px; padding-inline: 16px 10px; }
h2 { flex: 1; font-size: 1.05em; font-weight: 650; }
.tool { display: grid; flex: none; place-items: center; width: 34px; height: 34px; padding: 0; border: 0; border-radius: 8px; background: none; color: var(--_muted); }
.tool:hover:enabled { background: var(--_sunken); color: var(--_ink); }
.tool:disabled { opacity: 0.4; cursor: default; }
.tabs { display: flex; gap: 4px; padding: 0 12px; border-block-end: 1px solid var(--_line); }
.tabs button { display: flex; align-items: center; gap: 6px; padding: 8px 8px 9px; border: 0; border-block-end: 2px solid transparent; background: none; color: var(--_muted); font-size: 0.92em; font-weight: 550; }
.tabs button:hover { color: var(--_ink); }
.tabs button[aria-selected="true"] { border-color: var(--_accent); color: var(--_ink); }
.tabs :focus-visible { outline-offset: -2px; }
.tab-count { padding: 1px 7px; border-radius: 9px; background: var(--_sunken); color: var(--_ink); font-size: 0.85em; }

.banner { padding: 8px 16px; background: var(--_notice); color: var(--_ink); font-size: 0.87em; }
.middle { display: flex; position: relative; flex: 1; flex-direction: column; min-height: 0; }
.scroller { flex: 1; overflow-y: auto; overscroll-behavior: contain; }
.fresh { display: flex; position: absolute; z-index: 1; inset-block-start: 10px; inset-inline: 0; align-items: center; gap: 4px; width: fit-content; margin-inline: auto; padding: 6px 14px 6px 10px; border: 0; border-radius: 18px; background: var(--_accent); color: var(--_on-accent); font-size: 0.87em; font-weight: 600; box-shadow: var(--_shadow); }
.fresh svg { width: 16px; height: 16px; }
.bottom { padding: 14px; color: var(--_muted); font-size: 0.87em; text-align: center; }
.bottom + .text-button { display: block; margin: 0 auto 14px; }

.state { padding: 72px 32px; text-align: center; }
.state-title { font-weight: 600; }
.state[data-state="loading"] .state-title { color: var(--_muted); font-weight: 400; }
.state-hint { margin-block-start: 4px; color: var(--_muted); font-size: 0.92em; }
.button { min-height: 36px; margin-block-start: 16px; padding: 5px 14px; border: 1px solid var(--_line); border-radius: 8px; background: var(--_surface); font-size: 0.92em; font-weight: 550; }
.button:hover { border-color: var(--_muted); }
.text-button { padding: 6px 8px; border: 0; border-radius: 6px; background: none; color: var(--_accent); font-weight: 600; }
.text-button:hover { background: var(--_sunken); }

.notice { display: flex; align-items: center; gap: 4px; padding-block: 6px; padding-inline: 16px 8px; border-block-start: 1px solid var(--_line); background: var(--_raised); font-size: 0.9em; }
.notice-text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.notice.problem { box-shadow: inset 3px 0 var(--_alert); }
.menu { position: absolute; z-index: 2; inset-inline-end: 12px; min-width: 210px; max-width: calc(100% - 24px); padding: 5px; border: 1px solid var(--_line); border-radius: 10px; background: var(--_raised); box-shadow: var(--_shadow); }
.menu button { display: block; width: 100%; padding: 8px 10px; border: 0; border-radius: 6px; background: none; font-size: 0.92em; text-align: start; overflow-wrap: anywhere; }
.menu button:hover, .menu button:focus-visible { background: var(--_sunken); outline-offset: -2px; }

.toasts { display: flex; position: fixed; z-index: var(--tidings-z-index, 1000); inset-block-end: 16px; inset-inline-end: 16px; flex-direction: column; gap: 10px; width: min(360px, calc(100vw - 32px)); }
.toast { display: flex; align-items: flex-start; gap: 4px; padding-inline-end: 6px; border: 1px solid var(--_line); border-radius: 12px; background: var(--_raised); color: var(--_ink); box-shadow: var(--_shadow); animation: arrive 0.25s ease-out; }
.toast .tool { margin-block-start: 6px; }
.toast strong { display: block; font-size: 0.95em; font-weight: 600; }
@keyframes arrive { from { opacity: 0; transform: translateY(10px); } }

@media (max-width: 480px) {
  .panel, :host([align="start"]) .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0; }
}
`;

/** @type {CSSStyleSheet | null} */
let sheet = null;

/** One sheet for all elements of a page. */
export function styleSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(colours + frame + listStyles + adjusted);
  }
  return sheet;
}
