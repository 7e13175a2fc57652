package op

import (
	"context"
	"fmt"
	"net/http"

	"gatehouse"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
)

// standings are how a person stands towards the groups that a client may be told
// of: none when nothing can be said.
func (p *Provider) standings(tx *store.Tx, c gatehouse.Client, userID string) (found []reach.Standing, err error) {
	connector, unknown, err := reach.Source(tx, c.Settings.GroupsFrom)
	if err != nil || unknown != "" {
		p.oddSource(c, unknown)
		return nil, err
	}
	return standingsAt(tx, c, connector, userID)
}

// standingsAt are the standings by one connector.
func standingsAt(tx *store.Tx, c gatehouse.Client, connector gatehouse.Connector, userID string) ([]reach.Standing, error) {
	accounts, err := reach.ActiveAccounts(tx, connector.ID, userID)
	if err != nil {
		return nil, err
	}
	found, err := reach.Groups(tx, connector.ID, accounts)
	return gitlab.Within(found, c.Settings.GroupsOnly), err
}

// accountsOf are a person's accounts in the GitLab of which a client is told;
// unknown says why nothing can be said.
func (p *Provider) accountsOf(tx *store.Tx, c gatehouse.Client, userID string) (connectorID string, accounts []string, unknown reach.Unknown, err error) {
	connector, unknown, err := reach.Source(tx, c.Settings.GroupsFrom)
	if err != nil || unknown != "" {
		p.oddSource(c, unknown)
		return "", nil, unknown, err
	}
	accounts, err = reach.ActiveAccounts(tx, connector.ID, userID)
	return connector.ID, accounts, "", err
}

// groupClaims are the claims about a person's groups for a client: none when it
// cannot be said of which GitLab.
func (p *Provider) groupClaims(ctx context.Context, c gatehouse.Client, u gatehouse.User, most int) (claims gitlab.Claims, err error) {
	gitlabs, err := p.Store.ConnectorsOf(ctx, "gitlab")
	if err != nil {
		return claims, fmt.Errorf("read the GitLab connectors: %w", err)
	}
	connector, unknown := reach.Choose(c.Settings.GroupsFrom, gitlabs)
	if unknown != "" {
		p.oddSource(c, unknown)
		return claims, nil
	}
	err = p.Store.View(ctx, func(tx *store.Tx) error {
		found, err := standingsAt(tx, c, connector, u.ID)
		claims = gitlab.ClaimsOf(found, most)
		return err
	})
	if err != nil {
		return claims, fmt.Errorf("read the groups of user %s: %w", u.ID, err)
	}
	return claims, nil
}

// tellsGroups is the name of the GitLab of which a client is told groups, "" for
// none.
func (p *Provider) tellsGroups(ctx context.Context, c gatehouse.Client) (name string) {
	err := p.Store.View(ctx, func(tx *store.Tx) error {
		connector, _, err := reach.Source(tx, c.Settings.GroupsFrom)
		name = connector.Name
		return err
	})
	if err != nil {
		p.log().WarnContext(ctx, "it could not be read of which GitLab a client is told groups", "client", c.ID, "error", err)
	}
	return name
}

// oddSource warns once of a client that should be told groups and cannot be, and
// counts how often.
func (p *Provider) oddSource(c gatehouse.Client, unknown reach.Unknown) {
	if !unknown.Odd() {
		return
	}
	p.count("groups_unknown", "why", string(unknown))
	if _, warned := p.warned.LoadOrStore(c.ID+"\x00"+string(unknown), true); !warned {
		p.log().Warn("no groups are told, since it is not clear of which GitLab: name its connector by groups_from", "client", c.ID, "why", unknown)
	}
}

// reached answers a request about groups that a person belongs to: it reads how
// they stand, and write shapes the answer.
func (p *Provider) reached(w http.ResponseWriter, r *http.Request, write func(b bearing, found []reach.Standing) *gitlab.Failure) (*gitlab.Failure, error) {
	var b bearing
	var found []reach.Standing
	failure, err := p.asked(w, r, door{scopes: listScopes()}, func(tx *store.Tx, who bearing) (err error) {
		b = who
		found, err = p.standings(tx, who.client, who.user.ID)
		return err
	})
	if failure != nil || err != nil {
		return failure, err
	}
	return write(b, found), nil
}

