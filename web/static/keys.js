// Keys. Single letters stay silent while somebody types, and sliders keep their own arrows.
import { find, findAll, recall, remember } from "./page.js";
import { toggleLike } from "./likes.js";
import { next, previous, seekBy, seekSection, song, toggle, toggleMute } from "./player.js";

const TYPING = "textarea, select, [contenteditable], input:not([type=range], [type=radio], [type=checkbox])";

const SINGLE = {
  n: next,
  p: previous,
  m: toggleMute,
  q: () => find("#queue")?.togglePopover(),
  "?": () => find("#keys")?.togglePopover(),
  l: toggleLike,
  "/": search,
  c: () => find("[data-make]")?.click(),
};

// To the page's search, or to where there is one.
function search() {
  const field = findAll("main [type=search]").find((each) => each.checkVisibility());
  if (field) field.focus();
  else find("[data-place][href='/']")?.click();
}

// Whoever speaks to their computer, or hits keys by mistake, can do without the single letters.
const letters = find("[data-letters]");
if (letters) {
  letters.checked = recall("letters") ?? true;
  letters.addEventListener("change", () => remember("letters", letters.checked));
}

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && at.form?.matches(".desk")) {
    event.preventDefault();
    at.form.requestSubmit();
    return;
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || at.matches(TYPING)) return;
  if (event.key === " " && !at.matches("button, a, summary, input:not(.seek)") && song()) {
    event.preventDefault();
    toggle();
  } else if (/^Arrow(Left|Right)$/.test(event.key) && !at.matches("[type=radio], [type=range]:not(.seek)") && song()) {
    event.preventDefault();
    const step = event.key === "ArrowRight" ? 1 : -1;
    if (event.shiftKey) seekSection(step);
    else seekBy(step);
  } else if (SINGLE[event.key] && !event.repeat && letters?.checked) {
    event.preventDefault();
    SINGLE[event.key]();
  }
});
