package dingtalk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Source reads the directory of one company: its departments, its people, and
// who is in which department.
type Source struct {
	settings directory
	client   *client
	pace     *pacer
}

func newSource(d directory, env integration.Env) *Source {
	return &Source{
		settings: d,
		client:   &client{settings: d.settings, env: env},
		pace:     &pacer{clock: env.Clock, sleep: sleep, rate: d.rate},
	}
}

// The permissions of DingTalk that reading needs, by the names that its console
// has for them.
const (
	permDepartments = "qyapi_get_department_list"
	permInside      = "qyapi_get_department_member"
	permPeople      = "qyapi_get_member"
	permLeavers     = "Contact.Common.Read"
)

// The old API's paths.
const (
	pathChildren   = "/topapi/v2/department/listsub"
	pathDepartment = "/topapi/v2/department/get"
	pathAbove      = "/topapi/v2/department/listparentbydept"
	pathInside     = "/topapi/v2/user/list"
	pathPerson     = "/topapi/v2/user/get"
	pathScope      = "/auth/scopes"
)

// scope is what of the company the app may see: departments with all below
// them, and single people besides.
type scope struct {
	Departments []int64  `json:"d,omitempty"`
	People      []string `json:"p,omitempty"`

	fields []string // of a person
}

func (s scope) whole() bool { return slices.Contains(s.Departments, rootDepartment) }

func (s scope) same(other scope) bool {
	return slices.Equal(s.Departments, other.Departments) && slices.Equal(s.People, other.People)
}

// scope asks for the app's contact scope (GET /auth/scopes).
func (s *Source) scope(ctx context.Context, made *counter) (scope, error) {
	var answer struct {
		failure
		Fields []string `json:"auth_user_field"`
		Scopes struct {
			Departments []int64  `json:"authed_dept"`
			People      []string `json:"authed_user"`
		} `json:"auth_org_scopes"`
	}
	err := s.ask(ctx, pathScope, made, func(ctx context.Context) error {
		return s.client.withToken(ctx, s.settings.company, func(token string) error {
			answer.failure = failure{}
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.settings.oapi+pathScope+"?access_token="+url.QueryEscape(token), nil)
			if err != nil {
				return err
			}
			if err := s.client.do(r, &answer); err != nil {
				return err
			}
			return answer.err()
		})
	})
	found := scope{Departments: slices.Clone(answer.Scopes.Departments), People: slices.Clone(answer.Scopes.People), fields: answer.Fields}
	slices.Sort(found.Departments)
	slices.Sort(found.People)
	found.Departments, found.People = slices.Compact(found.Departments), slices.Compact(found.People)
	return found, err
}

// Probe asks for the contact scope and tries each permission that reading needs.
// None of it changes anything.
func (s *Source) Probe(ctx context.Context) (integration.Probe, error) {
	seen, err := s.scope(ctx, nil)
	if err != nil {
		return integration.Probe{}, words(err)
	}
	p := integration.Probe{Edition: "dingtalk", Actor: s.settings.key, Admin: seen.whole()}
	if len(seen.Departments)+len(seen.People) == 0 {
		return p, gatehouse.Errorf(gatehouse.Forbidden, "The contact scope of the app in DingTalk is empty, so it may see nobody. An administrator sets it in DingTalk's developer console, under Permissions, to all employees.")
	}
	var missing lacking
	for _, one := range s.trials(seen) {
		switch err := one.try(ctx); {
		case err == nil || slices.Contains(one.fine, code(err)):
			p.Scopes = append(p.Scopes, one.permission)
		case lacks(err):
			missing.add(one.permission, err)
		default:
			return p, words(err)
		}
	}
	if len(missing.permissions) > 0 {
		return p, missing.err()
	}
	p.Notes = append(p.Notes, s.blind(seen)...)
	return p, s.name(ctx, seen, &p)
}

