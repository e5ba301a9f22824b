// Whether the page is live. When its event stream has been silent for a while the lamp says so, and the page asks by itself.
import { find, findAll } from "./page.js";

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

if (stream) {
  document.addEventListener("htmx:sse:after:connection", back);
  document.addEventListener("htmx:sse:after:message", back);
  document.addEventListener("htmx:sse:error", lost);
  document.addEventListener("htmx:sse:close", lost);
  // A tab in the background lets go of its stream on purpose and takes it up again when it is looked at.
  document.addEventListener("visibilitychange", () => (document.hidden ? back() : lost()));
  lost();
}
