// After a page has changed in place: mark it in the navigation and let the keyboard begin at its top. Where no answer came, say so.
import { _, find, findAll } from "./page.js";

let address = location.pathname;

document.addEventListener("htmx:after:swap", () => {
  if (location.pathname === address) return;
  arrive();
});
document.addEventListener("htmx:after:history:update", () => arrive());

function arrive() {
  const moved = location.pathname !== address;
  address = location.pathname;
  for (const link of findAll(".side a, .tabs a")) {
    const place = new URL(link.href).pathname;
    if (link.matches("[data-place]") && (place === address || (place === "/admin" && address.startsWith("/admin/")))) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (moved) find("#main")?.focus({ preventScroll: true });
}

// A list that was followed to its third page is as long again for whoever comes back to it: so they find their place.
document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  const pages = history.state?.pages ?? 1;
  if (event.target.closest("#more")) history.replaceState({ htmx: true, ...history.state, pages: pages + 1 }, "");
  else if (request.headers["HX-History-Restore-Request"] && pages > 1) request.action += `${request.action.includes("?") ? "&" : "?"}pages=${pages}`;
});

const NOTICE_STANDS = 8000; // milliseconds

document.addEventListener("htmx:error", (event) => {
  const notice = find("#notice");
  if (!notice || event.target.closest("#live, [data-live]")) return;
  notice.textContent = _("The studio does not answer. Try again in a moment.");
  notice.hidden = false;
  setTimeout(() => (notice.hidden = true), NOTICE_STANDS);
});