// name finds out the company's name: that of the root department.
func (s *Source) name(ctx context.Context, seen scope, p *integration.Probe) error {
	if seen.whole() {
		var d departmentRow
		if err := s.top(ctx, pathDepartment, nil, map[string]any{"dept_id": rootDepartment, "language": "zh_CN"}, &d); err != nil {
			return words(err)
		}
		p.Actor = d.Name + " (" + s.settings.key + ")"
	}
	_, err := s.left(ctx, s.client.env.Clock.Now().AddDate(0, 0, -1), nil)
	switch {
	case err == nil:
		p.Scopes = append(p.Scopes, permLeavers)
	case lacks(err):
		p.Notes = append(p.Notes, gatehouse.Notef("The app lacks the permission %s, so DingTalk's own records of who left are not read. Leavers are found all the same, each by asking for the person.", permLeavers))
	default:
		return words(err)
	}
	return nil
}

// trial tries one permission.
type trial struct {
	permission string
	try        func(context.Context) error
	fine       []int // codes of errors that come only after the permission was found good
}

func (s *Source) trials(seen scope) []trial {
	department := int64(rootDepartment)
	if len(seen.Departments) > 0 {
		department = seen.Departments[0]
	}
	old := func(path string, in map[string]any) func(context.Context) error {
		return func(ctx context.Context) error {
			var any struct{}
			if path == pathChildren {
				return s.top(ctx, path, nil, in, &[]departmentRow{})
			}
			return s.top(ctx, path, nil, in, &any)
		}
	}
	return []trial{
		{permDepartments, old(pathChildren, map[string]any{"dept_id": department}), []int{50004, 60003}},
		{permInside, old(pathInside, map[string]any{"dept_id": department, "cursor": 0, "size": 1}), []int{50004, 60003}},
		{permPeople, old(pathPerson, map[string]any{"userid": "gatehouse-asks-for-nobody"}), []int{33012, 50002, 60121}},
	}
}

// blind says what the app may not see although it may read.
func (s *Source) blind(seen scope) []gatehouse.Note {
	var notes []gatehouse.Note
	if !seen.whole() {
		notes = append(notes, gatehouse.Notef("The app's contact scope in DingTalk is not the whole company: departments %d, single people %d. Whoever is outside of it was not seen; it does not mean that they left.",
			len(seen.Departments), len(seen.People)))
	}
	if !slices.Contains(seen.fields, "mobile") {
		notes = append(notes, gatehouse.Notef("The app may not see phone numbers of employees (fieldMobile), so there are none."))
	}
	if !slices.Contains(seen.fields, "email") && !slices.Contains(seen.fields, "orgEmail") {
		notes = append(notes, gatehouse.Notef("The app may not see e-mail addresses of employees (fieldEmail), so there are none."))
	}
	return notes
}

// lacks says whether an error is about a permission.
func lacks(err error) bool {
	return code(err) == 60011 || strings.HasSuffix(nameOf(err), "AccessTokenPermissionDenied")
}

// lacking collects permissions that the app does not have.
type lacking struct {
	permissions []string
	link        string
	cause       error
}

func (l *lacking) add(permission string, err error) {
	l.cause = errors.Join(l.cause, err)
	var e *apiError
	if errors.As(err, &e) {
		if l.link == "" {
			l.link = applyLink().FindString(e.Message)
		}
		if len(e.Missing) > 0 {
			permission = strings.Join(e.Missing[:min(len(e.Missing), 10)], ", ")
		}
	}
	l.permissions = append(l.permissions, permission)
}

func (l *lacking) err() error {
	names := strings.Join(l.permissions, ", ")
	err := gatehouse.Errorf(gatehouse.Forbidden, "The app lacks permissions in DingTalk: %s. An administrator asks for them in DingTalk's developer console, under Permissions, and syncs again.", names).
		Because(l.cause).With(gatehouse.FactMissingPermission, names)
	if l.link != "" {
		err = err.With(gatehouse.FactPermissionLink, l.link)
	}
	return err
}

