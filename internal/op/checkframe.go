package op

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
)

// checkPath is the check_session_iframe.
const checkPath = "/oauth/session/check"

// checkScript answers what a client asks the frame: "client_id session_state". It
// makes the same hash as stateHash of what the browser's state is now.
const checkScript = `"use strict";
addEventListener("message", async function (e) {
  if (e.source === null || e.source === window || typeof e.data !== "string") return;
  const cut = e.data.lastIndexOf(" ");
  const id = e.data.slice(0, cut), was = e.data.slice(cut + 1), dot = was.lastIndexOf(".");
  let answer = "error";
  if (cut > 0 && dot > 0 && e.origin !== "null") {
    const found = /(?:^|; )(?:__Host-)?gatehouse_state=([0-9a-f]*)/.exec(document.cookie);
    const text = [id, e.origin, found === null ? "" : found[1], was.slice(dot + 1)].join(" ");
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    const hex = Array.from(sum, function (b) { return b.toString(16).padStart(2, "0"); }).join("");
    answer = hex === was.slice(0, dot) ? "unchanged" : "changed";
  }
  e.source.postMessage(answer, e.origin === "null" ? "*" : e.origin);
});
`

// stateHash is the part of a session state before its salt.
func stateHash(clientID, origin, state, salt string) string {
	sum := sha256.Sum256([]byte(clientID + " " + origin + " " + state + " " + salt))
	return hex.EncodeToString(sum[:])
}

// checkFrame answers with the page of the check_session_iframe (OpenID Connect
// Session Management 1.0 section 3.2). Any site may show it in a frame; it runs
// its one script, allowed by its hash, and loads nothing.
func checkFrame(w http.ResponseWriter, _ *http.Request) {
	sum := sha256.Sum256([]byte(checkScript))
	h := w.Header()
	h.Del("X-Frame-Options")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(metadataLife))
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'")
	_, _ = w.Write([]byte("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Session</title></head><body><script>" + checkScript + "</script></body></html>"))
}
