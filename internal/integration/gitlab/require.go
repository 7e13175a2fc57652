package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
)

// maxRequired bounds the groups that one connection may require: each may cost a
// request.
const maxRequired = 20

// maxGroups bounds the groups of one person that are kept.
const maxGroups = 2000

// requirement says of which groups, by full path, somebody must be a member to
// sign in, and with which role at least. One group is enough. Its zero value
// lets everybody in.
type requirement struct {
	groups []string
	level  int // 0: any role
}

// roles are GitLab's roles by their names (lib/gitlab/access.rb).
func roles() map[string]int {
	return map[string]int{"minimal": 5, "guest": 10, "planner": 15, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}
}

func readRequirement(args arguments) (requirement, error) {
	var r requirement
	paths, err := args.words("required_groups", "")
	if err != nil {
		return r, err
	}
	for _, path := range paths {
		r.groups = append(r.groups, strings.Trim(path, "/"))
	}
	if args.values["required_groups"] != nil && len(r.groups) == 0 || len(r.groups) > maxRequired || slices.Contains(r.groups, "") {
		return r, gatehouse.Errorf(gatehouse.Invalid, "The setting %s is not right: expected the full paths of 1 to %s groups whose members may sign in, such as company/engineering. Take it out if everybody may.", args.name("required_groups"), strconv.Itoa(maxRequired))
	}
	text, err := args.text("min_access_level", "")
	if err != nil || text == "" {
		return r, err
	}
	level, named := roles()[strings.ToLower(text)]
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 50 {
		level, named = n, true
	}
	if !named || len(r.groups) == 0 {
		return r, gatehouse.Errorf(gatehouse.Invalid, "The setting %s is not right: expected guest, planner, reporter, developer, maintainer, owner or the number of a role, together with %s.", args.name("min_access_level"), args.name("required_groups"))
	}
	r.level = level
	return r, nil
}

// scopes adds the scopes that cannot be done without: that of the profile, and
// that by which groups or roles are told.
func (r requirement) scopes(asked []string) []string {
	has := func(scopes ...string) bool {
		return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(asked, s) })
	}
	if !has("read_user", "read_api", "api") {
		asked = append(asked, "read_user")
	}
	switch {
	case r.level > 0 && !has("read_api", "api"):
		asked = append(asked, "read_api")
	case r.level == 0 && len(r.groups) > 0 && !has("openid"):
		asked = append(asked, "openid")
	}
	return asked
}

// role is the name of a level.
func role(level int) string {
	for name, l := range roles() {
		if l == level {
			return strings.ToUpper(name[:1]) + name[1:]
		}
	}
	return strconv.Itoa(level)
}

// membership finds the groups of somebody who is vouched for, and refuses who is
// not in a required one.
func (d *door) membership(ctx context.Context, token string, v *gatehouse.Vouched) error {
	if d.require.level > 0 {
		return d.byRole(ctx, token, v)
	}
	if !d.openID() {
		return nil
	}
	groups, err := d.claimedGroups(ctx, token, v.Subject)
	if err != nil {
		return err
	}
	v.Profile.Groups = groups[:min(len(groups), maxGroups)]
	for _, required := range d.require.groups {
		if slices.ContainsFunc(groups, func(g string) bool { return strings.EqualFold(g, required) }) {
			return nil
		}
	}
	if len(d.require.groups) == 0 {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Only members of certain groups in GitLab may sign in here, and you are in none of them. Ask an administrator if that is wrong.").
		Because(fmt.Errorf("required_groups %s; GitLab named %d groups", strings.Join(d.require.groups, ", "), len(groups)))
}

// claimedGroups are the groups that somebody is a direct member of, and all below
// them: GitLab's claim at user-info (config/initializers/doorkeeper_openid_connect.rb).
// Groups by invitation of another group are not among them.
func (d *door) claimedGroups(ctx context.Context, token, subject string) ([]string, error) {
	status, body, err := d.get(ctx, d.site.String()+"/oauth/userinfo", token)
	if err != nil {
		return nil, err
	}
	var told struct {
		Subject string   `json:"sub"`
		Groups  []string `json:"groups"`
	}
	switch cause := (statusError{status: status}); {
	case status == http.StatusForbidden:
		return nil, errNoScope("openid").Because(cause)
	case status == http.StatusTooManyRequests || status >= 500:
		return nil, errUnreachable().Because(cause)
	case status != http.StatusOK || len(body) > maxProfile || json.Unmarshal(body, &told) != nil || told.Subject != subject:
		return nil, errGarbled().Because(cause)
	}
	return told.Groups, nil
}

// byRole asks for each required group whether the person has the role there, by
// whatever way they have it: direct, inherited or by invitation of a group.
func (d *door) byRole(ctx context.Context, token string, v *gatehouse.Vouched) error {
	var found []string
	for _, group := range d.require.groups {
		level, err := d.levelIn(ctx, token, group, v.Subject)
		if err != nil {
			return err
		}
		if level >= d.require.level {
			v.Profile.Groups = []string{group}
			return nil
		}
		found = append(found, group+": "+strconv.Itoa(level))
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "Only members of certain groups in GitLab who have at least the role %s there may sign in here, and you do not. Ask an administrator if that is wrong.", role(d.require.level)).
		Because(fmt.Errorf("required_groups with min_access_level %d; GitLab says %s", d.require.level, strings.Join(found, ", ")))
}

// levelIn is somebody's highest role in a group; 0: none, or a group that they
// may not know of.
func (d *door) levelIn(ctx context.Context, token, group, subject string) (int, error) {
	address := d.site.String() + "/api/v4/groups/" + url.PathEscape(group) + "/members/all/" + subject
	status, body, err := d.get(ctx, address, token)
	if err != nil {
		return 0, err
	}
	var told struct {
		ID    json.Number `json:"id"`
		Level int         `json:"access_level"`
		State string      `json:"membership_state"` // "awaiting" has no access yet; absent in CE
	}
	switch cause := (statusError{status: status}); {
	case status == http.StatusNotFound:
		return 0, nil
	case status == http.StatusForbidden:
		return 0, errNoScope("read_api").Because(cause)
	case status == http.StatusTooManyRequests || status >= 500:
		return 0, errUnreachable().Because(cause)
	case status != http.StatusOK || len(body) > maxProfile || json.Unmarshal(body, &told) != nil || told.ID.String() != subject:
		return 0, errGarbled().Because(cause)
	case told.State == "awaiting":
		return 0, nil
	}
	return told.Level, nil
}

func errNoScope(scope string) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "GitLab did not say what your groups are, because its application lacks the scope %s. Ask an administrator to add it.", scope)
}
