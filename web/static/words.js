// Words that follow the song: the line being sung is marked, and comes into view while somebody follows along.
import { find, findAll } from "./page.js";

const lines = (id) => findAll(`.lyrics a[data-seek-to][data-song-id="${CSS.escape(id)}"]`);

document.addEventListener("player:time", ({ detail: { song, time, playing } }) => {
  const sung = lines(song.id).findLast((line) => Number(line.dataset.seekTo) <= time + 0.05);
  for (const line of findAll(".lyrics a[aria-current]")) if (line !== sung) line.removeAttribute("aria-current");
  if (!sung || sung.hasAttribute("aria-current")) return;
  sung.setAttribute("aria-current", "true");
  if (playing && find("[data-follow]")?.checked) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    sung.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  }
});

// Whoever scrolls wants to look elsewhere; the switch brings them back.
for (const name of ["wheel", "touchmove"]) {
  document.addEventListener(name, (event) => {
    const follow = find("[data-follow]");
    if (follow && event.target.closest?.("#main")) follow.checked = false;
  }, { passive: true });
}
