package desk

import (
	"bytes"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestTrouble(t *testing.T) {
	t.Parallel()
	told := func(o gatehouse.Outcome, facts ...string) gatehouse.Decision {
		d := gatehouse.Decision{Outcome: o, Facts: map[string]string{}}
		for i := 0; i < len(facts); i += 2 {
			d.Facts[facts[i]] = facts[i+1]
		}
		return d
	}
	lacks := told(gatehouse.OutcomeFailed, "missing_permission", "Contact.User.Read", "permission_link", "https://vendor.example/apply")
	lacksGroups := told(gatehouse.OutcomeSignedIn, "provider_missing_permission", "qyapi_get_department_list")
	fine, refused := told(gatehouse.OutcomeSignedIn), told(gatehouse.OutcomeRefused)
	for name, c := range map[string]struct {
		newest     []gatehouse.Decision
		permission string
		address    string
		harmless   bool
	}{
		"NothingYet":                  {nil, "", "", false},
		"AllIsWell":                   {[]gatehouse.Decision{fine}, "", "", false},
		"NobodyGetsIn":                {[]gatehouse.Decision{lacks, fine}, "Contact.User.Read", "", false},
		"MendedMeanwhile":             {[]gatehouse.Decision{fine, lacks}, "", "", false},
		"ARefusalMendsNothing":        {[]gatehouse.Decision{refused, refused, lacks}, "Contact.User.Read", "", false},
		"PeopleGetInAllTheSame":       {[]gatehouse.Decision{lacksGroups}, "qyapi_get_department_list", "", true},
		"CallsAreNotTaken":            {[]gatehouse.Decision{told(gatehouse.OutcomeFailed, "server_address", "203.0.113.9")}, "", "203.0.113.9", false},
		"AScriptIsNoLink":             {[]gatehouse.Decision{told(gatehouse.OutcomeFailed, "missing_permission", "x", "permission_link", "javascript:alert(1)")}, "x", "", false},
		"ATestThatWentWellMendsItToo": {[]gatehouse.Decision{told(gatehouse.OutcomeTested), lacks}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := trouble(c.newest)
			if got.Permission != c.permission || got.Address != c.address || !got.Nothing() && got.Harmless() != c.harmless {
				t.Errorf("%+v", got)
			}
			if got.Link != "" && got.Link != "https://vendor.example/apply" {
				t.Errorf("the link is %q", got.Link)
			}
			var page bytes.Buffer
			if err := TroubleAlert(got).Render(t.Context(), &page); err != nil {
				t.Fatal(err)
			}
			if (page.Len() == 0) != got.Nothing() || !strings.Contains(page.String(), c.permission) || strings.Contains(page.String(), "javascript:") {
				t.Errorf("%s", page.String())
			}
		})
	}
}

func TestTroubleOf_LooksAtTheConnectionAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			for _, d := range []gatehouse.Decision{
				{Reference: "A", ConnectionID: "one", Outcome: gatehouse.OutcomeFailed, Facts: map[string]string{"missing_permission": "read"}},
				{Reference: "B", ConnectionID: "two", Outcome: gatehouse.OutcomeSignedIn},
			} {
				if err := tx.SaveDecision(&d); err != nil {
					return err
				}
			}
			one, err := TroubleOf(tx, "one")
			if err != nil || one.Permission != "read" || one.Decision.Reference != "A" {
				t.Errorf("%+v, %v", one, err)
			}
			two, err := TroubleOf(tx, "two")
			if err != nil || !two.Nothing() {
				t.Errorf("%+v, %v", two, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
