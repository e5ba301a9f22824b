// The player: one audio element that outlives every change of page, its queue, and the bar that shows it.
import { _, ask, find, findAll, onPage, post, recall, remember, say, viewer } from "./page.js";
import { Queue } from "./queue.js";
import { sectionStart } from "./form-line.js";
import { drawSong, drawTime, drawState, drawQueue, drawTrouble, markPage } from "./player-view.js";
import { letReorder } from "./reorder.js";
import { showLiked } from "./likes.js";
import { tellSystem, tellPosition, obeySystem } from "./media-session.js";

const SAVE_EVERY = 5; // seconds
const TELL_EVERY = 10_000; // milliseconds between two times that the server is told
const STEP = 5; // seconds
const NEAR_START = 3; // seconds: "previous" goes to the beginning first
const HEARD_AFTER = 10; // seconds of listening that the server counts as one listen
const SHORTEST = 0.5; // seconds by which the shortest song may fall short of that and still have been heard whole

const bar = find("#player");
const audio = find("[data-audio]", bar ?? document);

export const queue = new Queue();
// Where the song shall begin once it is loaded: a reload must not fetch anything before somebody presses play.
let pending = 0;
let loaded = "";
let savedAt = 0;
let retried = false;
let dragging = false;
let heard = 0;
let heardAt = 0;
// The other tabs of this browser: two songs at once are none.
const others = "BroadcastChannel" in globalThis ? new BroadcastChannel("backline.player") : null;
let told = { at: 0, text: "", saved: 0 }; // when the server was told what, and its own time of that

export const song = () => queue.current;
export const isPlaying = () => Boolean(loaded) && !audio.paused;
export const time = () => (loaded ? audio.currentTime : pending);
const duration = () => (loaded && Number.isFinite(audio.duration) ? audio.duration : (song()?.duration ?? 0));

function save() {
  savedAt = time();
  remember("player", { viewer, queue: queue.save(), time: time(), volume: audio.volume, muted: audio.muted, saved: told.saved });
  tell();
}

// Other browsers of the same person go on from here.
function tell() {
  if (Date.now() - told.at < TELL_EVERY) return;
  const { entries, order, at, shuffled, repeat } = queue.save();
  const songs = entries.map((entry) => entry.id);
  const state = JSON.stringify({ songs, order, at, time: time(), volume: audio.volume, muted: audio.muted, shuffled, repeat });
  if (state === told.text) return;
  told.at = Date.now();
  told.text = state;
  post("/player", { state })
    .then((answer) => answer.ok && answer.json())
    .then((answer) => answer && (told.saved = answer.saved_at))
    .catch(() => {}); // it is kept here, and told again later
}

function show() {
  bar.hidden = !song();
  if (!song()) return;
  drawSong(bar, song());
  drawQueue(queue);
  drawState(bar, queue, audio);
  showLiked(song().id);
  refresh();
}

// Bring everything that shows the time up to date: the bar, and whatever the page has of this song.
function refresh() {
  if (!song()) return;
  if (!dragging) drawTime(bar, song(), time(), duration());
  markPage(song(), isPlaying(), time(), duration());
  document.dispatchEvent(new CustomEvent("player:time", { detail: { song: song(), time: time(), playing: isPlaying() } }));
}

// Add up what was really listened to, and tell the server once.
function countListening() {
  const passed = audio.currentTime - heardAt;
  heardAt = audio.currentTime;
  const enough = Math.min(HEARD_AFTER, duration() - SHORTEST);
  if (passed <= 0 || passed > 1 || heard >= enough) return;
  heard += passed;
  if (heard >= enough) post(`/songs/${song().id}/listens`).catch(() => {});
}

function load(start) {
  drawTrouble(bar, "");
  pending = start;
  loaded = song().id;
  audio.src = song().audio;
  if (start > 0) audio.currentTime = start; // before the metadata is there, this is where it will begin
}

export async function play() {
  if (!song()) return;
  if (loaded !== song().id) load(pending);
  tellSystem(song());
  try {
    await audio.play();
  } catch (error) {
    // A newer press, or a browser that wants a press first: both leave the song paused, and nothing is wrong.
    if (!["AbortError", "NotAllowedError", "NotSupportedError"].includes(error.name)) throw error;
  }
}

export function toggle() {
  if (isPlaying()) audio.pause();
  else play();
}

export function seek(to) {
  if (!song()) return;
  const wanted = Math.max(0, Math.min(to, duration() - 0.1));
  if (loaded) audio.currentTime = wanted;
  else pending = wanted;
  refresh();
  save();
}

export const seekBy = (step) => seek(time() + step * STEP);

export function seekSection(step) {
  const start = song() && sectionStart(song(), time(), step);
  if (start !== null && start !== undefined) seek(start);
}

// Begin the present song of the queue.
function begin(start = 0, playing = true) {
  audio.pause();
  loaded = "";
  pending = start;
  retried = false;
  heard = 0;
  show();
  save();
  if (playing) play();
}

export function next() {
  const playing = isPlaying() || audio.ended;
  if (queue.move(1)) begin(0, playing);
}

export function previous() {
  if (time() > NEAR_START || !queue.move(-1)) seek(0);
  else begin(0, isPlaying());
}

// Put a song into the queue, after the present one or at the end.
function enqueue(entry, next) {
  if (!queue.add(entry, next)) return begin(0, false);
  say(next ? _("%(title)s plays next", entry) : _("%(title)s plays later", entry));
  show();
  save();
}

export function toggleMute() {
  audio.muted = !audio.muted;
}

