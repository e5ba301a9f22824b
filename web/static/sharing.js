// Copying the address of a song.
import { _, say } from "./page.js";

const SAID_FOR = 2500; // milliseconds

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const word = button.querySelector("[data-copy-word]");
  const address = new URL(button.dataset.copy, location.href).href;
  try {
    await navigator.clipboard.writeText(address);
    word.textContent = _("Copied");
    say(_("The link is copied."));
  } catch {
    // Browsers give the clipboard to https and to this machine only; by hand it always works.
    prompt(_("Copy this link:"), address);
  }
  setTimeout(() => (word.textContent = _("Copy link")), SAID_FOR);
});
