/** Short messages in the corner: at most three; they stay while pointed at, and take no focus. */

import { avatar, el, safeUrl } from "./dom.js";

const MAX_TOASTS = 3;
const STAY_MS = 7_000;

/** Say that a notification has arrived. `open(event)` is called when it is clicked. */
export function announce(notification, open) {
  const href = safeUrl(notification.url);
  const content = href ? el("a", { href }) : el("button", { type: "button" });
  content.append(
    avatar(notification.actor),
    el(
      "span",
      { className: "toast-text" },
      el("strong", { dir: "auto" }, notification.title),
      notification.body ? el("span", { dir: "auto" }, notification.body) : null,
    ),
  );
  const toast = show(content, "toast");
  content.addEventListener("click", (event) => {
    open(event);
    toast.remove();
  });
}

/** Say that something did not work. */
export function complain(message) {
  show(el("p", {}, message), "toast problem");
}

function show(content, className) {
  const close = el("button", { type: "button", className: "close", ariaLabel: "Dismiss" }, "×");
  const toast = el("div", { className }, content, close);
  const box = document.getElementById("toasts");
  while (box.children.length >= MAX_TOASTS) box.firstElementChild.remove();
  box.append(toast);

  let timer;
  const wait = () => (timer = setTimeout(() => toast.remove(), STAY_MS));
  const hold = () => clearTimeout(timer);
  for (const [name, act] of Object.entries({
    pointerenter: hold,
    pointerleave: wait,
    focusin: hold,
    focusout: wait,
  })) {
    toast.addEventListener(name, act);
  }
  close.addEventListener("click", () => toast.remove());
  wait();
  return toast;
}