// Play what a play button stands for; the list around it becomes the queue.
function press(button, start) {
  const entry = JSON.parse(button.dataset.play);
  if (song()?.id === entry.id) {
    if (start === undefined) return toggle();
    seek(start);
    return play();
  }
  const list = button.closest(".mine, .chart") ?? button.closest("ol, ul") ?? button.parentElement;
  const entries = new Map(findAll("[data-play]", list).map((other) => [other.dataset.play, JSON.parse(other.dataset.play)]));
  const songs = [...new Map([...entries.values()].map((other) => [other.id, other])).values()];
  queue.fill(songs, entry.id);
  const asked = location.pathname === entry.href ? Number(new URLSearchParams(location.search).get("t")) : 0;
  begin(start ?? (asked || 0));
}

// A moment of a song on the page: its waveform, a section, a sung line.
function pressAt(id, start) {
  if (song()?.id === id) {
    seek(start);
    return play();
  }
  const button = findAll("[data-play]").find((other) => JSON.parse(other.dataset.play).id === id);
  if (button) press(button, start);
}

function listen() {
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    const button = on("[data-play]");
    if (button) return press(button);
    const added = on("[data-enqueue]");
    if (added) return enqueue(JSON.parse(find("[data-play]", added.closest(":has([data-play])")).dataset.play), added.dataset.enqueue === "next");
    const moment = on("[data-seek-to]");
    if (moment && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      pressAt(moment.dataset.songId, Number(moment.dataset.seekTo));
    }
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-seek-song]")) pressAt(event.target.dataset.seekSong, Number(event.target.value));
  });

  const onPress = (selector, action) => find(selector, bar)?.addEventListener("click", action);
  onPress("[data-toggle-play]", toggle);
  onPress("[data-next]", next);
  onPress("[data-previous]", previous);
  onPress("[data-mute]", toggleMute);
  onPress("[data-try-again]", () => begin(time()));
  onPress("[data-shuffle]", () => {
    queue.shuffle(!queue.shuffled);
    show();
    save();
  });
  onPress("[data-repeat]", () => {
    queue.nextRepeat();
    say({ off: _("Nothing repeats"), all: _("The queue repeats"), one: _("%(title)s repeats", song()) }[queue.repeat]);
    show();
    save();
  });
  find("[data-volume]", bar).addEventListener("input", (event) => {
    audio.muted = false;
    audio.volume = event.target.value / 100;
  });
  const scrubber = find("[data-seek]", bar);
  scrubber.addEventListener("input", () => {
    dragging = true;
    drawTime(bar, song(), Number(scrubber.value), duration());
  });
  scrubber.addEventListener("change", () => {
    dragging = false;
    seek(Number(scrubber.value));
  });
  find("#queue").addEventListener("click", (event) => {
    const row = event.target.closest("[data-position]");
    const position = Number(row?.dataset.position);
    if (event.target.closest("[data-jump]")) {
      queue.jump(position);
      begin();
    } else if (event.target.closest("[data-remove]")) queue.remove(position);
    else if (event.target.closest("[data-clear]")) queue.clearNext();
    else return;
    show();
    save();
    // The row that was pressed has been drawn anew, or is gone: the keyboard goes on at its place.
    const rows = findAll("#queue [data-position]");
    const there = rows[Math.min(position, rows.length - 1)];
    if (row) (find("[data-remove]:enabled", there) ?? find("[data-jump]", there)).focus();
  });
  letReorder(find("[data-queue-list]"), (from, to) => {
    const moved = queue.inOrder[from];
    queue.moveTo(from, to);
    say(_("%(title)s moved to %(position)s", { title: moved.title, position: to + 1 }));
    show();
    save();
  });
}

function follow() {
  audio.addEventListener("timeupdate", () => {
    refresh();
    countListening();
    if (Math.abs(time() - savedAt) >= SAVE_EVERY) save();
  });
  for (const name of ["play", "pause", "playing", "volumechange", "seeked", "loadedmetadata"]) {
    audio.addEventListener(name, () => {
      drawState(bar, queue, audio);
      refresh();
      tellPosition(time(), duration(), isPlaying());
    });
  }
  audio.addEventListener("playing", () => {
    retried = false;
    drawTrouble(bar, "");
  });
  audio.addEventListener("pause", save);
  audio.addEventListener("volumechange", save);
  audio.addEventListener("play", () => others?.postMessage("playing"));
  audio.addEventListener("ended", () => {
    if (queue.repeat === "one") begin();
    else if (queue.move(1)) begin();
    else begin(0, false);
  });
  audio.addEventListener("error", () => {
    if (!loaded) return;
    // The address of a song is good for a while only: once, ask for a new one and go on where it stopped.
    const at = audio.currentTime || pending;
    if (!retried) {
      retried = true;
      load(at);
      play();
      return;
    }
    loaded = "";
    pending = at;
    drawTrouble(bar, _("Could not play %(title)s.", song()));
    show();
  });
  others?.addEventListener("message", () => audio.pause());
  addEventListener("pagehide", () => song() && save());
}

function restore() {
  const saved = recall("player");
  const own = saved?.viewer === viewer;
  if (own) take(saved);
  told.saved = own ? (saved.saved ?? 0) : 0;
  // Another browser of the same person was heard later than this one.
  if (Number(bar.dataset.saved) > told.saved) ask("/player").then(takeFromServer).catch(() => {});
}

function take(saved) {
  queue.restore(saved.queue);
  pending = saved.time;
  audio.volume = saved.volume;
  audio.muted = saved.muted;
}

function takeFromServer(saved) {
  if (loaded || !saved.queue?.order.length) return;
  take(saved);
  told.saved = saved.saved_at;
  show();
}

if (bar) {
  restore();
  listen();
  follow();
  obeySystem({ play, pause: () => audio.pause(), next, previous, seek, time });
  show();
  onPage(refresh);
}
