package access

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestMatchRulesAndHand: rules come after identity and address; what a person
// said stays; a reset looks anew; each match says why.
func TestMatchRulesAndHand(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s, &play{failAt: -1})
		by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}
		var m Matches
		users := map[string]*gatehouse.User{
			"ann": {Username: "ann", State: gatehouse.UserActive, Email: "ann@example.com", EmailVerified: true},
			"bob": {Username: "bob", State: gatehouse.UserActive, Email: "bob@example.com"}, // not verified
			"cho": {Username: "cho", State: gatehouse.UserActive},
			"old": {Username: "old", State: gatehouse.UserMerged},
		}
		c := gatehouse.Connector{Key: "lab", Name: "Lab", Kind: "gitlab", URL: "https://lab.test", Enabled: true}
		company := gatehouse.Connection{Name: "company", Kind: "openid"}
		person := func(id, username string, identities ...gatehouse.AccountIdentity) gatehouse.Account {
			return gatehouse.Account{ID: id, Username: username, Name: username, Type: gatehouse.AccountPerson, Identities: identities}
		}
		bot := gatehouse.Account{ID: "9", Username: "ann", Name: "Bot", Type: gatehouse.AccountTokenBot}
		b.update(func(tx *store.Tx) error {
			errs := []error{tx.SaveConnector(&c), tx.SaveConnection(&company)}
			for _, u := range users {
				u.ID = ""
				errs = append(errs, tx.SaveUser(u))
			}
			errs = append(errs, tx.SaveIdentity(&gatehouse.Identity{UserID: users["cho"].ID, ConnectionID: company.ID, Subject: "uid-3"}))
			p := gatehouse.Pull{ConnectorID: c.ID, State: gatehouse.PullRunning}
			errs = append(errs, tx.SavePull(&p), tx.Stage(p.ID, store.Staged{Accounts: []gatehouse.Account{
				person("1", "Ann"), person("2", "bob"), person("3", "x", gatehouse.AccountIdentity{Provider: "oidc", Subject: "uid-3"}),
				person("4", "y", gatehouse.AccountIdentity{Provider: "saml", Subject: "ann@example.com"}),
				person("5", "z", gatehouse.AccountIdentity{Provider: "group_saml", Subject: users["bob"].ID}),
				person("6", "w", gatehouse.AccountIdentity{Provider: "saml", Subject: "bob@example.com"}),
				person("7", "old"), person("8", "v", gatehouse.AccountIdentity{Provider: "github", Subject: "ann@example.com"}), bot,
			}}))
			_, err := tx.FinishPull(c.ID, p.ID)
			return errors.Join(append(errs, err)...)
		})
		// again runs the matching as the job does, one account after the other.
		again := func() {
			t.Helper()
			b.update(func(tx *store.Tx) error {
				is, err := matchingOf(tx, c)
				if err != nil {
					return err
				}
				open, err := tx.UnmatchedAccounts(c.ID, store.Cursor{})
				for _, a := range open.Items {
					err = errors.Join(err, matchOne(tx, c, is, a))
				}
				return err
			})
		}
		resetAll := func(manual bool) (n int64) {
			t.Helper()
			b.update(func(tx *store.Tx) (err error) { // it may run more than once, beside the job that matches
				n, err = m.ResetAll(tx, by, c.ID, manual)
				return err
			})
			return n
		}
		are := func(want map[string]string) {
			t.Helper()
			got := map[string]string{}
			err := s.View(t.Context(), func(tx *store.Tx) error {
				all, err := tx.Accounts(c.ID, store.AccountFilter{}, store.Cursor{})
				for _, a := range all.Items {
					for name, u := range users {
						if u.ID == a.UserID {
							got[a.ID] = strings.TrimSpace(name + " by " + a.Match + ": " + a.MatchNote)
						}
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		again()
		company4, company5 := "ann by identity: saml: ann@example.com", "bob by identity: group_saml: "+users["bob"].ID
		are(map[string]string{"4": company4, "5": company5})

		rules := "# by what the company calls them\nidentity.company = account.identities.oidc\n\nemail = lower(account.username) + \"@example.com\"\nusername = account.username\n"
		b.update(func(tx *store.Tx) error {
			parsed, err := ParseMatchRules(rules)
			return errors.Join(err, m.SetRules(tx, by, c.ID, parsed))
		})
		again()
		ruled := map[string]string{
			"1": `ann by rule: email = lower(account.username) + "@example.com"`, "2": "bob by rule: username = account.username",
			"3": "cho by rule: identity.company = account.identities.oidc", "4": company4, "5": company5,
		}
		are(ruled)

		b.update(func(tx *store.Tx) error {
			return errors.Join(
				m.Set(tx, by, c.ID, "1", users["cho"].ID, " as she says "), m.Set(tx, by, c.ID, "9", users["ann"].ID, ""))
		})
		again()
		byHand := map[string]string{"1": "cho by manual: as she says", "2": ruled["2"], "3": ruled["3"], "4": company4, "5": company5, "9": "ann by manual:"}
		are(byHand)

		b.update(func(tx *store.Tx) error { return m.SetRules(tx, by, c.ID, nil) })
		again()
		are(map[string]string{"1": byHand["1"], "4": company4, "5": company5, "9": byHand["9"]})

		if n := resetAll(false); n != 2 {
			t.Errorf("%d matches forgotten, want 2: those by hand stay", n)
		}
		again()
		are(map[string]string{"1": byHand["1"], "4": company4, "5": company5, "9": byHand["9"]})
		b.update(func(tx *store.Tx) error { return m.Reset(tx, by, c.ID, "4") })
		b.update(func(tx *store.Tx) error { return m.Reset(tx, by, c.ID, "9") })
		are(map[string]string{"1": byHand["1"], "4": company4, "5": company5})
		if n := resetAll(true); n != 3 {
			t.Errorf("%d matches forgotten, want 3", n)
		}
		again()
		are(map[string]string{"4": company4, "5": company5})

		for name, tt := range map[string]struct {
			do   func(tx *store.Tx) error
			want gatehouse.ErrorKind
		}{
			"AUserWhoWent":   {func(tx *store.Tx) error { return m.Set(tx, by, c.ID, "1", users["old"].ID, "") }, gatehouse.Conflict},
			"NoSuchAccount":  {func(tx *store.Tx) error { return m.Set(tx, by, c.ID, "77", users["ann"].ID, "") }, gatehouse.NotFound},
			"NoSuchUser":     {func(tx *store.Tx) error { return m.Set(tx, by, c.ID, "1", "nobody", "") }, gatehouse.NotFound},
			"ALongNote":      {func(tx *store.Tx) error { return m.Set(tx, by, c.ID, "1", users["ann"].ID, strings.Repeat("好", 501)) }, gatehouse.Invalid},
			"UnverifiedIsNo": {func(tx *store.Tx) error { _, err := m.User(tx, "bob@example.com"); return err }, gatehouse.Invalid},
			"VerifiedIs":     {func(tx *store.Tx) error { _, err := m.User(tx, "ANN@example.com"); return err }, ""},
			"ByUsername":     {func(tx *store.Tx) error { _, err := m.User(tx, " @bob "); return err }, ""},
			"ResetOfNothing": {func(tx *store.Tx) error { return m.Reset(tx, by, c.ID, "77") }, gatehouse.NotFound},
			"UnknownCompany": {func(tx *store.Tx) error {
				return m.SetRules(tx, by, c.ID, []gatehouse.MatchRule{{Field: "identity.none", Expression: "account.id"}})
			}, gatehouse.Invalid},
			"UnknownConnector": {func(tx *store.Tx) error { return m.SetRules(tx, by, "none", nil) }, gatehouse.NotFound},
		} {
			err := s.Update(t.Context(), tt.do)
			if gatehouse.KindOf(err) != tt.want {
				t.Errorf("%s: %v, want %q", name, err, tt.want)
			}
		}
	})
}

func TestMatchRulesThatAreWrongAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"NoRule":        {"id = account.id\nhello", "Line 2 is not a rule"},
		"UnknownField":  {"name = account.name", `not found by "name"`},
		"NoConnection":  {"identity. = account.id", "not found by"},
		"NoExpression":  {"email = ", "Rule 1 is not an expression"},
		"BadExpression": {"id = account.id\nemail = lower(", "Rule 2 is not an expression"},
		"OtherVariable": {"email = claims.email", "Rule 1 is not an expression"},
		"Environment":   {"email = account.email matches account.name ? \"a\" : \"b\"", "Rule 1 is not an expression"},
		"TooLong":       {"email = \"" + strings.Repeat("x", 2000) + "\"", "at most 2000 characters"},
		"TooMany":       {strings.Repeat("id = account.id\n", MaxMatchRules+1), "too many rules"},
	} {
		rules, err := ParseMatchRules(tt.text)
		if err == nil {
			_, err = compileRules(rules)
		}
		if gatehouse.KindOf(err) != gatehouse.Invalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	rules, err := ParseMatchRules("# none\r\n\r\nid = account.identities.saml == nil ? \"\" : account.identities.saml\r\n")
	if err != nil || RuleLines(rules) != "id = account.identities.saml == nil ? \"\" : account.identities.saml\n" {
		t.Errorf("%v %q", err, RuleLines(rules))
	}
}
