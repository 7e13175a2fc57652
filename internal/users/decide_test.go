package users

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
)

const (
	aliceMail = "alice@example.com"
	bossMail  = "boss@example.com"
)

func connection(rules gatehouse.ConnectionRules) gatehouse.Connection {
	return gatehouse.Connection{ID: "c1", Name: "gitlab", Label: "GitLab", Enabled: true, Managed: gatehouse.ManagedByDashboard, Rules: rules}
}

func vouched(email string, said gatehouse.Verification) gatehouse.Vouched {
	return gatehouse.Vouched{Subject: "s1", Profile: gatehouse.Profile{Username: "alice", Email: email, Verified: said}}
}

func user(state gatehouse.UserState, verified bool) gatehouse.User {
	return gatehouse.User{ID: "u1", Username: "alice", Email: aliceMail, EmailVerified: verified, State: state}
}

// TestDecideByAddress is the one linking rule, with every combination of what
// we know, what the rules say and what the provider says. An account may be
// made, so that "created" shows where the address found nobody.
func TestDecideByAddress(t *testing.T) {
	t.Parallel()
	const table = `
	ours        auto_link  trusted  provider    outcome  rule
	verified    yes        yes      verified    linked   auto_link_user
	verified    yes        yes      unstated    linked   auto_link_user
	verified    yes        yes      unverified  refused  address_unverified
	verified    yes        no       verified    linked   auto_link_user
	verified    yes        no       unstated    linked   auto_link_user
	verified    yes        no       unverified  refused  address_unverified
	verified    no         yes      verified    linked   trusted_domains
	verified    no         yes      unstated    linked   trusted_domains
	verified    no         yes      unverified  refused  address_unverified
	verified    no         no       verified    refused  address_taken
	verified    no         no       unstated    refused  address_taken
	verified    no         no       unverified  refused  address_unverified
	unverified  yes        yes      verified    created  allow_single_sign_on
	unverified  yes        yes      unstated    created  allow_single_sign_on
	unverified  yes        yes      unverified  created  allow_single_sign_on
	unverified  yes        no       verified    created  allow_single_sign_on
	unverified  yes        no       unstated    created  allow_single_sign_on
	unverified  yes        no       unverified  created  allow_single_sign_on
	unverified  no         yes      verified    created  allow_single_sign_on
	unverified  no         yes      unstated    created  allow_single_sign_on
	unverified  no         yes      unverified  created  allow_single_sign_on
	unverified  no         no       verified    created  allow_single_sign_on
	unverified  no         no       unstated    created  allow_single_sign_on
	unverified  no         no       unverified  created  allow_single_sign_on`
	rows := strings.Split(strings.TrimSpace(table), "\n")[1:]
	if len(rows) != 2*2*2*3 {
		t.Fatalf("the table has %d rows, want all combinations", len(rows))
	}
	for _, row := range rows {
		f := strings.Fields(row)
		t.Run(strings.Join(f[:4], "/"), func(t *testing.T) {
			t.Parallel()
			rules := gatehouse.ConnectionRules{AllowSingleSignOn: true, AutoLinkUser: f[1] == "yes"}
			if f[2] == "yes" {
				rules.TrustedDomains = []string{"other.example", "Example.COM"}
			}
			said := gatehouse.Verification(strings.TrimPrefix(f[3], "unstated"))
			for _, here := range []bool{false, true} {
				got := decide(question{
					connection: connection(rules), vouched: vouched(aliceMail, said),
					holders: []candidate{{user(gatehouse.UserActive, f[0] == "verified"), here, f[0] == "verified"}},
				})
				outcome, rule := f[4], f[5]
				if here && outcome == "linked" { // a second person with the address at the same provider (H6)
					outcome, rule = "refused", "identity_differs"
				}
				if string(got.Outcome) != outcome || got.Rule != rule {
					t.Errorf("holder has another identity there = %t: got %s by %s, want %s by %s", here, got.Outcome, got.Rule, outcome, rule)
				}
				if (got.act == link) != (got.Outcome == gatehouse.OutcomeLinked) {
					t.Errorf("outcome %s, but act %d", got.Outcome, got.act)
				}
			}
		})
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	open := gatehouse.ConnectionRules{AllowSingleSignOn: true}
	waiting := gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true}
	known := func(u gatehouse.User) *match {
		return &match{gatehouse.Identity{ID: "i1", UserID: u.ID, Subject: "s1"}, u}
	}
	active := user(gatehouse.UserActive, false)
	other := gatehouse.User{ID: "u2", Username: "bob", State: gatehouse.UserActive}
	fromFile := func(r gatehouse.ConnectionRules) gatehouse.Connection {
		c := connection(r)
		c.Managed = gatehouse.ManagedByFile
		return c
	}
	off := connection(open)
	off.Enabled = false
	admins := []string{bossMail}
	type want struct {
		outcome gatehouse.Outcome
		rule    string
		act     act
		state   gatehouse.UserState
		admin   bool
	}
	tests := map[string]struct {
		q question
		want
	}{
		"H7 DisabledConnectionLetsNobodyIn": {
			question{connection: off, known: known(active)},
			want{"refused", "connection_disabled", nothing, "", false},
		},
		"KnownIdentitySignsIn": {
			question{connection: connection(gatehouse.ConnectionRules{}), known: known(active)},
			want{"signed_in", "identity", use, "active", false},
		},
		"KnownIdentityWinsOverAddress": {
			question{connection: connection(gatehouse.ConnectionRules{AutoLinkUser: true}), vouched: vouched(aliceMail, "verified"), known: known(other), holders: []candidate{{user: user("active", true), verified: true}}},
			want{"signed_in", "identity", use, "active", false},
		},
		"KnownIdentityWinsOverAnOlderId": {
			question{connection: connection(open), known: known(active), old: known(other)},
			want{"signed_in", "identity", use, "active", false},
		},
		"OlderIdSignsInAndIsRenewed": {
			question{connection: connection(gatehouse.ConnectionRules{}), old: known(active)},
			want{"signed_in", "alias", renew, "active", false},
		},
		"LinkOnlySignsNobodyIn": {
			question{connection: connection(gatehouse.ConnectionRules{LinkOnly: true, AllowSingleSignOn: true}), known: known(active)},
			want{"refused", "link_only", nothing, "", false},
		},
		"LinkOnlyLinks": {
			question{connection: connection(gatehouse.ConnectionRules{LinkOnly: true}), linking: &candidate{user: active}},
			want{"linked", "link", link, "active", false},
		},
		"BlockedStaysOut": {
			question{connection: connection(open), known: known(user(gatehouse.UserBlocked, true))},
			want{"refused", "blocked", nothing, "blocked", false},
		},
		"BlockedAdministratorStaysOut": {
			question{connection: connection(open), known: known(gatehouse.User{ID: "u1", Email: bossMail, EmailVerified: true, State: "blocked"}), admins: admins},
			want{"refused", "blocked", nothing, "blocked", false},
		},
		"LeaverStaysOut": {
			question{connection: connection(open), known: known(user(gatehouse.UserLeft, true))},
			want{"refused", "left", nothing, "left", false},
		},
		"UserOfUnknownStateStaysOut": {
			question{connection: connection(open), known: known(user("odd", true))},
			want{"refused", "blocked", nothing, "odd", false},
		},
		"PendingWaits": {
			question{connection: connection(open), known: known(user(gatehouse.UserPending, true))},
			want{"pending", "block_auto_created_users", use, "pending", false},
		},
		"PendingAdministratorGetsIn": {
			question{connection: connection(open), known: known(gatehouse.User{ID: "u1", Email: bossMail, EmailVerified: true, State: "pending"}), admins: admins},
			want{"signed_in", "admins", use, "active", true},
		},
		"PendingWithAnUnverifiedAddressOfAnAdministratorWaits": {
			question{connection: connection(open), known: known(gatehouse.User{ID: "u1", Email: bossMail, State: "pending"}), admins: admins},
			want{"pending", "block_auto_created_users", use, "pending", false},
		},
		"AdministratorGetsTheRoleAtEachSignIn": {
			question{connection: connection(open), known: known(gatehouse.User{ID: "u1", Email: bossMail, EmailVerified: true, State: "active"}), admins: admins},
			want{"signed_in", "identity", use, "active", true},
		},
		"AddressFindsBlockedUserAndDoesNotLink": {
			question{connection: connection(gatehouse.ConnectionRules{AutoLinkUser: true}), vouched: vouched(aliceMail, "verified"), holders: []candidate{{user: user("blocked", true), verified: true}}},
			want{"refused", "blocked", nothing, "blocked", false},
		},
		"AddressFindsPendingUserLinksAndWaits": {
			question{connection: connection(gatehouse.ConnectionRules{AutoLinkUser: true}), vouched: vouched(aliceMail, "verified"), holders: []candidate{{user: user("pending", true), verified: true}}},
			want{"pending", "block_auto_created_users", link, "pending", false},
		},
		"SubdomainIsNotTrusted": {
			question{connection: connection(gatehouse.ConnectionRules{TrustedDomains: []string{"example.com"}}), vouched: vouched("alice@sub.example.com", "verified"), holders: []candidate{{user: user("active", true), verified: true}}},
			want{"refused", "address_taken", nothing, "", false},
		},
		"NobodyFoundAndNoneMayBeMade": {
			question{connection: connection(gatehouse.ConnectionRules{}), vouched: vouched(aliceMail, "verified")},
			want{"refused", "allow_single_sign_on", nothing, "", false},
		},
		"NewcomerIsMade": {
			question{connection: connection(open), vouched: vouched("", "")},
			want{"created", "allow_single_sign_on", create, "active", false},
		},
		"NewcomerWaits": {
			question{connection: connection(waiting), vouched: vouched(aliceMail, "verified"), admins: admins},
			want{"pending", "block_auto_created_users", create, "pending", false},
		},
		"NewAdministratorByTheFileNeedsNoApproval": {
			question{connection: fromFile(waiting), vouched: vouched(bossMail, "verified"), admins: admins},
			want{"created", "admins", create, "active", true},
		},
		"NewAdministratorOfATrustedDomainNeedsNoApproval": {
			question{connection: connection(gatehouse.ConnectionRules{AllowSingleSignOn: true, BlockAutoCreatedUsers: true, TrustedDomains: []string{"example.com"}}), vouched: vouched(bossMail, "verified"), admins: admins},
			want{"created", "admins", create, "active", true},
		},
		"AdministratorsAddressByAnUntrustedConnectionWaits": {
			question{connection: connection(waiting), vouched: vouched(bossMail, "verified"), admins: admins},
			want{"pending", "block_auto_created_users", create, "pending", false},
		},
		"AdministratorsAddressThatTheProviderDidNotVerifyWaits": {
			question{connection: fromFile(waiting), vouched: vouched(bossMail, ""), admins: admins},
			want{"pending", "block_auto_created_users", create, "pending", false},
		},
		"AdministratorsAddressStillNeedsPermissionToBeMade": {
			question{connection: fromFile(gatehouse.ConnectionRules{}), vouched: vouched(bossMail, "verified"), admins: admins},
			want{"refused", "allow_single_sign_on", nothing, "", false},
		},
		"AdministratorsAddressOfSomebodyElseGivesNoRole": {
			question{connection: fromFile(open), vouched: vouched(bossMail, "verified"), known: known(active), admins: admins, holders: []candidate{{user: gatehouse.User{ID: "u2", Email: bossMail, EmailVerified: true, State: "active"}, verified: true}}},
			want{"signed_in", "identity", use, "active", false},
		},
		"LinkingAddsTheIdentity": {
			question{connection: connection(gatehouse.ConnectionRules{}), linking: &candidate{user: active}, holders: []candidate{{user: other}}},
			want{"linked", "link", link, "active", false},
		},
		"LinkingOnesOwnAgainIsFine": {
			question{connection: connection(open), linking: &candidate{user: active, here: true}, known: known(active)},
			want{"linked", "link", use, "active", false},
		},
		"LinkingOnesOwnOlderIdRenewsIt": {
			question{connection: connection(open), linking: &candidate{user: active, here: true}, old: known(active)},
			want{"linked", "link", renew, "active", false},
		},
		"LinkingSomebodyElsesIsRefused": {
			question{connection: connection(open), linking: &candidate{user: active}, known: known(other)},
			want{"refused", "identity_taken", nothing, "active", false},
		},
		"LinkingSomebodyElsesOlderIdIsRefused": {
			question{connection: connection(open), linking: &candidate{user: active}, old: known(other)},
			want{"refused", "identity_taken", nothing, "active", false},
		},
		"LinkingASecondOneIsRefused": {
			question{connection: connection(open), linking: &candidate{user: active, here: true}},
			want{"refused", "identity_second", nothing, "active", false},
		},
		"LinkingByABlockedUserIsRefused": {
			question{connection: connection(open), linking: &candidate{user: user("blocked", true)}},
			want{"refused", "blocked", nothing, "blocked", false},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.q.vouched.Subject == "" {
				tt.q.vouched.Subject = "s1"
			}
			v := decide(tt.q)
			if diff := cmp.Diff(tt.want, want{v.Outcome, v.Rule, v.act, v.state, v.admin}, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("wrong decision (-want +got):\n%s", diff)
			}
			if v.Reason == "" || v.Rule == "" || v.Subject != "s1" || v.ConnectionID != "c1" || v.Facts["connection"] != "gitlab" {
				t.Errorf("the decision does not say why: %+v", v.Decision)
			}
			if n := strings.Count(v.Reason, "%s"); n != len(v.Args) {
				t.Errorf("the reason %q takes %d values, and has %d", v.Reason, n, len(v.Args))
			}
		})
	}
}