// apiGroups answers GET /api/v4/groups: those that the person belongs to.
func (p *Provider) apiGroups(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	return p.reached(w, r, func(_ bearing, found []reach.Standing) *gitlab.Failure {
		q := &gitlab.Query{Values: r.URL.Query()}
		asked := gitlab.ReadGroups(q)
		if failure := q.Failure(); failure != nil {
			return failure
		}
		rows := gitlab.Cut(asked.Groups(found), asked.Window, w.Header(), p.issuer()+r.URL.EscapedPath(), q.Values)
		wire.JSON(w, http.StatusOK, orNoRows(rows))
		return nil
	})
}

// apiGroup answers GET /api/v4/groups/:id.
func (p *Provider) apiGroup(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	return p.reached(w, r, func(_ bearing, found []reach.Standing) *gitlab.Failure {
		s, ok := gitlab.Find(found, gatehouse.ResourceGroup, r.PathValue("id"))
		if !ok {
			return gitlab.Missing("Group")
		}
		row := gitlab.GroupOf(s.Resource, gitlab.NamesOf(found))
		row.SharedWithGroups = []string{}
		wire.JSON(w, http.StatusOK, row)
		return nil
	})
}

// apiMembership answers GET /api/v4/groups/:id/members/all/:user_id, and that of
// projects, about the person who asks and nobody else.
func (p *Provider) apiMembership(kind gatehouse.ResourceKind) apiHandler {
	return func(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
		if kind == gatehouse.ResourceProject {
			return p.oneProject(w, r, func(b bearing, s reach.Standing, _ gitlab.Names) *gitlab.Failure {
				if !gitlab.Is(b.user, r.PathValue("user_id")) {
					return gitlab.NoMember()
				}
				wire.JSON(w, http.StatusOK, gitlab.MemberOf(b.user, s, p.issuer()))
				return nil
			})
		}
		return p.reached(w, r, func(b bearing, found []reach.Standing) *gitlab.Failure {
			s, ok := gitlab.Find(found, kind, r.PathValue("id"))
			switch {
			case !ok:
				return gitlab.Missing("Group")
			case !gitlab.Is(b.user, r.PathValue("user_id")):
				return gitlab.NoMember()
			}
			wire.JSON(w, http.StatusOK, gitlab.MemberOf(b.user, s, p.issuer()))
			return nil
		})
	}
}

func orNoRows(rows []gitlab.Group) []gitlab.Group {
	if rows == nil {
		return []gitlab.Group{}
	}
	return rows
}

// apiEmails answers GET /api/v4/user/emails: the addresses that are known to be
// the person's. Others are left out: apps believe whatever stands here.
func (p *Provider) apiEmails(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	var rows []gitlab.Email
	failure, err := p.asked(w, r, door{scopes: apiScopes()}, func(tx *store.Tx, b bearing) error {
		more, err := tx.Emails(b.user.ID)
		rows = gitlab.EmailsOf(b.user, more)
		return err
	})
	if failure != nil || err != nil {
		return failure, err
	}
	q := &gitlab.Query{Values: r.URL.Query()}
	window := q.Window()
	if failure := q.Failure(); failure != nil {
		return failure, nil
	}
	wire.JSON(w, http.StatusOK, gitlab.Cut(rows, window, w.Header(), p.issuer()+r.URL.EscapedPath(), q.Values))
	return nil, nil
}

// apiOwnToken answers GET /api/v4/personal_access_tokens/self to any personal
// token, whatever its scopes.
func (p *Provider) apiOwnToken(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	var b bearing
	failure, err := p.asked(w, r, door{}, func(_ *store.Tx, who bearing) error {
		b = who
		return nil
	})
	if failure != nil || err != nil {
		return failure, err
	}
	if b.personal.ID == "" {
		return gitlab.BadRequest("This endpoint requires token type to be a personal access token"), nil
	}
	wire.JSON(w, http.StatusOK, gitlab.PersonalTokenOf(b.personal, b.user))
	return nil, nil
}
