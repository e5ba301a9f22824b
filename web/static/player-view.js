// How the player looks: the bar, the queue, and the marks that it leaves on the page.
import { _, clock, find, findAll } from "./page.js";
import { drawForm, sectionName } from "./form-line.js";

let drawn = "";

const credit = (entry) => `${entry.by} · ${_("take %(number)s", { number: entry.take })}`;

export function drawSong(bar, entry) {
  if (drawn === entry.id) return;
  drawn = entry.id;
  for (const svg of findAll("[data-form]", bar)) drawForm(svg, entry);
  const title = find("[data-title]", bar);
  title.textContent = entry.title;
  title.href = entry.href;
  find("[data-by]", bar).textContent = credit(entry);
  find(".now [data-cover]", bar).src = entry.cover;
}

export function drawTime(bar, entry, time, duration) {
  const section = sectionName(entry, time);
  const scrubber = find("[data-seek]", bar);
  find("[data-time]", bar).textContent = clock(time);
  find("[data-duration]", bar).textContent = clock(duration);
  find("[data-section]", bar).textContent = section;
  scrubber.max = duration;
  scrubber.value = time;
  scrubber.setAttribute("aria-valuetext", `${_("%(time)s of %(duration)s", { time: clock(time), duration: clock(duration) })}${section ? `, ${section}` : ""}`);
  find(".line", bar).style.setProperty("--p", share(time, duration));
}

const share = (time, duration) => `${duration ? ((time / duration) * 100).toFixed(2) : 0}%`;

export function drawState(bar, queue, audio) {
  mark(find("[data-toggle-play]", bar), !audio.paused, queue.current?.title ?? "");
  find("[data-shuffle]", bar).setAttribute("aria-pressed", queue.shuffled);
  const repeat = find("[data-repeat]", bar);
  repeat.setAttribute("aria-pressed", queue.repeat !== "off");
  repeat.setAttribute("aria-label", queue.repeat === "one" ? _("Repeat this song") : _("Repeat"));
  repeat.classList.toggle("one", queue.repeat === "one");
  find("[data-mute]", bar).setAttribute("aria-pressed", audio.muted);
  find("[data-volume]", bar).value = audio.muted ? 0 : Math.round(audio.volume * 100);
  find("[data-volume]", bar).setAttribute("aria-valuetext", audio.muted ? _("muted") : `${Math.round(audio.volume * 100)}%`);
}

function mark(button, playing, title) {
  button.classList.toggle("on-air", playing);
  button.setAttribute("aria-label", (playing ? _("Pause %(title)s", { title }) : _("Play %(title)s", { title })).trim());
  const word = find("[data-play-word]", button);
  if (word) word.textContent = playing ? _("Pause") : _("Play");
}

// Show on the page what plays: buttons, waveforms and their ranges of this song.
export function markPage(entry, playing, time, duration) {
  for (const button of findAll("[data-play]")) {
    const own = button.dataset.play.includes(`"${entry.id}"`);
    const on = own && playing;
    if (on !== button.classList.contains("on-air")) mark(button, on, JSON.parse(button.dataset.play).title);
  }
  for (const wave of findAll("[data-wave]")) {
    const at = wave.dataset.wave === entry.id ? share(time, duration) : "0%";
    if (wave.style.getPropertyValue("--p") !== at) wave.style.setProperty("--p", at);
  }
  for (const range of findAll("[data-seek-song]")) {
    const at = range.dataset.seekSong === entry.id ? time : 0;
    if (range === document.activeElement && range.matches(":active")) continue;
    range.value = at;
    range.setAttribute("aria-valuetext", _("%(time)s of %(duration)s", { time: clock(at), duration: clock(Number(range.max)) }));
  }
  for (const shown of findAll("[data-time-of]")) shown.textContent = clock(shown.dataset.timeOf === entry.id ? time : 0);
}

export function drawQueue(queue) {
  const template = find("[data-queue-row]");
  const rows = queue.inOrder.map((entry, position) => {
    const row = template.content.firstElementChild.cloneNode(true);
    const jump = find("[data-jump]", row);
    row.dataset.position = position;
    jump.textContent = entry.title;
    if (position === queue.at) row.setAttribute("aria-current", "true");
    find("[data-by]", row).textContent = credit(entry);
    find("[data-duration]", row).textContent = clock(entry.duration);
    find("[data-remove]", row).setAttribute("aria-label", _("Remove %(title)s from the queue", { title: entry.title }));
    find("[data-remove]", row).disabled = position === queue.at;
    find("[data-grip]", row).setAttribute("aria-label", _("Move %(title)s, %(position)s of %(all)s", { title: entry.title, position: position + 1, all: queue.order.length }));
    find("[data-cover]", row).src = entry.cover;
    return row;
  });
  find("[data-queue-list]").replaceChildren(...rows);
}

export function drawTrouble(bar, text) {
  find("[data-trouble]", bar).hidden = !text;
  find("[data-trouble-text]", bar).textContent = text;
}
