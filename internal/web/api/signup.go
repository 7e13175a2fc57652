package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/lists"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func (a *API) mountSignUp(h huma.API) {
	serve(a, h, route{path: "/sign_up", id: "getSignUp", tag: "sign-up", summary: "Whose addresses may make an account", may: readers()}, a.getSignUp)
	serve(a, h, route{method: http.MethodPatch, path: "/sign_up", id: "setSignUp", tag: "sign-up", summary: "Change whose addresses may make an account; what is left out stays, and what the configuration file names is the file's", may: owners()}, a.setSignUp)
	serve(a, h, route{
		method: http.MethodPost, path: "/connections/{connection}/dry_run", id: "dryRun", tag: "sign-up",
		summary: "What would be decided about people by other rules; nothing is written", may: readers(),
	}, a.dryRun)
}

// signUp is a gatehouse.SignUp for programs.
type signUp struct {
	Allow             []string `json:"allow" nullable:"false" doc:"Addresses and domains; not empty: only these"`
	Deny              []string `json:"deny" nullable:"false" doc:"Addresses and domains"`
	BlockSubaddresses bool     `json:"block_subaddresses" doc:"Not alice+1@example.com"`
	BlockDisposable   bool     `json:"block_disposable" doc:"Not the domains of throw-away addresses"`
	DisposableDomains int      `json:"disposable_domains" doc:"How many of those domains are known"`
	FromFile          []string `json:"from_file" nullable:"false" doc:"What the configuration file names, and nothing else changes"`
}

func (a *API) showSignUp(s gatehouse.SignUp) signUp {
	return signUp{
		Allow: orEmpty(s.Allow), Deny: orEmpty(s.Deny), BlockSubaddresses: s.BlockSubaddresses, BlockDisposable: s.BlockDisposable,
		DisposableDomains: a.Users.Disposable.Len(), FromFile: orEmpty(a.Users.FileSignUp.Named),
	}
}

func (a *API) getSignUp(ctx context.Context, _ caller, _ *none) (signUp, error) {
	return view(ctx, a, "the rules of addresses", func(tx *store.Tx) (signUp, error) {
		s, err := a.Users.SignUp(tx)
		return a.showSignUp(s), err
	})
}

type setSignUpInput struct {
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of the rules as they were seen: when somebody changed them since, nothing is changed (412)"`
	Body    *struct {
		_                 struct{}  `json:"-" additionalProperties:"false"`
		Allow             *[]string `json:"allow,omitempty" maxItems:"5000"`
		Deny              *[]string `json:"deny,omitempty" maxItems:"5000"`
		BlockSubaddresses *bool     `json:"block_subaddresses,omitempty"`
		BlockDisposable   *bool     `json:"block_disposable,omitempty"`
	}
}

func (a *API) setSignUp(ctx context.Context, by caller, in *setSignUpInput) (signUp, error) {
	return update(ctx, a, "change the rules of addresses", func(tx *store.Tx) (signUp, error) {
		s, err := a.Users.SignUp(tx)
		if err != nil || in.Body == nil {
			return a.showSignUp(s), err
		}
		if err := unchanged(ctx, in.IfMatch, a.showSignUp(s)); err != nil {
			return signUp{}, err
		}
		for part, given := range map[string]bool{
			users.SignUpAllow: in.Body.Allow != nil, users.SignUpDeny: in.Body.Deny != nil,
			users.SignUpSubaddresses: in.Body.BlockSubaddresses != nil, users.SignUpDisposable: in.Body.BlockDisposable != nil,
		} {
			if given && a.Users.FileSignUp.Names(part) {
				return signUp{}, gatehouse.Errorf(gatehouse.Conflict, "The configuration file names sign_up.%s, so it is changed there. Take it out of the file to change it here.", part)
			}
		}
		set(&s.Allow, in.Body.Allow)
		set(&s.Deny, in.Body.Deny)
		set(&s.BlockSubaddresses, in.Body.BlockSubaddresses)
		set(&s.BlockDisposable, in.Body.BlockDisposable)
		s, err = a.Users.SetSignUp(tx, by.actor, s, "")
		return a.showSignUp(s), err
	})
}

// tryPerson is somebody of a dry run, as the provider would vouch for them.
type tryPerson struct {
	Subject  string `json:"subject" minLength:"1" maxLength:"512" doc:"The provider's id of the person"`
	Username string `json:"username,omitempty" maxLength:"255"`
	Nickname string `json:"nickname,omitempty" maxLength:"255"`
	Name     string `json:"name,omitempty" maxLength:"255"`
	Email    string `json:"email,omitempty" maxLength:"254"`
	Verified string `json:"email_verification,omitempty" enum:",verified,unverified" doc:"What the provider would say of the address"`
}

func (p tryPerson) vouched() gatehouse.Vouched {
	return gatehouse.Vouched{Subject: p.Subject, Profile: gatehouse.Profile{
		Username: p.Username, Nickname: p.Nickname, Name: p.Name, Email: p.Email, Verified: gatehouse.Verification(p.Verified),
	}}
}

