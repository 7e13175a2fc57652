package wire

import (
	"net/http"
	"slices"
	"strings"
)

// Only lets the named methods through to next and answers 405 to all others.
func Only(next http.Handler, methods ...string) http.Handler {
	allow := strings.Join(methods, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", allow)
			(&Error{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "This address takes only " + allow + "."}).Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// CORS lets scripts of every origin call next, without cookies: what it guards
// is guarded by a token or a secret, or is public. It answers the browser's
// question before (OPTIONS) itself.
func CORS(next http.Handler, methods ...string) http.Handler {
	allow := strings.Join(methods, ", ")
	inner := Only(next, methods...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", allow)
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, X-Requested-With, X-CSRF-Token")
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		inner.ServeHTTP(w, r)
	})
}
