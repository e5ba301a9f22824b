// Moving the rows of a list: by dragging the grip, or with the arrow keys on it. The row itself never drags, so touch scrolls.
import { find, findAll } from "./page.js";

// `moved(from, to)` is told the positions; it draws the list anew.
export function letReorder(list, moved) {
  let dragged = null;

  const rows = () => findAll("[data-position]", list);
  const grip = (event) => event.target.closest("[data-grip]");

  list.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !grip(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const from = rows().indexOf(event.target.closest("[data-position]"));
    const to = from + step;
    if (to < 0 || to >= rows().length) return;
    moved(from, to);
    find("[data-grip]", rows()[to]).focus();
  });

  list.addEventListener("pointerdown", (event) => {
    if (!grip(event) || event.button) return;
    event.preventDefault();
    const row = event.target.closest("[data-position]");
    dragged = { row, from: rows().indexOf(row) };
    row.classList.add("dragged");
    grip(event).setPointerCapture(event.pointerId);
  });

  list.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const over = rows().find((row) => row !== dragged.row && within(row, event.clientY));
    if (!over) return;
    const down = rows().indexOf(over) > rows().indexOf(dragged.row);
    const box = over.getBoundingClientRect();
    // Past its middle, or rows of different heights would change places for ever.
    if (down ? event.clientY > box.top + box.height / 2 : event.clientY < box.top + box.height / 2) list.insertBefore(dragged.row, down ? over.nextSibling : over);
  });

  for (const end of ["pointerup", "pointercancel"]) {
    list.addEventListener(end, () => {
      if (!dragged) return;
      const { row, from } = dragged;
      const to = rows().indexOf(row);
      dragged = null;
      row.classList.remove("dragged");
      if (to !== from) moved(from, to);
    });
  }
}

function within(row, y) {
  const box = row.getBoundingClientRect();
  return y >= box.top && y <= box.bottom;
}
