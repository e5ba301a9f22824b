// The form that makes songs: a draft that survives everything, counters, and buttons that write into its fields.
import { _, about, clock, find, findAll, ngettext, onPage, recall, remember, viewer } from "./page.js";

const SYLLABLES_A_WORD = 1.3;
const SYLLABLES_A_SECOND = 1.9;

const draftName = () => `draft.${viewer}`;
const fields = (form) => [...form.elements].filter((field) => field.name && field.type !== "hidden" && field.type !== "submit");
const isChoice = (field) => field.type === "checkbox" || field.type === "radio";

function saveDraft(form) {
  const chosen = fields(form).filter((field) => !isChoice(field) || field.checked);
  remember(draftName(), Object.fromEntries(chosen.map((field) => [field.name, field.value])));
}

// Fill in what was left here, but never over what the server has sent back as wrong or has filled in itself.
function restoreDraft(form) {
  const draft = recall(draftName());
  if (!draft || form.dataset.restored || find("[aria-invalid]", form) || /[?&](like|made)=/.test(location.search)) return;
  for (const field of fields(form)) {
    if (field.type === "radio") field.checked = draft[field.name] === undefined ? field.checked : draft[field.name] === field.value;
    else if (field.type === "checkbox") field.checked = field.name in draft;
    else if (draft[field.name] !== undefined) field.value = draft[field.name];
  }
}

function count(form) {
  for (const output of findAll("output[for]", form)) {
    const [field, ...others] = [...output.htmlFor].map((name) => form.elements[name]);
    if (!field) continue;
    const product = others.reduce((value, other) => value * other.value, Number(field.value));
    const { pace, price, takes } = output.dataset;
    output.value = field.value;
    if (pace) output.value = about(pace * product);
    if (price) output.value = creditsOf(price * field.value);
    if (takes !== undefined) output.value = takesOf(field.value);
    if (output.dataset.clock !== undefined) {
      output.value = clock(field.value);
      field.setAttribute("aria-valuetext", output.value);
    }
  }
  for (const said of findAll("button [data-takes]", form)) said.textContent = takesOf(form.elements.takes.value);
  for (const hint of findAll("[data-words-of]", form)) hint.textContent = aboutWords(find(hint.dataset.wordsOf, form).value, form);
  for (const hint of findAll("[data-left-of]", form)) {
    const field = find(hint.dataset.leftOf, form);
    const left = field.maxLength - field.value.length;
    hint.textContent = left < field.maxLength * 0.2 ? _("%(number)s characters left", { number: left.toLocaleString() }) : "";
  }
}

const takesOf = (number) => ngettext("%(num)s take", "%(num)s takes", number);
const creditsOf = (number) => ngettext("%(num)s credit", "%(num)s credits", number);

function aboutWords(text, form) {
  const sections = (text.match(/^\s*\[[^\]\n]+\]\s*$/gm) ?? []).length;
  const words = (text.replace(/\[[^\]\n]*\]/g, " ").match(/\S+/g) ?? []).length;
  if (!words) return _("Sections in square brackets, one line a sung line.");
  const seconds = (words * SYLLABLES_A_WORD) / SYLLABLES_A_SECOND;
  const length = Number(form.elements.duration?.value);
  const told = [sections && ngettext("%(num)s section", "%(num)s sections", sections), ngettext("%(num)s word", "%(num)s words", words)];
  const long = length && seconds > length;
  const times = { time: clock(seconds), length: clock(length) };
  told.push(long ? _("sings in about %(time)s, length is %(length)s", times) : _("sings in about %(time)s", times));
  return told.filter(Boolean).join(" · ");
}

function insert(field, text) {
  const before = field.value.slice(0, field.selectionEnd);
  const gap = !before ? "" : before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  field.setRangeText(`${gap}${text}\n`, field.selectionEnd, field.selectionEnd, "end");
  field.focus();
  changed(field);
}

function append(field, text) {
  field.value = field.value.trim() ? `${field.value.trim().replace(/,$/, "")}, ${text}` : text;
  changed(field);
}

const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.matches(".desk")) return;
  saveDraft(form);
  count(form);
  hideTaken(form);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest(".desk [data-insert], .desk [data-add]");
  if (!button) return;
  const field = find(button.dataset.into, button.form ?? button.closest("form"));
  if (button.dataset.insert) insert(field, button.dataset.insert);
  else {
    append(field, button.textContent.trim());
    field.focus();
  }
});

// The list is searched once the typing has paused.
const PAUSE = 250; // milliseconds
let searching = null;

document.addEventListener("input", (event) => {
  const search = event.target.closest("form[data-search]");
  if (!search) return;
  clearTimeout(searching);
  searching = setTimeout(() => search.requestSubmit(), PAUSE);
});

// A suggestion that the field has already is none.
function hideTaken(form) {
  for (const chip of findAll("[data-add]", form)) chip.hidden = find(chip.dataset.into, form).value.includes(chip.textContent.trim());
}

onPage(() => {
  const form = find("form.desk");
  if (!form) return;
  restoreDraft(form);
  form.dataset.restored = "yes";
  count(form);
  hideTaken(form);
});
