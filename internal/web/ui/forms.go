package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

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

// Seen is the field "seen" of a form: the state that it was made of, by the
// moment of the last change. SeenAt reads it again.
func Seen(changed time.Time) string { return strconv.FormatInt(changed.UnixMilli(), 10) }

// SeenAt is the state that a form was made of, by the moment of the last change;
// the zero time when the form does not say it.
func SeenAt(form url.Values) time.Time {
	ms, err := strconv.ParseInt(form.Get("seen"), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
