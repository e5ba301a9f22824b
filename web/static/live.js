// Whether the page is live. When its event stream has been silent for a while the lamp says so, and the page asks by itself.
import { ask as askFor, find, findAll } from "./page.js";

const PATIENCE = 10_000; // milliseconds without a stream before anything is said
const ASK_EVERY = 15_000;

const stream = find("#live");
let silence = null;
let asking = null;

function lost() {
  silence ??= setTimeout(() => {
    for (const sign of findAll("[data-not-live]")) sign.hidden = false;
    asking ??= setInterval(ask, ASK_EVERY);
    ask();
  }, PATIENCE);
}

function back() {
  clearTimeout(silence);
  clearInterval(asking);
  silence = asking = null;
  for (const sign of findAll("[data-not-live]")) sign.hidden = true;
}

// Fetch anew whatever on this page changes by itself, and knock at the stream's door where it never opened.
function ask() {
  if (document.hidden) return;
  for (const region of findAll("[data-live][id]")) {
    const selector = `#${region.id}`;
    htmx.ajax("GET", location.href, { source: region, target: selector, select: selector, swap: "outerMorph" });
  }
  if (!stream._htmx?.sse) htmx.ajax("GET", "/events", { source: stream, target: stream, swap: "none" });
}

// While nobody looks, the title says how many songs have become ready.
const NEWS_EVERY = 20_000;
let watching = null;

function count() {
  const plain = document.title.replace(/^\(\d+\) /, "");
  clearInterval(watching);
  if (!document.hidden) {
    document.title = plain;
    return;
  }
  const since = Date.now();
  watching = setInterval(() => {
    askFor(`/player/news?since=${since}`)
      .then(({ ready }) => document.hidden && ready && (document.title = `(${ready}) ${plain}`))
      .catch(() => {});
  }, NEWS_EVERY);
}

if (stream) {
  document.addEventListener("visibilitychange", count);
  // The machine room has another stream, inside the page; what becomes of that says nothing about this one.
  stream.addEventListener("htmx:sse:after:connection", back);
  stream.addEventListener("htmx:sse:after:message", back);
  // A browser that is not signed in any more gets none; its page leads to the sign-in page when it is loaded anew.
  stream.addEventListener("htmx:sse:error", (event) => (event.detail.status === 401 ? location.reload() : lost()));
  stream.addEventListener("htmx:sse:close", lost);
  // A tab in the background lets go of its stream on purpose and takes it up again when it is looked at.
  document.addEventListener("visibilitychange", () => (document.hidden ? back() : lost()));
  lost();
}
