package gitlab

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Resource reads one group or project with its direct members and the groups
// that are invited to it, over REST: what a pull would tell of it.
func (s *Source) Resource(ctx context.Context, id gatehouse.ResourceID) (integration.Contents, error) {
	at, err := parseResource(id)
	if err != nil {
		return integration.Contents{}, err
	}
	c, err := s.contents(ctx, at)
	if is(err, http.StatusNotFound) {
		return integration.Contents{}, errNoResource(id).Because(err)
	}
	return c, explain(err, s.host())
}

func errNoResource(id gatehouse.ResourceID) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.NotFound, "There is no %s in GitLab, or the access token cannot see it.", id)
}

// parseResource reads an id such as group/7.
func parseResource(id gatehouse.ResourceID) (source, error) {
	kind, number, _ := strings.Cut(string(id), "/")
	n, err := parsePositive(number)
	if k := gatehouse.ResourceKind(kind); err == nil && (k == gatehouse.ResourceGroup || k == gatehouse.ResourceProject) {
		return source{kind: k, id: n}, nil
	}
	return source{}, errNoResource(id)
}

func (s *Source) contents(ctx context.Context, at source) (c integration.Contents, err error) {
	var shares []shareRow
	if at.kind == gatehouse.ResourceProject {
		var row projectRow
		_, err = s.api.get(ctx, classProject, at.path(), nil, &row)
		c.Resource, shares = row.resource(), row.SharedWithGroups
	} else {
		var row groupRow
		_, err = s.api.get(ctx, classGroup, at.path(), url.Values{"with_projects": {"false"}}, &row)
		c.Resource, shares = row.resource(), row.SharedWithGroups
	}
	if err == nil && c.Resource.ID != at.resource() {
		err = errShape
	}
	if err != nil {
		return c, err
	}
	roles, err := s.rolesOf(ctx, shares)
	if err != nil {
		return c, err
	}
	for _, sh := range shares {
		c.Shares = append(c.Shares, sh.share(c.Resource.ID, roles))
	}
	if c.Grants, err = s.directGrants(ctx, at); err != nil {
		return c, err
	}
	invited, err := invitationsTo(ctx, s.api, at)
	for _, r := range invited {
		account, grant := r.invited(at.resource())
		c.Accounts, c.Grants = append(c.Accounts, account), append(c.Grants, grant)
	}
	return c, err
}

// rolesOf learns the names of custom roles, if a share has one.
func (s *Source) rolesOf(ctx context.Context, shares []shareRow) (map[string]string, error) {
	for _, sh := range shares {
		if sh.MemberRoleID != 0 {
			l := &look{Enterprise: true, All: true}
			err := l.readRoles(ctx, s.api)
			return l.Roles, err
		}
	}
	return nil, nil
}

// directGrants lists the direct members of a source; twice, when the list changed
// while it was read.
func (s *Source) directGrants(ctx context.Context, at source) ([]gatehouse.Grant, error) {
	for range 2 {
		rows, whole, err := memberRows(ctx, s.api, at)
		if err != nil {
			return nil, err
		}
		if !whole {
			continue
		}
		grants := make([]gatehouse.Grant, len(rows))
		for i, r := range rows {
			grants[i] = r.grant(at.resource())
		}
		return grants, nil
	}
	return nil, gatehouse.Errorf(gatehouse.Unavailable, "The pull was given up, because GitLab's list of %s kept changing while it was read. Try again at a quieter time.", "members")
}