// tryRules are the rules that a dry run may propose; what is left out stays.
type tryRules struct {
	_              struct{}  `json:"-" additionalProperties:"false"`
	NewPeople      string    `json:"new_people,omitempty" enum:",off,link_only,request_access,create_pending,create"`
	AutoLinkUser   *bool     `json:"auto_link_user,omitempty"`
	TrustedDomains *[]string `json:"trusted_domains,omitempty" maxItems:"1000"`
}

func (t tryRules) over(r gatehouse.ConnectionRules) gatehouse.ConnectionRules {
	if t.NewPeople != "" {
		r.SetNewPeople(gatehouse.NewPeople(t.NewPeople))
	}
	set(&r.AutoLinkUser, t.AutoLinkUser)
	set(&r.TrustedDomains, t.TrustedDomains)
	return r
}

type dryRunInput struct {
	OfConnection
	Body *struct {
		_      struct{}    `json:"-" additionalProperties:"false"`
		Rules  tryRules    `json:"rules,omitempty" doc:"The rules that are proposed"`
		From   string      `json:"from,omitempty" maxLength:"64" doc:"identities (who has come by the connection, the default), refused (who was not let in lately), or the key of a connector, for its accounts"`
		People []tryPerson `json:"people,omitempty" maxItems:"5000" doc:"In place of from"`
	}
}

// tried is what would be decided about one person.
type tried struct {
	Subject    string `json:"subject"`
	Username   string `json:"username"`
	Name       string `json:"name"`
	Email      string `json:"email"`
	NowOutcome string `json:"now_outcome" doc:"By the rules that hold"`
	NowRule    string `json:"now_rule"`
	Outcome    string `json:"outcome" enum:"signed_in,created,pending,linked,refused,failed" doc:"By the proposed rules"`
	Rule       string `json:"rule"`
	Reason     string `json:"reason"`
	UserID     string `json:"user_id" doc:"Whom they would be signed in as; empty: nobody, or somebody new"`
	UserName   string `json:"user_username"`
	Changed    bool   `json:"changed" doc:"The proposed rules decide otherwise"`
}

// dryRunAnswer is what a dry run found.
type dryRunAnswer struct {
	Outcomes map[string]int `json:"outcomes" doc:"How many people, by outcome"`
	Changed  int            `json:"changed"`
	People   []tried        `json:"people" nullable:"false"`
}

func (a *API) dryRun(ctx context.Context, _ caller, in *dryRunInput) (dryRunAnswer, error) {
	return view(ctx, a, "try the rules", func(tx *store.Tx) (dryRunAnswer, error) {
		c, err := in.find(tx)
		if err != nil {
			return dryRunAnswer{}, err
		}
		people, err := a.tryPeople(tx, c, in)
		if err != nil {
			return dryRunAnswer{}, err
		}
		if in.Body != nil {
			c.Rules = in.Body.Rules.over(c.Rules)
			for _, d := range c.Rules.TrustedDomains {
				if _, err := lists.Parse(d); err != nil {
					return dryRunAnswer{}, err
				}
			}
		}
		all, err := a.Users.DryRun(tx, c, people)
		if err != nil {
			return dryRunAnswer{}, err
		}
		out := dryRunAnswer{Outcomes: map[string]int{}, People: make([]tried, 0, len(all))}
		for _, t := range all {
			out.People = append(out.People, showTried(ctx, t))
			out.Outcomes[string(t.Then.Outcome)]++
			if t.Changed() {
				out.Changed++
			}
		}
		return out, nil
	})
}

func (a *API) tryPeople(tx *store.Tx, c gatehouse.Connection, in *dryRunInput) ([]gatehouse.Vouched, error) {
	from := users.TryIdentities
	if in.Body != nil {
		if len(in.Body.People) > 0 {
			people := make([]gatehouse.Vouched, 0, len(in.Body.People))
			for _, p := range in.Body.People {
				people = append(people, p.vouched())
			}
			return people, nil
		}
		if f := strings.TrimSpace(in.Body.From); f != "" {
			from = f
		}
	}
	return a.Users.PeopleOf(tx, c, from)
}

func showTried(ctx context.Context, t users.Tried) tried {
	args := make([]any, len(t.Then.Args))
	for i, arg := range t.Then.Args {
		args[i] = arg
	}
	p := t.Person.Profile
	return tried{
		Subject: t.Person.Subject, Username: p.Username, Name: p.Name, Email: p.Email,
		NowOutcome: string(t.Now.Outcome), NowRule: t.Now.Rule, Outcome: string(t.Then.Outcome), Rule: t.Then.Rule,
		Reason: i18n.Text(ctx, t.Then.Reason, args...), UserID: t.User.ID, UserName: t.User.Username, Changed: t.Changed(),
	}
}
