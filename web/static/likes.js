// The heart in the player: whether the present song is liked, and liking it from anywhere.
import { ask, find, onPage } from "./page.js";

const button = find("[data-like]");
let shown = ""; // the song whose heart this is

// The page's own heart for a song, if it has one, is the newest word on it.
const onThePage = () => find(`#like-${CSS.escape(shown)}:is(button), #like-${CSS.escape(shown)} button`);

const draw = (liked) => button.setAttribute("aria-pressed", liked);

export function showLiked(id) {
  if (!button || shown === id) return;
  shown = id;
  draw(false);
  ask(`/player/liked?song=${id}`).then(({ liked }) => shown === id && draw(liked)).catch(() => {});
}

export function toggleLike() {
  if (!shown) return;
  const liked = button.getAttribute("aria-pressed") !== "true";
  draw(liked);
  const values = { liked: liked ? 1 : 0, csrf_token: find("meta[name=csrf-token]").content };
  htmx.ajax("POST", `/songs/${shown}/like`, { values, source: button, target: button, swap: "none" });
}

button?.addEventListener("click", toggleLike);
onPage(() => {
  const heart = shown && onThePage();
  if (heart) draw(heart.getAttribute("aria-pressed"));
});
