package ways

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// test goes to the provider as a sign-in would, to see what comes back.
func (a *Ways) test(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var c gatehouse.Connection
	err := a.Read(r, "the connection", func(tx *store.Tx) (err error) {
		c, err = find(tx, r)
		return err
	})
	if err != nil {
		return err
	}
	goTo, err := a.SignIn.Test(r.Context(), signin.Start{
		Connection: c.Name, UserID: by.ID, Locale: string(i18n.From(r.Context())), BrowserHash: a.Sessions.Browser(w, r),
	}, ui.ClientAddress(r))
	if err != nil {
		return err
	}
	w.Header().Set("Location", goTo)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// resultPage is what came of a test.
type resultPage struct {
	gatehouse.Connection
	Decision gatehouse.Decision
	By       gatehouse.User
}

func (a *Ways) result(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := resultPage{By: by}
	err := a.Read(r, "the test", func(tx *store.Tx) (err error) {
		if p.Connection, err = find(tx, r); err != nil {
			return err
		}
		p.Decision, err = tx.Decision(r.PathValue("decision"))
		return err
	})
	if err != nil {
		return err
	}
	if p.Decision.ConnectionID != p.ID || p.Decision.Rule != signin.RuleTest {
		return gatehouse.NotFound
	}
	page := desk.Page("connections", i18n.Text(r.Context(), "Test of %s", ui.ConnectionLabel(p.Connection)), by)
	page.FormAction = toProviders()
	return a.Render(w, r, page, resultBody(p))
}

// worked says whether the provider vouched for somebody.
func (p resultPage) worked() bool { return p.Decision.Outcome == gatehouse.OutcomeTested }

// would is what would have come of a sign-in.
func (p resultPage) would() gatehouse.Outcome {
	return gatehouse.Outcome(p.Decision.Facts[signin.FactTestOutcome])
}

// told are the facts that the provider told, found the others.
func (p resultPage) told() []desk.Option { return p.facts(true) }

func (p resultPage) found() []desk.Option { return p.facts(false) }

func (p resultPage) facts(told bool) []desk.Option {
	own := []string{signin.FactTestOutcome, signin.FactTestRule, signin.FactTestedBy, signin.FactTestUser, "connection"}
	return slices.DeleteFunc(desk.Facts(p.Decision), func(o desk.Option) bool {
		return slices.Contains(own, o.Name) || strings.HasPrefix(o.Name, "provider_") != told
	})
}

// summary is one sentence of what the test showed.
func (p resultPage) summary(ctx context.Context) string {
	switch p.would() {
	case gatehouse.OutcomeSignedIn:
		return i18n.Text(ctx, "This person would be signed in.")
	case gatehouse.OutcomeCreated:
		return i18n.Text(ctx, "An account would be made for this person.")
	case gatehouse.OutcomePending:
		return i18n.Text(ctx, "This person would have to wait for approval.")
	case gatehouse.OutcomeLinked:
		return i18n.Text(ctx, "This person would be signed in to the account that has their address.")
	case gatehouse.OutcomeRefused:
		return i18n.Text(ctx, "This person would be refused.")
	case gatehouse.OutcomeFailed, gatehouse.OutcomeTested:
	}
	return i18n.Text(ctx, "Nobody could be signed in.")
}
