package dingtalk

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

const (
	pathLeavers   = "/v1.0/contact/empLeaveRecords"
	leaversAtOnce = 50
	mostLeavers   = 20_000 // read at once; more is a list that never ends
	leaversBack   = 364    // days; DingTalk takes a year at most
)

// leaveRecord is DingTalk's own record of one who left.
type leaveRecord struct {
	UserID string `json:"userId"`
	LeftAt string `json:"leaveTime"`
	Reason string `json:"leaveReason"` // oapi, cancel, leave, unknown, delete
}

// left reads who left since a time, by userid. How the list ends is not
// documented: it is at its end when the token is empty, "0" or the same again,
// and when a page has no records.
func (s *Source) left(ctx context.Context, since time.Time, made *counter) (map[string]leaveRecord, error) {
	all := map[string]leaveRecord{}
	until := s.client.env.Clock.Now().Add(time.Second) // the texts have whole seconds
	for token, rows := "0", 0; rows < mostLeavers; {
		q := url.Values{
			"startTime": {since.UTC().Format(time.RFC3339)}, "endTime": {until.UTC().Format(time.RFC3339)},
			"nextToken": {token}, "maxResults": {"50"},
		}
		var page struct {
			Next    string        `json:"nextToken"`
			Records []leaveRecord `json:"records"`
		}
		err := s.ask(ctx, pathLeavers, made, func(ctx context.Context) error {
			page.Next, page.Records = "", nil
			return s.client.getWithToken(ctx, s.settings.company, s.settings.api+pathLeavers+"?"+q.Encode(), &page)
		})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			all[r.UserID] = r
		}
		if rows += len(page.Records); len(page.Records) == 0 || page.Next == "" || page.Next == "0" || page.Next == token {
			break
		}
		token = page.Next
	}
	return all, nil
}

// getWithToken asks the new API with the app's token.
func (c *client) getWithToken(ctx context.Context, company, address string, out any) error {
	return c.withToken(ctx, company, func(token string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		r.Header.Set("x-acs-dingtalk-access-token", token)
		return c.do(r, out)
	})
}

// Confirm asks for each person and department that a pull did not see. Only
// DingTalk's word that there is none makes one gone: somebody who is outside of
// the contact scope now has not left.
func (s *Source) Confirm(ctx context.Context, accounts []string, resources []gatehouse.ResourceID) (integration.Confirmed, error) {
	var made counter
	var out integration.Confirmed
	seen := make([]confirmation, len(accounts))
	err := each(ctx, len(accounts), func(ctx context.Context, i int) (err error) {
		seen[i], err = s.confirmPerson(ctx, accounts[i], &made)
		return err
	})
	if err != nil {
		return out, err
	}
	departments := make([]confirmation, len(resources))
	err = each(ctx, len(resources), func(ctx context.Context, i int) (err error) {
		departments[i], err = s.confirmDepartment(ctx, parseDepartment(resources[i]), &made)
		return err
	})
	if err != nil {
		return out, err
	}
	hidden := int64(0)
	for _, c := range append(seen, departments...) {
		if c.hidden {
			hidden++
		}
		out.Again = out.Again || c.department
		out.Still.Accounts = append(out.Still.Accounts, c.accounts...)
		out.Still.Grants = append(out.Still.Grants, c.grants...)
	}
	if hidden > 0 {
		out.Held = gatehouse.Notef("The contact scope of the app in DingTalk has become smaller: of the people and departments that were not seen any more, %d are outside of it now (asked about: %d). They have not left. Widen the scope in DingTalk's developer console and sync again, or let this through if they are to be forgotten here.",
			hidden, len(seen)+len(departments))
	}
	if out.Still.Notes, err = s.recorded(ctx, accounts, seen, &made); err != nil {
		return out, err
	}
	out.Still.Requests = made.Load()
	return out, nil
}

// confirmation is what DingTalk says of one that was not seen. Its zero value:
// it is gone.
type confirmation struct {
	hidden     bool // there, and outside of what the app may see
	department bool // a department that is there
	accounts   []gatehouse.Account
	grants     []gatehouse.Grant
}

func (s *Source) confirmPerson(ctx context.Context, id string, made *counter) (confirmation, error) {
	r, err := s.person(ctx, id, made)
	switch n := code(err); {
	case n == 60121 || n == 33012:
		return confirmation{}, nil
	case n == 50002:
		return confirmation{hidden: true}, nil
	case err != nil:
		return confirmation{}, err
	}
	grants, err := s.visible(ctx, r.grants())
	return confirmation{accounts: []gatehouse.Account{s.account(r)}, grants: grants}, words(err)
}

func (s *Source) confirmDepartment(ctx context.Context, id int64, made *counter) (confirmation, error) {
	if id == 0 {
		return confirmation{}, nil
	}
	var d departmentRow
	err := s.top(ctx, pathDepartment, made, map[string]any{"dept_id": id}, &d)
	switch n := code(err); {
	case n == 60003:
		return confirmation{}, nil
	case n == 50004:
		return confirmation{hidden: true}, nil
	case err != nil:
		return confirmation{}, words(err)
	}
	return confirmation{department: true}, nil
}

// recorded compares those who are gone with DingTalk's own records of leavers,
// which say when and why. Where they may not be read, or somebody is not in
// them, it is a remark: the person is gone all the same.
func (s *Source) recorded(ctx context.Context, accounts []string, seen []confirmation, made *counter) ([]gatehouse.Note, error) {
	var gone []string
	for i, c := range seen {
		if !c.hidden && len(c.accounts) == 0 {
			gone = append(gone, accounts[i])
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	records, err := s.left(ctx, s.client.env.Clock.Now().AddDate(0, 0, -leaversBack), made)
	if lacks(err) {
		return []gatehouse.Note{gatehouse.Notef("People who are gone from the directory, each confirmed by asking for them: %d.", len(gone))}, nil
	}
	if err != nil {
		return nil, words(err)
	}
	named := 0
	for _, id := range gone {
		if _, ok := records[id]; ok {
			named++
		}
	}
	return []gatehouse.Note{gatehouse.Notef("People who are gone from the directory, each confirmed by asking for them: %d. DingTalk's records of leavers name %d of them.", len(gone), named)}, nil
}
