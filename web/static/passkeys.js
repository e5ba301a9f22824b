// Passkeys: a form with data-passkey is sent once a device has answered what that address asks for.
import { ask, find, findAll, onPage } from "./page.js";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
const text = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const named = (list) => list?.map((each) => ({ ...each, id: bytes(each.id) }));

async function make(options) {
  const user = { ...options.user, id: bytes(options.user.id) };
  const publicKey = { ...options, user, challenge: bytes(options.challenge), excludeCredentials: named(options.excludeCredentials) };
  const made = await navigator.credentials.create({ publicKey });
  return { made, response: { attestationObject: text(made.response.attestationObject), transports: made.response.getTransports?.() ?? [] } };
}

async function sign(options) {
  const made = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge) } });
  const { authenticatorData, signature, userHandle } = made.response;
  return { made, response: { authenticatorData: text(authenticatorData), signature: text(signature), userHandle: text(userHandle) } };
}

async function answer(form) {
  const options = await ask(form.dataset.passkey);
  const { made, response } = await (options.user ? make(options) : sign(options));
  response.clientDataJSON = text(made.response.clientDataJSON);
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response });
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-passkey]");
  if (!form || form.elements.passkey.value) return;
  event.preventDefault();
  const said = find("[data-passkey-said]", form);
  said.hidden = true;
  try {
    form.elements.passkey.value = await answer(form);
    form.submit();
  } catch (error) {
    // Whoever changes their mind need not be told; a script cannot tell that from a device that has nothing to offer.
    said.textContent = error.name === "InvalidStateError" ? said.dataset.known : said.dataset.none;
    said.hidden = false;
  }
});

// There is nothing to press where the browser has no passkeys, or has another opinion of where it is.
onPage(() => {
  for (const part of findAll("[data-passkey-origin]")) {
    part.hidden = !(window.PublicKeyCredential && isSecureContext && location.origin === part.dataset.passkeyOrigin);
  }
});
