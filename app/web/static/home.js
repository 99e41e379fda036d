/** The two people side by side: who they are can be chosen. */

import { people } from "./api.js";
import { el } from "./dom.js";

function fill(pane, everybody) {
  const [choice, frame, link] = ["person", "frame", "window"].map((name) =>
    pane.querySelector(`[data-${name}]`),
  );
  const current = choice.value;
  choice.replaceChildren(...everybody.map(({ id, name }) => el("option", { value: id }, name)));
  choice.value = current;
  choice.addEventListener("change", () => {
    const url = `/inbox?${new URLSearchParams({ as: choice.value })}`;
    link.href = url;
    frame.title = `${choice.selectedOptions[0].textContent}’s page`;
    // Replace: Back leaves this page, not the person.
    frame.contentWindow.location.replace(url);
  });
}

const everybody = await people();
for (const pane of document.querySelectorAll("[data-pane]")) fill(pane, everybody);
