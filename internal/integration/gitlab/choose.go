package gitlab

import (
	"context"
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
	var rows []struct {
		FullPath string `json:"full_path"`
		FullName string `json:"full_name"`
	}
	if _, err := s.api.get(ctx, classGroups, "/groups", query, &rows); err != nil {
		return nil, explain(err, s.host())
	}
	var found []integration.Choice
	for _, r := range rows {
		if r.FullPath != "" && strings.Contains(strings.ToLower(r.FullPath+" "+r.FullName), strings.ToLower(search)) {
			found = append(found, integration.Choice{Value: r.FullPath, Label: r.FullName})
		}
	}
	return found, nil
}
