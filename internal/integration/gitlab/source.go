package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Source reads a GitLab with one access token.
type Source struct {
	api *api
}

func newSource(base *url.URL, token string, env integration.Env) *Source {
	return &Source{api: newAPI(base, token, env)}
}

func (s *Source) host() string { return s.api.base.Host }

// oneScope picks what to ask for out of the scopes of which GitLab needs one.
func oneScope(list string) string {
	words := strings.Fields(list)
	for _, wanted := range []string{"read_api", "api", "read_user"} {
		for _, w := range words {
			if w == wanted {
				return wanted
			}
		}
	}
	return "api"
}

// Probe asks the version, the token, its owner and GraphQL.
func (s *Source) Probe(ctx context.Context) (integration.Probe, error) {
	l, err := s.look(ctx, s.api)
	if err != nil {
		return integration.Probe{}, explain(err, s.host())
	}
	return l.probe(), nil
}

// Account reads one account and its direct memberships afresh, each from its
// group or project, since only there the expiry, the state and a custom role
// are told. Minimal Access to a top-level group is not on GitLab's list of an
// account's memberships, so it is found by a pull only.
func (s *Source) Account(ctx context.Context, id string) (gatehouse.Account, []gatehouse.Grant, error) {
	number, err := parseID(id)
	if err != nil {
		return gatehouse.Account{}, nil, err
	}
	var row userRow
	_, err = s.api.get(ctx, classUser, "/users/"+text(number), nil, &row)
	if is(err, http.StatusNotFound) {
		return gatehouse.Account{}, nil, gatehouse.Errorf(gatehouse.NotFound, "There is no account %s in GitLab, or the access token cannot see it.", id).Because(err)
	}
	if err == nil && row.ID != number {
		err = errShape
	}
	if err != nil {
		return gatehouse.Account{}, nil, explain(err, s.host())
	}
	grants, err := s.grantsOf(ctx, number)
	if err != nil {
		return gatehouse.Account{}, nil, explain(err, s.host())
	}
	return row.account(), grants, nil
}

func parseID(id string) (int64, error) {
	n, err := parsePositive(id)
	if err != nil {
		return 0, gatehouse.Errorf(gatehouse.NotFound, "There is no account %s in GitLab, or the access token cannot see it.", id)
	}
	return n, nil
}

func (s *Source) grantsOf(ctx context.Context, user int64) ([]gatehouse.Grant, error) {
	sources, err := s.membershipsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	found := make([]*gatehouse.Grant, len(sources))
	err = each(ctx, len(sources), func(ctx context.Context, i int) error {
		var row memberRow
		_, err := s.api.get(ctx, classMembers, sources[i].path()+"/members/"+text(user), nil, &row)
		if is(err, http.StatusNotFound) {
			return nil // ended since
		}
		if err == nil && row.ID != user {
			err = errShape
		}
		if err != nil {
			return err
		}
		g := row.grant(sources[i].resource())
		found[i] = &g
		return nil
	})
	if err != nil {
		return nil, err
	}
	var grants []gatehouse.Grant
	for _, g := range found {
		if g != nil {
			grants = append(grants, *g)
		}
	}
	return grants, nil
}

// membershipsOf lists where an account is a direct member. The REST list is for
// administrators; GraphQL tells others what they may see.
func (s *Source) membershipsOf(ctx context.Context, user int64) ([]source, error) {
	type row struct {
		SourceID   int64  `json:"source_id"`
		SourceType string `json:"source_type"`
	}
	rows, err := readAll[row](ctx, s.api, classUser, "/users/"+text(user)+"/memberships", nil)
	if is(err, http.StatusForbidden) && !insufficient(err) {
		return s.visibleMemberships(ctx, user)
	}
	if err != nil {
		return nil, err
	}
	sources := make([]source, 0, len(rows))
	for _, r := range rows {
		kind := gatehouse.ResourceGroup
		if r.SourceType == "Project" {
			kind = gatehouse.ResourceProject
		}
		sources = append(sources, source{kind: kind, id: r.SourceID})
	}
	return sources, nil
}

func insufficient(err error) bool {
	var no *refusal
	return errors.As(err, &no) && no.scope != ""
}
