// Menus open by themselves (they are <details>); this closes them on Escape and on a press elsewhere.
const open = () => document.querySelectorAll(".menu[open]");

document.addEventListener("pointerdown", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of open()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// What was chosen is being done: the menu or the little form that it was chosen in has done its work.
document.addEventListener("submit", (event) => {
  for (const menu of open()) if (menu.contains(event.target)) menu.open = false;
  if (event.target.matches("[popover]")) event.target.hidePopover();
});

document.addEventListener("click", (event) => {
  const menu = event.target.closest("[data-enqueue]")?.closest(".menu");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// When a part of the page comes anew, what is open stays open and what is played stays painted.
globalThis.htmx?.registerExtension("keep-open", {
  htmx_before_morph_attr: (_, { attrName, newValue }) => !(attrName === "style" || (attrName === "open" && newValue === null)),
});
