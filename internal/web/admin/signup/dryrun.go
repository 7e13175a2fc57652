package signup

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// mostShown is how many people of a dry run have a line of their own on the page.
const mostShown = 200

// trial is a dry run on the page.
type trial struct {
	Connections []gatehouse.Connection
	Connectors  []gatehouse.Connector
	Connection  gatehouse.Connection // as it is
	NewPeople   string
	AutoLink    string // "", "true" or "false"
	Domains     string // of the field; "" = as it is
	From        string
	Problem     string // with the domains
	Groups      []group
	People      int
	Changed     int
	More        int // people without a line of their own
	Ran         bool
}

// group are the people of a dry run for whom the same comes out by the same rule.
type group struct {
	Outcome gatehouse.Outcome
	Rule    string
	Reason  string
	Count   int
	People  []users.Tried // as many as have a line of their own
}

// dryRun says what other rules would decide. It is a GET, since nothing is
// written, and can be kept as a bookmark.
func (s *SignUp) dryRun(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	q := r.URL.Query()
	t := trial{
		NewPeople: q.Get("new_people"), AutoLink: q.Get("auto_link_user"), Domains: q.Get("trusted_domains"),
		From: cmp.Or(q.Get("from"), users.TryIdentities),
	}
	t.Problem = problem(r.Context(), entries(t.Domains))
	err := s.Read(r, "a dry run", func(tx *store.Tx) error { return s.run(r.Context(), tx, q, &t) })
	if err != nil {
		return err
	}
	page := desk.Page("sign-up", i18n.Text(r.Context(), "Dry run"), by)
	return s.Render(w, r, page, trialBody(t))
}

func (s *SignUp) run(ctx context.Context, tx *store.Tx, q url.Values, t *trial) error {
	var err error
	if t.Connections, err = tx.Connections(); err != nil {
		return err
	}
	if t.Connectors, err = tx.Connectors(); err != nil {
		return err
	}
	name := q.Get("connection")
	at := slices.IndexFunc(t.Connections, func(c gatehouse.Connection) bool { return c.Name == name || c.ID == name })
	if at < 0 {
		if name != "" {
			return gatehouse.NotFound
		}
		return nil
	}
	t.Connection = t.Connections[at]
	if !q.Has("from") || t.Problem != "" {
		return nil
	}
	people, err := s.Users.PeopleOf(tx, t.Connection, t.From)
	if err != nil {
		return err
	}
	all, err := s.Users.DryRun(tx, t.proposed(), people)
	if err != nil {
		return err
	}
	t.take(ctx, all)
	return nil
}

// proposed is the connection with the rules that are tried.
func (t *trial) proposed() gatehouse.Connection {
	c := t.Connection
	if t.NewPeople != "" {
		c.Rules.SetNewPeople(gatehouse.NewPeople(t.NewPeople))
	}
	if t.AutoLink != "" {
		c.Rules.AutoLinkUser = t.AutoLink == "true"
	}
	if domains := entries(t.Domains); len(domains) > 0 {
		c.Rules.TrustedDomains = domains
	}
	return c
}

// take groups what came out, the largest groups first.
func (t *trial) take(ctx context.Context, all []users.Tried) {
	t.Ran, t.People = true, len(all)
	for i, one := range all {
		if one.Changed() {
			t.Changed++
		}
		reason := desk.Reason(ctx, one.Then)
		at := slices.IndexFunc(t.Groups, func(g group) bool {
			return g.Outcome == one.Then.Outcome && g.Rule == one.Then.Rule && g.Reason == reason
		})
		if at < 0 {
			t.Groups = append(t.Groups, group{Outcome: one.Then.Outcome, Rule: one.Then.Rule, Reason: reason})
			at = len(t.Groups) - 1
		}
		t.Groups[at].Count++
		if i < mostShown {
			t.Groups[at].People = append(t.Groups[at].People, one)
		} else {
			t.More++
		}
	}
	slices.SortStableFunc(t.Groups, func(a, b group) int { return cmp.Compare(b.Count, a.Count) })
}

// sources are where the people can be taken from.
func (t *trial) sources(ctx context.Context) []ui.Option {
	all := []ui.Option{
		{Value: users.TryIdentities, Label: i18n.Text(ctx, "Everybody who has come by it")},
		{Value: users.TryRefused, Label: i18n.Text(ctx, "Whoever was not let in lately")},
	}
	for _, c := range t.Connectors {
		all = append(all, ui.Option{Value: c.Key, Label: i18n.Text(ctx, "The accounts in %s", cmp.Or(c.Name, c.Key))})
	}
	return all
}

func (t *trial) connections() []ui.Option {
	var all []ui.Option
	for _, c := range t.Connections {
		all = append(all, ui.Option{Value: c.Name, Label: ui.ConnectionLabel(c)})
	}
	return all
}

// outcome is what would come of people, with how many they are.
func outcome(ctx context.Context, o gatehouse.Outcome, n int) string {
	count := func(one, many string) string { return ui.Count(ctx, int64(n), one, many) }
	switch o {
	case gatehouse.OutcomeSignedIn:
		return count("%d person would be signed in", "%d people would be signed in")
	case gatehouse.OutcomeLinked:
		return count("%d person would be linked to an account", "%d people would be linked to accounts")
	case gatehouse.OutcomeCreated:
		return count("%d person would get a new account", "%d people would get new accounts")
	case gatehouse.OutcomePending:
		return count("%d person would wait for approval", "%d people would wait for approval")
	case gatehouse.OutcomeRefused, gatehouse.OutcomeFailed, gatehouse.OutcomeTested:
	}
	return count("%d person would not be let in", "%d people would not be let in")
}

// named is somebody of a dry run.
func named(v gatehouse.Vouched) string {
	p := v.Profile
	return cmp.Or(p.Name, p.Username, p.Nickname, v.Subject)
}

// second is the line below.
func second(v gatehouse.Vouched) string {
	p := v.Profile
	var parts []string
	for _, s := range []string{p.Username, p.Email} {
		if s != "" && s != named(v) {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}
