package reach_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/reach"
)

var judged = time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)

func ago(days int) time.Time { return judged.AddDate(0, 0, -days) }

func human(id string, change ...func(*gatehouse.Account)) gatehouse.Account {
	a := gatehouse.Account{
		ID: id, Username: id, Name: id, Type: gatehouse.AccountPerson, State: "active", UserID: "u-" + id,
		CreatedAt: ago(400), LastSignInAt: ago(3), LastActiveAt: ago(2),
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func owner(account string, on gatehouse.ResourceID, until ...time.Time) gatehouse.Grant {
	g := gatehouse.Grant{AccountID: account, ResourceID: on, Role: gatehouse.Role{Level: 50}}
	if len(until) > 0 {
		g.ExpiresAt = until[0]
	}
	return g
}

func groupAt(id gatehouse.ResourceID, parent gatehouse.ResourceID) gatehouse.Resource {
	return gatehouse.Resource{ID: id, Parent: parent, Kind: gatehouse.ResourceGroup, Path: "p/" + string(id)}
}

// brief is a finding in a word: kind, account, resource.
func brief(all []gatehouse.Finding) []string {
	var words []string
	for _, f := range all {
		words = append(words, string(f.Kind)+" "+f.AccountID+" "+string(f.ResourceID))
	}
	return words
}

func TestFindings_OfAccounts(t *testing.T) {
	t.Parallel()
	was := func(signed, active time.Time) func(*gatehouse.Account) {
		return func(a *gatehouse.Account) { a.LastSignInAt, a.LastActiveAt = signed, active }
	}
	typed := func(as gatehouse.AccountType) func(*gatehouse.Account) {
		return func(a *gatehouse.Account) { a.Type, a.UserID = as, "" }
	}
	nobodys := func(a *gatehouse.Account) { a.UserID = "" }
	outside := func(a *gatehouse.Account) { a.External = true }
	for name, c := range map[string]struct {
		account gatehouse.Account
		level   int
		kind    string
		user    reach.UserStanding
		until   time.Time
		want    []string
	}{
		"All is well":                         {account: human("a"), level: 50},
		"Nobody's":                            {account: human("a", nobodys), want: []string{"orphaned a "}},
		"Nobody's and blocked":                {account: human("a", nobodys, func(a *gatehouse.Account) { a.State = "ldap_blocked" })},
		"A directory's own":                   {account: human("a", nobodys), kind: "dingtalk"},
		"Left":                                {account: human("a"), user: reach.UserStanding{Left: true}, want: []string{"left a "}},
		"Left and blocked there":              {account: human("a", func(a *gatehouse.Account) { a.State = "blocked" }), user: reach.UserStanding{Left: true}},
		"A bot of nobody":                     {account: human("a", typed(gatehouse.AccountTokenBot)), want: []string{"unowned_bot a "}},
		"A service account of nobody":         {account: human("a", typed(gatehouse.AccountService)), want: []string{"unowned_bot a "}},
		"A bot of somebody":                   {account: human("a", func(a *gatehouse.Account) { a.Type = gatehouse.AccountService })},
		"The app's own bot":                   {account: human("a", typed(gatehouse.AccountInternal))},
		"Outside, low role":                   {account: human("a", outside), level: 30},
		"Outside, high role":                  {account: human("a", outside), level: 40, want: []string{"external_high a "}},
		"Outside by our own word":             {account: human("a"), user: reach.UserStanding{External: true}, level: 40, want: []string{"external_high a "}},
		"Outside, a role unknown to us":       {account: human("a", outside), level: 45, want: []string{"external_high a "}},
		"Outside, the role has ended":         {account: human("a", outside), level: 40, until: ago(1)},
		"Signed in long ago, active just now": {account: human("a", was(ago(200), ago(1))), level: 50},
		"Active long ago, signed in just now": {account: human("a", was(ago(1), ago(200))), level: 50},
		"Neither moved":                       {account: human("a", was(ago(91), ago(200))), level: 50, want: []string{"dormant_owner a "}},
		"Neither moved, for just so long":     {account: human("a", was(ago(90), ago(200))), level: 50},
		"Neither moved, but no owner":         {account: human("a", was(ago(91), ago(200))), level: 40},
		"Never there":                         {account: human("a", was(time.Time{}, time.Time{})), level: 50, want: []string{"dormant_owner a "}},
		"Never there, but new": {account: human("a", was(time.Time{}, time.Time{}), func(a *gatehouse.Account) {
			a.CreatedAt = ago(5)
		}), level: 50},
		"Ends soon":       {account: human("a"), level: 30, until: ago(-30), want: []string{"expiring_access a group/1"}},
		"Ends later":      {account: human("a"), level: 30, until: ago(-31)},
		"Ended":           {account: human("a"), level: 30, until: ago(0)},
		"A bot ends soon": {account: human("a", func(a *gatehouse.Account) { a.Type = gatehouse.AccountTokenBot }), level: 30, until: ago(-3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := reach.Facts{
				Kind: c.kind, Now: judged, Accounts: []gatehouse.Account{human("boss"), c.account},
				Resources: []gatehouse.Resource{groupAt("group/1", "")},
				Grants:    []gatehouse.Grant{owner("boss", "group/1")},
				Users:     map[string]reach.UserStanding{"u-a": c.user},
			}
			if c.level > 0 {
				f.Grants = append(f.Grants, gatehouse.Grant{AccountID: "a", ResourceID: "group/1", Role: gatehouse.Role{Level: c.level}, ExpiresAt: c.until})
			}
			if d := cmp.Diff(c.want, brief(f.Findings())); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}

func TestFindings_NobodyIsDormantWhereNoDatesAreShown(t *testing.T) {
	t.Parallel()
	blind := func(a *gatehouse.Account) { a.LastSignInAt, a.LastActiveAt = time.Time{}, time.Time{} }
	f := reach.Facts{
		Now: judged, Accounts: []gatehouse.Account{human("a", blind), human("b", blind)},
		Resources: []gatehouse.Resource{groupAt("group/1", "")}, Grants: []gatehouse.Grant{owner("a", "group/1"), owner("b", "group/1")},
	}
	if got := f.Findings(); len(got) > 0 {
		t.Errorf("findings %v", brief(got))
	}
}

func TestFindings_OfGroups(t *testing.T) {
	t.Parallel()
	invited := func(to gatehouse.ResourceID, level int, until ...time.Time) []gatehouse.Share {
		s := gatehouse.Share{GroupID: "group/9", ResourceID: to, Cap: gatehouse.Role{Level: level}}
		if len(until) > 0 {
			s.ExpiresAt = until[0]
		}
		return []gatehouse.Share{s}
	}
	soon := ago(-10)
	for name, c := range map[string]struct {
		grants []gatehouse.Grant
		shares []gatehouse.Share
		state  string
		unseen gatehouse.ResourceID
		want   []string // besides what is known of memberships that end
	}{
		"An owner at the top":             {grants: []gatehouse.Grant{owner("a", "group/1")}},
		"Nobody":                          {want: []string{"ownerless  group/1"}},
		"Nobody, but not all was seen":    {unseen: "group/1"},
		"Nobody, and marked for deletion": {state: "marked_for_deletion"},
		"Below, but not at the top":       {grants: []gatehouse.Grant{owner("a", "group/2")}, want: []string{"ownerless  group/1"}},
		"Blocked":                         {grants: []gatehouse.Grant{owner("blocked", "group/1")}, want: []string{"ownerless  group/1"}},
		"Left":                            {grants: []gatehouse.Grant{owner("left", "group/1")}, want: []string{"ownerless  group/1"}},
		"A bot":                           {grants: []gatehouse.Grant{owner("bot", "group/1")}, want: []string{"ownerless  group/1"}},
		"Ended":                           {grants: []gatehouse.Grant{owner("a", "group/1", ago(1))}, want: []string{"ownerless  group/1"}},
		"Ends soon":                       {grants: []gatehouse.Grant{owner("a", "group/1", soon)}, want: []string{"soon_ownerless  group/1"}},
		"One ends soon, one does not":     {grants: []gatehouse.Grant{owner("a", "group/1", soon), owner("b", "group/1")}},
		"The longer one counts":           {grants: []gatehouse.Grant{owner("a", "group/1", soon), owner("b", "group/1", ago(-300))}},
		"Below a group without one":       {grants: []gatehouse.Grant{owner("a", "group/2", soon)}, want: []string{"ownerless  group/1", "soon_ownerless  group/2"}},
		"By an invited group":             {grants: []gatehouse.Grant{owner("a", "group/9")}, shares: invited("group/1", 50)},
		"Invited with less":               {grants: []gatehouse.Grant{owner("a", "group/9")}, shares: invited("group/1", 40), want: []string{"ownerless  group/1"}},
		"The invitation ended":            {grants: []gatehouse.Grant{owner("a", "group/9")}, shares: invited("group/1", 50, ago(1)), want: []string{"ownerless  group/1"}},
		"The invitation ends soon":        {grants: []gatehouse.Grant{owner("a", "group/9")}, shares: invited("group/1", 50, soon), want: []string{"soon_ownerless  group/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := groupAt("group/1", "")
			top.State = c.state
			f := reach.Facts{
				Now: judged, Resources: []gatehouse.Resource{top, groupAt("group/2", "group/1"), groupAt("group/3", "group/2"), groupAt("group/9", "")},
				Accounts: []gatehouse.Account{
					human("a"), human("b"), human("left"), human("z"),
					human("blocked", func(a *gatehouse.Account) { a.State = "blocked" }), human("bot", func(a *gatehouse.Account) { a.Type = gatehouse.AccountService }),
				},
				Grants: append(c.grants, owner("z", "group/9", time.Time{})), Shares: c.shares,
				Users: map[string]reach.UserStanding{"u-left": {Left: true}}, Unseen: map[gatehouse.ResourceID]bool{c.unseen: true},
			}
			if len(c.shares) > 0 {
				f.Grants = c.grants // group/9 has a as its owner
			}
			got := slices.DeleteFunc(f.Findings(), func(f gatehouse.Finding) bool {
				return f.Kind == gatehouse.FindingExpiringAccess || f.Kind == gatehouse.FindingLeft
			})
			if d := cmp.Diff(c.want, brief(got)); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}

// TestFindings_EndWithCircles: an app that says that two groups lie in each other
// does not keep us.
func TestFindings_EndWithCircles(t *testing.T) {
	t.Parallel()
	f := reach.Facts{Now: judged, Resources: []gatehouse.Resource{groupAt("group/1", "group/2"), groupAt("group/2", "group/1")}}
	if got := f.Findings(); len(got) > 0 {
		t.Errorf("findings %v", brief(got))
	}
}

func TestFindings_AreBounded(t *testing.T) {
	t.Parallel()
	f := reach.Facts{Now: judged}
	for i := range reach.MostFindings + 10 {
		f.Accounts = append(f.Accounts, gatehouse.Account{ID: string(rune('a'+i%26)) + time.Duration(i).String(), State: "active"})
	}
	got := f.Findings()
	slices.Reverse(f.Accounts)
	if again := f.Findings(); len(got) != reach.MostFindings || !cmp.Equal(got, again) {
		t.Errorf("%d findings, then %d", len(got), len(again))
	}
}
