package signin

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
)

func TestProviderFaults(t *testing.T) {
	t.Parallel()
	type finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error)
	fails := func(err error) finish {
		return func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
			return gatehouse.Vouched{Subject: "alice"}, err
		}
	}
	vouches := func(v gatehouse.Vouched) finish {
		return func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) { return v, nil }
	}
	failed, refused := gatehouse.OutcomeFailed, gatehouse.OutcomeRefused
	tests := map[string]struct {
		values  url.Values
		finish  finish
		outcome gatehouse.Outcome
		rule    string
		kind    gatehouse.ErrorKind
	}{
		"AccessDenied":       {url.Values{"error": {"access_denied"}, "code": {"alice"}}, nil, refused, "provider_denied", gatehouse.Forbidden},
		"ServerError":        {url.Values{"error": {"server_error"}}, nil, failed, "provider_error", gatehouse.Upstream},
		"H12 MarkupAsError":  {url.Values{"error": {"<script>alert(1)</script>"}, "error_description": {"<b>\x00"}}, nil, failed, "provider_error", gatehouse.Upstream},
		"RefusesThePerson":   {nil, fails(gatehouse.Errorf(gatehouse.Forbidden, "Only people of %s may sign in.", "the company")), refused, "provider", gatehouse.Forbidden},
		"SentenceWithNumber": {nil, fails(gatehouse.Errorf(gatehouse.Forbidden, "At most %d groups.", 5)), refused, "provider", gatehouse.Forbidden},
		"AnswerIsNone":       {nil, fails(gatehouse.Errorf(gatehouse.Invalid, "No code.")), failed, "provider", gatehouse.Invalid},
		"CannotBeReached":    {nil, fails(gatehouse.Errorf(gatehouse.Unavailable, "Not reached.")), failed, "provider", gatehouse.Unavailable},
		"Garbage":            {nil, fails(errors.New("invalid character '<'")), failed, "provider", gatehouse.Upstream},
		"EmptySubject":       {nil, vouches(gatehouse.Vouched{}), failed, "provider", gatehouse.Upstream},
		"UnusableSubject":    {nil, vouches(gatehouse.Vouched{Subject: "a\x00b"}), failed, "subject", gatehouse.Upstream},
		"Panic": {nil, func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
			panic("nil pointer")
		}, failed, "provider", gatehouse.Upstream},
		"TimeOut": {nil, func(ctx context.Context, _ gatehouse.Attempt, _ url.Values) (gatehouse.Vouched, error) {
			return gatehouse.Vouched{}, context.DeadlineExceeded
		}, failed, "provider", gatehouse.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := one(t)
			w.fake.finish = tt.finish
			a := answer(w.begin(Start{}), "alice")
			for k, v := range tt.values {
				a.Values[k] = v
			}
			r := w.refused(a, tt.outcome, tt.rule, tt.kind)
			for _, s := range append([]string{r.Err.Sentence(), r.Decision.Reason}, r.Decision.Args...) {
				if strings.ContainsAny(s, "<>\x00") || strings.Contains(s, "%!") {
					t.Errorf("text of a stranger: %q", s)
				}
			}
			if tt.values != nil && w.fake.asked() != 0 {
				t.Error("the provider was asked although it had said no")
			}
			w.fake.finish = nil
			w.finish(answer(w.begin(Start{}), "alice")) // and the next time it works
		})
	}
	t.Run("BrowserThatLeftLeavesADecision", func(t *testing.T) {
		t.Parallel()
		w, _ := one(t)
		ctx, leave := context.WithCancel(t.Context())
		w.fake.finish = func(ctx context.Context, _ gatehouse.Attempt, _ url.Values) (gatehouse.Vouched, error) {
			leave()
			<-ctx.Done()
			return gatehouse.Vouched{}, ctx.Err()
		}
		_, err := w.Finish(ctx, answer(w.begin(Start{}), "alice"))
		var r *Refused
		if !errors.As(err, &r) || r.Decision.Outcome != failed || r.Decision.Reference == "" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("BeginFails", func(t *testing.T) {
		t.Parallel()
		w, _ := one(t)
		w.fake.begin = func(context.Context, gatehouse.Attempt) (string, error) { return "", errors.New("no discovery") }
		_, err := w.Begin(t.Context(), Start{Connection: "one", BrowserHash: browser})
		var r *Refused
		if !errors.As(err, &r) || r.Decision.Outcome != failed || len(r.Decision.Reference) != 8 {
			t.Errorf("got %v", err)
		}
	})
}