// drawQuestion draws any question at all.
func drawQuestion(t *rapid.T) question {
	rules := gatehouse.ConnectionRules{
		AllowSingleSignOn:     rapid.Bool().Draw(t, "allow_single_sign_on"),
		BlockAutoCreatedUsers: rapid.Bool().Draw(t, "block_auto_created_users"),
		AutoLinkUser:          rapid.Bool().Draw(t, "auto_link_user"),
		LinkOnly:              rapid.Bool().Draw(t, "link_only"),
		TrustedDomains:        rapid.SampledFrom([][]string{nil, {"example.com"}, {"other.example"}}).Draw(t, "trusted"),
	}
	c := connection(rules)
	c.Enabled = rapid.IntRange(0, 9).Draw(t, "enabled") > 0
	c.Managed = rapid.SampledFrom([]gatehouse.ManagedBy{"file", "dashboard"}).Draw(t, "managed")
	email := rapid.SampledFrom([]string{"", aliceMail, bossMail}).Draw(t, "email")
	q := question{
		connection: c, admins: []string{bossMail},
		vouched: vouched(email, rapid.SampledFrom([]gatehouse.Verification{"", "verified", "unverified"}).Draw(t, "said")),
	}
	someone := func(name string, email string, verified bool) gatehouse.User {
		return gatehouse.User{
			ID: name, Username: name, Email: email, EmailVerified: verified,
			State: rapid.SampledFrom([]gatehouse.UserState{"active", "pending", "blocked", "left"}).Draw(t, name+" state"),
		}
	}
	if email != "" {
		verified := rapid.IntRange(-1, 2).Draw(t, "verified holder")
		for i := range rapid.IntRange(0, 3).Draw(t, "holders") {
			q.holders = append(q.holders, candidate{someone(fmt.Sprintf("holder%d", i), email, i == verified), rapid.Bool().Draw(t, "here"), i == verified})
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "known") == 0 {
		q.known = &match{gatehouse.Identity{ID: "i", Subject: "s1"}, someone("owner", "owner@example.com", rapid.Bool().Draw(t, "owner verified"))}
	}
	if rapid.IntRange(0, 3).Draw(t, "linking") == 0 {
		q.linking = &candidate{someone("linker", "linker@example.com", false), rapid.Bool().Draw(t, "linker here"), false}
	}
	return q
}

// TestDecideProperties holds whatever is asked.
func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		v := decide(q)
		rules, said := q.connection.Rules, q.vouched.Profile.Verified
		if v.act == link && q.linking == nil {
			held := slices.ContainsFunc(q.holders, func(h candidate) bool { return h.user.ID == v.user.ID && h.verified && !h.here })
			trusted := rules.AutoLinkUser || slices.Contains(rules.TrustedDomains, "example.com")
			if !held || !trusted || said == gatehouse.Unverified {
				t.Fatalf("H5: linked by an address that may not: %+v", v.Decision)
			}
		}
		if q.linking != nil && v.act != nothing && v.user.ID != "linker" {
			t.Fatalf("the identity went to %s, but %s is connecting it", v.user.ID, "linker")
		}
		if v.act != nothing && (v.user.State == gatehouse.UserBlocked || v.user.State == gatehouse.UserLeft) {
			t.Fatalf("somebody who is %s got in: %+v", v.user.State, v.Decision)
		}
		if v.act == create && (!rules.AllowSingleSignOn || v.user.ID != "") {
			t.Fatalf("an account was made against the rules: %+v", v.Decision)
		}
		if v.act == create && rules.BlockAutoCreatedUsers && v.state == gatehouse.UserActive && !v.admin {
			t.Fatalf("a newcomer did not wait: %+v", v.Decision)
		}
		if (v.act == nothing) != (v.Outcome == gatehouse.OutcomeRefused) {
			t.Fatalf("outcome %s, but act %d", v.Outcome, v.act)
		}
		if !q.connection.Enabled && v.act != nothing {
			t.Fatalf("H7: a disabled connection did something: %+v", v.Decision)
		}
		if v.admin && said != gatehouse.Verified && !v.user.EmailVerified {
			t.Fatalf("an unverified address administers: %+v", v.Decision)
		}
	})
}

func TestMadeWith(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		identity gatehouse.Identity
		want     bool
	}{
		"BareIdentityMatches":               {gatehouse.Identity{Subject: "o1"}, true},
		"ItsOwnOpenidMatches":               {gatehouse.Identity{Subject: "o1", Aliases: map[string]string{"openid": "o1"}}, true},
		"RealSubjectThatLooksTheSameIsNone": {gatehouse.Identity{Subject: "o1", Aliases: map[string]string{"openid": "o2"}}, false},
		"RealSubjectWithOtherIdsIsNone":     {gatehouse.Identity{Subject: "o1", Aliases: map[string]string{"userid": "x"}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := madeWith(tt.identity, "openid"); got != tt.want {
				t.Errorf("madeWith = %t, want %t", got, tt.want)
			}
		})
	}
}
