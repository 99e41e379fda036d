/** How the rows look. */

export const listStyles = `
.row { position: relative; content-visibility: auto; contain-intrinsic-size: auto 86px; }
.row + .row { border-block-start: 1px solid var(--_line); }
.row.unread { background: var(--_unread); }
.main { display: flex; flex: 1; gap: 12px; width: 100%; min-width: 0; padding: 12px 16px; border: 0; background: none; color: inherit; font: inherit; text-align: start; text-decoration: none; cursor: pointer; }
.row > .main:hover { background: var(--_sunken); }
.row > .main:focus-visible { outline-offset: -3px; }
.item-text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
/* Each text has its own direction, and all begin on the same side. */
.item-title, .item-body, .toast strong { display: block; text-align: -webkit-match-parent; text-align: match-parent; }
/* Whole pixels: between rows of broken heights the background shines through. */
.item-title { font-size: 0.95em; line-height: 1.4; line-height: round(1.4em, 1px); }
.unread .item-title { font-weight: 600; }
.item-body { display: -webkit-box; overflow: hidden; color: var(--_muted); font-size: 0.9em; line-height: round(1.4em, 1px); -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.meta { display: block; margin-block-start: 2px; color: var(--_muted); font-size: 0.84em; line-height: round(1.45em, 1px); }
.meta > :not(:empty):not(:last-child)::after { content: " · "; }
.dot { flex: none; width: 9px; height: 9px; margin-block-start: 6px; border-radius: 50%; background: var(--_accent); }
.avatar { display: inline-grid; flex: none; place-items: center; width: 32px; height: 32px; border-radius: 50%; background: var(--_sunken); color: #ffffff; font-size: 0.87em; font-weight: 650; line-height: 1; }
.avatar[data-hue="0"] { background: #2563a8; }
.avatar[data-hue="1"] { background: #a84d09; }
.avatar[data-hue="2"] { background: #0f766e; }
.avatar[data-hue="3"] { background: #487b0d; }
.avatar[data-hue="4"] { background: #6b4fbb; }
.avatar[data-hue="5"] { background: #be2f6b; }
.avatar[data-hue="none"] { border: 1.5px dashed var(--_muted); background: none; }

.tools { display: flex; position: absolute; inset-block-start: 6px; inset-inline-end: 8px; gap: 2px; padding: 2px; border-radius: 10px; background: var(--_raised); box-shadow: 0 0 0 1px var(--_line); opacity: 0; }
.row:hover .tools, .row:focus-within .tools { opacity: 1; }
[data-do="more"] svg { stroke-width: 3; }
.tools .tool { width: 30px; height: 30px; }
/* Without a pointer to wait for they are always there, beside the last line. */
@media (hover: none) {
  .row > .main { padding-block-end: 15px; }
  .meta { padding-inline-end: 84px; }
  .tools { inset-block: auto 4px; padding: 0; background: none; box-shadow: none; opacity: 1; }
  .tools .tool { width: 40px; height: 40px; }
}
`;
