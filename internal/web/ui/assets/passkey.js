// Forms that are answered by a passkey. Such a form has data-passkey ("create" or
// "get"), data-begin (where the question is asked) and a hidden field named
// credential, which the answer goes into; then the form is sent as any other.
// With data-autofill, the browser also offers passkeys in the field for the
// username (autocomplete="username webauthn"), without asking before.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const describe = (list) => (list || []).map((c) => ({ ...c, id: bytes(c.id) }));

  const question = (options) => {
    const key = { ...options, challenge: bytes(options.challenge) };
    if (options.user) key.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) key.excludeCredentials = describe(options.excludeCredentials);
    if (options.allowCredentials) key.allowCredentials = describe(options.allowCredentials);
    return { publicKey: key };
  };

  const answer = (credential) => {
    const r = credential.response;
    const out = { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: { clientDataJSON: text(r.clientDataJSON) } };
    if (r.attestationObject) {
      out.response.attestationObject = text(r.attestationObject);
      out.response.transports = r.getTransports ? r.getTransports() : [];
    } else {
      out.response.authenticatorData = text(r.authenticatorData);
      out.response.signature = text(r.signature);
      if (r.userHandle) out.response.userHandle = text(r.userHandle);
    }
    return JSON.stringify(out);
  };

  const options = async (form) => {
    const begun = await fetch(form.dataset.begin, {
      method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(form)),
    });
    const told = await begun.json();
    if (!begun.ok) throw new Error(told.detail || "");
    return question(told);
  };

  const ask = async (form) => {
    const how = await options(form);
    return form.dataset.passkey === "create" ? navigator.credentials.create(how) : navigator.credentials.get(how);
  };

  const send = (form, credential) => {
    form.elements.credential.value = answer(credential);
    form.submit();
  };

  // A question is good for five minutes, so it is asked anew before. Only one can
  // be open: offering ends the one before, and so does the button.
  const renew = 4 * 60 * 1000;
  let offered = null;
  const withdraw = () => {
    if (offered) offered.abort();
    offered = null;
  };
  const offer = async (form) => {
    if (!form.hasAttribute("data-autofill") || !PublicKeyCredential.isConditionalMediationAvailable) return;
    if (!(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    withdraw();
    const mine = new AbortController();
    offered = mine;
    const again = setTimeout(() => offered === mine && offer(form), renew);
    try {
      const how = await options(form);
      if (offered !== mine) return;
      send(form, await navigator.credentials.get({ ...how, mediation: "conditional", signal: mine.signal }));
    } catch {
      // Nobody asked for it, so nobody is told.
    } finally {
      if (offered !== mine) clearTimeout(again);
    }
  };

  const say = (form, sentence) => {
    const place = form.querySelector("[data-problem]");
    if (place) {
      place.textContent = sentence;
      place.hidden = sentence === "";
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential || !navigator.credentials) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      say(form, "");
      withdraw();
      const button = form.querySelector("button[type=submit]");
      if (button) button.disabled = true;
      try {
        send(form, await ask(form));
        return;
      } catch (e) {
        // NotAllowedError is what browsers say when the person said no.
        say(form, e instanceof DOMException || !e.message ? form.dataset.failed || "" : e.message);
      }
      if (button) button.disabled = false;
      offer(form);
    });
    offer(form);
  }
})();
