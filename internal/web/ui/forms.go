package ui

import (
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
)

// longestForm bounds what a form of ours may send.
const longestForm = 64 << 10

// Form reads the fields of a form that was sent with POST; the query of the
// address is no part of it. Too much of it, or what is no form, is Invalid.
func Form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "The form is too large. Shorten what you entered, and send it again.").Because(err)
		}
		return nil, gatehouse.Errorf(gatehouse.Invalid, "The form could not be read. Go back, and send it again.").Because(err)
	}
	return r.PostForm, nil
}

// SeeOther sends the browser on to an own path after a form; "" = the start page.
func SeeOther(w http.ResponseWriter, path string) {
	if OwnPath(path) == "" {
		path = "/"
	}
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}