// Account reads one person afresh with the departments that the app may see. It
// is NotFound only if DingTalk itself says that there is no such person in the
// company; somebody outside of the contact scope is Forbidden.
func (s *Source) Account(ctx context.Context, id string) (gatehouse.Account, []gatehouse.Grant, error) {
	r, err := s.person(ctx, id, nil)
	if err != nil {
		return gatehouse.Account{}, nil, err
	}
	grants, err := s.visible(ctx, r.grants())
	return s.account(r), grants, err
}

// person reads somebody's own record.
func (s *Source) person(ctx context.Context, id string, made *counter) (personRow, error) {
	var r personRow
	err := s.top(ctx, pathPerson, made, map[string]any{"userid": id, "language": "zh_CN"}, &r)
	if err == nil && r.UserID != id {
		err = unusable(errors.New("the directory answered with somebody else than was asked for"))
	}
	return r, words(err)
}

// visible are the grants on departments that the app may see.
func (s *Source) visible(ctx context.Context, grants []gatehouse.Grant) ([]gatehouse.Grant, error) {
	var all []gatehouse.Grant
	for _, g := range grants {
		var d departmentRow
		err := s.top(ctx, pathDepartment, nil, map[string]any{"dept_id": parseDepartment(g.ResourceID)}, &d)
		if n := code(err); n == 50004 || n == 60003 {
			continue
		}
		if err != nil {
			return nil, words(err)
		}
		if slices.Contains(d.Managers, g.AccountID) {
			g.Role.Level = levelManager
		}
		all = append(all, g)
	}
	return all, nil
}

// words gives DingTalk's error a sentence for whoever looks after the connector.
func words(err error) error {
	n, name := code(err), nameOf(err)
	switch {
	case err == nil:
		return nil
	case n == 60121 || n == 33012:
		return gatehouse.Errorf(gatehouse.NotFound, "DingTalk's directory has no such person.").Because(err)
	case n == 60003:
		return gatehouse.Errorf(gatehouse.NotFound, "DingTalk's directory has no such department.").Because(err)
	case n == 50002 || n == 50004:
		return gatehouse.Errorf(gatehouse.Forbidden, "The app's contact scope in DingTalk does not reach that far, so what is there cannot be seen.").Because(err)
	case lacks(err):
		var l lacking
		l.add("", err)
		return l.err()
	case name == "invalidClientIdOrSecret" || name == "invalid.client" || name == "unauthorized.client" || n == 40089 || n == 40096:
		return gatehouse.Errorf(gatehouse.Unauthorized, "DingTalk does not accept the app's credentials. Correct app_id (AppKey), app_secret (AppSecret) and, if it is set, corp_id.").Because(err)
	case strings.HasSuffix(name, "IpNotInWhiteList") || n == 60020:
		return gatehouse.Errorf(gatehouse.Forbidden, "DingTalk does not accept calls from this server's address. Add it to the app's list of server addresses in DingTalk's developer console.").Because(err)
	case n == 90020 || strings.Contains(name, "ApiCountLimit"):
		return gatehouse.Errorf(gatehouse.Limited, "The company has used up its calls of DingTalk's interfaces for this month.").Because(err)
	case n == codeBlocked:
		return gatehouse.Errorf(gatehouse.Limited, "DingTalk has shut out this server's address for some minutes, because too many calls came from it.").Because(err)
	case n == 90002 || n == 90018 || strings.Contains(name, "QpsLimit") || strings.Contains(name, "QpmLimit"):
		return gatehouse.Errorf(gatehouse.Limited, "DingTalk goes on refusing calls as too many. A lower qps of the connector helps, and other programs that use the same app.").Because(err)
	case gatehouse.KindOf(err) == gatehouse.Upstream:
		return gatehouse.Errorf(gatehouse.Upstream, "DingTalk answered something that Gatehouse cannot use, so the directory was not read. It is tried again.").Because(err)
	}
	return err
}
