package apps

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"gatehouse"
)

const redacted = "[redacted]"

// minSecret keeps a mistyped secret of one letter from making a log unreadable.
const minSecret = 4

// redact takes an app's own secrets out of a text, as they are and as they
// stand in an address.
func redact(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) < minSecret {
			continue
		}
		text = strings.ReplaceAll(text, s, redacted)
		if e := url.QueryEscape(s); e != s {
			text = strings.ReplaceAll(text, e, redacted)
		}
		if e := url.PathEscape(s); e != s {
			text = strings.ReplaceAll(text, e, redacted)
		}
	}
	return text
}

// hush takes the secrets out of an error. An error without any stays what it
// is; one that has some keeps its kind and its sentence, and loses its chain.
func hush(err error, secrets []string) error {
	if err == nil || redact(err.Error(), secrets) == err.Error() {
		return err
	}
	quiet := errors.New(redact(err.Error(), secrets))
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return quiet
	}
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		if args[i] = a; redact(fmt.Sprint(a), secrets) != fmt.Sprint(a) {
			args[i] = redacted
		}
	}
	return &gatehouse.Error{Kind: e.Kind, Message: e.Message, Args: args, Cause: quiet}
}

// redacting is a log handler that takes an app's own secrets out of what the
// app's kind writes.
type redacting struct {
	slog.Handler
	secrets []string
}

// Handle takes the secrets out of the message and the values.
func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, redact(r.Message, h.secrets), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs keeps redacting.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return redacting{h.Handler.WithAttrs(clean), h.secrets}
}

// WithGroup keeps redacting.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.secrets}
}

func (h redacting) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		parts := make([]slog.Attr, len(v.Group()))
		for i, p := range v.Group() {
			parts[i] = h.attr(p)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(parts...)}
	}
	if v.Kind() == slog.KindString || v.Kind() == slog.KindAny { // the others are numbers and times
		text := v.String()
		if clean := redact(text, h.secrets); clean != text {
			return slog.String(a.Key, clean)
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
