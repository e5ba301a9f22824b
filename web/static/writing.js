// Write for me: the songwriter's lines come into the box as they are written, can be stopped, and are undone by one press.
import { _, find, post, say } from "./page.js";

const LOOK_EVERY = 400; // milliseconds
const OPEN = ["waiting", "writing"];

let draft = null; // the address of the draft that is being written
let before = null; // what stood in the box, and whether words were chosen, before

const form = () => find("form.desk");
const box = () => find("#lyrics");
const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

function show(said, { stop = false, undo = false } = {}) {
  const line = find("[data-writing]");
  line.hidden = !said;
  find("[data-writing-said]", line).textContent = said;
  find("[data-write-stop]", line).hidden = !stop;
  find("[data-write-undo]", line).hidden = !undo;
}

async function begin() {
  if (draft) return;
  before = { words: box().value, mode: form().elements.mode.value };
  form().elements.mode.value = "lyrics";
  show(_("Writing the words"), { stop: true });
  try {
    const answer = await fetch("/words", {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form())),
    });
    const told = await answer.json();
    if (!answer.ok) return end(told.message);
    draft = `/words/${told.id}`;
    box().readOnly = true;
    await follow();
  } catch {
    end(_("The studio does not answer. Try again in a moment."));
  }
}

// Look until it is done; a line is shown once it is there, and the newest stays in view.
async function follow() {
  while (draft) {
    const answer = await fetch(draft, { headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (!draft) return;
    if (told.words && told.words !== box().value) {
      box().value = told.words;
      box().scrollTop = box().scrollHeight;
      changed(box());
    }
    if (!OPEN.includes(told.state)) return finish(told);
    await new Promise((wait) => setTimeout(wait, LOOK_EVERY));
  }
}

function finish(told) {
  const title = form().elements.title;
  if (told.state === "done" && title && !title.value) title.placeholder = _("“%(title)s”, or leave it to the studio", { title: told.title });
  end(told.reason || (told.state === "done" ? _("Words written.") : _("Stopped.")), box().value !== before.words);
}

function end(said, undo = false) {
  draft = null;
  box().readOnly = false;
  show(said, { undo });
  say(said);
  if (undo && find("[data-write-stop]") && document.activeElement === document.body) box().focus();
}

function undo() {
  box().value = before.words;
  form().elements.mode.value = before.mode;
  changed(box());
  show("");
  box().focus();
}

document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-write]")) begin();
  else if (on("[data-write-stop]") && draft) post(`${draft}/stop`).catch(() => end(_("Stopped.")));
  else if (on("[data-write-undo]")) undo();
});
