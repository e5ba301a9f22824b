// The little that every part shares: finding elements, telling time, speaking, and knowing when a page has changed.

export const find = (selector, within = document) => within.querySelector(selector);
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

// What is said in the language of the page, which carries what scripts say by what they say in English.
const sentences = JSON.parse(find("meta[name=sentences]")?.content ?? "{}");
const fill = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (whole, name) => values[name] ?? whole);

export const _ = (sentence, values = {}) => fill(sentences[sentence] ?? sentence, values);
export const ngettext = (one, many, number) => fill((sentences[one] ?? [one, many])[Number(number) === 1 ? 0 : 1], { num: number });

// 187.4 seconds are 3:07, as web.drawing.clock has it.
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// A time ahead, as web.house.about says it.
export function about(seconds) {
  if (seconds < 10) return _("a few seconds");
  return seconds < 90 ? _("about %(number)s s", { number: Math.round(seconds / 5) * 5 }) : _("about %(number)s min", { number: Math.round(seconds / 60) });
}

// Speak a result to those who cannot see it.
export function say(text) {
  const region = find("#say");
  if (region) region.textContent = text;
}

// Run `action` now and whenever htmx has put something new into the page.
export function onPage(action) {
  action();
  document.addEventListener("htmx:after:swap", () => action());
}

// Tell the server something that no form says.
export function post(address, fields) {
  const headers = { "X-CSRFToken": find("meta[name=csrf-token]").content, Accept: "application/json" };
  return fetch(address, { method: "POST", headers, body: fields && new URLSearchParams(fields) });
}

export const ask = (address) => fetch(address, { headers: { Accept: "application/json" } }).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)));

// What this browser remembers of one person. Nothing breaks where it may not remember.
export function remember(name, value) {
  try {
    localStorage.setItem(`backline.${name}`, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden.
  }
}

export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(`backline.${name}`));
  } catch {
    return null;
  }
}

// Whose page this is; what one person left in this browser is not for the next.
export const viewer = find("[data-viewer]")?.dataset.viewer ?? "";
