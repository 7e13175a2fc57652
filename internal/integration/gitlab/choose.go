package gitlab

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// mostChoices bounds what is offered at once, as the contract has it.
const mostChoices = "50"

// Choose offers the groups that the token can see, by their full paths.
func (s *Source) Choose(ctx context.Context, field, search string) ([]integration.Choice, error) {
	if field != groupSetting {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "GitLab cannot be asked for values of the setting %s.", field)
	}
	query := url.Values{"per_page": {mostChoices}, "order_by": {"path"}, "sort": {"asc"}}
	if search = strings.TrimSpace(search); search != "" {
		query.Set("search", search)
	}
	if strings.Contains(search, "/") { // GitLab looks at names and last parts of paths alone
		query.Set("search", search[strings.LastIndex(search, "/")+1:])
	}
	var rows []namedGroup
	if _, err := s.api.get(ctx, classGroups, "/groups", query, &rows); err != nil {
		return nil, explain(err, s.host())
	}
	found, err := s.exactly(ctx, search)
	if err != nil {
		return nil, explain(err, s.host())
	}
	for _, r := range rows {
		if len(found) > 0 && found[0].Value == r.FullPath {
			continue
		}
		if r.FullPath != "" && strings.Contains(strings.ToLower(r.FullPath+" "+r.FullName), strings.ToLower(search)) {
			found = append(found, integration.Choice{Value: r.FullPath, Label: r.FullName})
		}
	}
	return found, nil
}

type namedGroup struct {
	FullPath string `json:"full_path"`
	FullName string `json:"full_name"`
}

// exactly is the group with a full path, if there is one: a search may have too
// many rows for it to be among them.
func (s *Source) exactly(ctx context.Context, path string) ([]integration.Choice, error) {
	if path == "" || path == "." || path == ".." || parseable(path) {
		return nil, nil
	}
	var g namedGroup
	_, err := s.api.get(ctx, classGroups, "/groups/"+url.PathEscape(path), url.Values{"with_projects": {"false"}}, &g)
	switch {
	case is(err, http.StatusNotFound, http.StatusBadRequest):
		return nil, nil
	case err != nil:
		return nil, err
	case !strings.EqualFold(g.FullPath, path):
		return nil, nil
	}
	return []integration.Choice{{Value: g.FullPath, Label: g.FullName}}, nil
}

// parseable says whether GitLab would take a path for the number of a group.
func parseable(path string) bool {
	_, err := parsePositive(path)
	return err == nil
}
