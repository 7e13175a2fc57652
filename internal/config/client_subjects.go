package config

import (
	"net/url"
	"slices"

	"gatehouse"
)

// subjects checks what belongs to pairwise subjects (OpenID Connect Core section
// 8.1).
func (r *reader) subjects(c *section, out gatehouse.Client) {
	s := out.Settings
	if s.SubjectType == "" {
		if c.get("sector_identifier_uri") != nil {
			r.problem(c.get("sector_identifier_uri"), c.at("sector_identifier_uri"), "means nothing without subject_type: pairwise")
		}
		return
	}
	var hosts []string
	for _, address := range out.RedirectURIs {
		if u, err := url.Parse(address); err == nil && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	if len(hosts) > 1 && s.SectorURI == "" {
		r.problem(c.get("subject_type"), c.at("subject_type"), "needs sector_identifier_uri, since the redirect_uris are of several hosts, and whom each of them knows must not change with their order")
	}
	for _, scope := range []string{"read_user", "read_api", "api"} {
		if slices.Contains(out.Scopes, scope) {
			r.problem(c.get("scopes"), c.at("scopes"), "%s tells the number by which every other app knows a person, so pairwise subjects would hide nothing", scope)
		}
	}
}
