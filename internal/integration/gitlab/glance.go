package gitlab

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/integration"
)

// How far a quick look goes.
const (
	glancePages = 3 // of accounts that changed last
	glanceRun   = 3 // accounts in a row that are as they were: the rest is older
	glanceKept  = 20
)

// mark is how things stood at the last quick look.
type mark struct {
	Accounts []seenAccount `json:"accounts"` // those that changed last, the latest first
	Groups   listMark      `json:"groups"`
	Projects listMark      `json:"projects"`
}

// seenAccount is an account with what it looked like.
type seenAccount struct {
	ID   int64  `json:"id"`
	Hash string `json:"hash"`
}

// listMark is how long a list was, and its highest id.
type listMark struct {
	Total int64 `json:"total"` // -1: GitLab does not tell
	Top   int64 `json:"top"`
}

// Glance finds with three requests, most times, what hooks do not tell (trap 44):
// accounts that were blocked or otherwise changed, by the order of their last
// change; and groups and projects that came or went, by the highest id and the
// number of them.
func (s *Source) Glance(ctx context.Context, from string) (g integration.Glance, err error) {
	a := s.api.counted()
	var was, is mark
	known := json.Unmarshal([]byte(from), &was) == nil && from != ""
	defer func() { g.Requests, err = a.made.Load(), explain(err, s.host()) }()
	changed, err := changedAccounts(ctx, a, was.Accounts, &is)
	if errors.Is(err, errNotAll) {
		return integration.Glance{Next: from}, nil
	}
	if err != nil {
		return g, err
	}
	var all bool
	is.Groups, err = glanceList(ctx, a, classGroups, "/groups", was.Groups, groupID, &g, &all)
	if err != nil {
		return g, err
	}
	is.Projects, err = glanceList(ctx, a, classProjects, "/projects", was.Projects, projectID, &g, &all)
	if err != nil {
		return g, err
	}
	if all {
		g.Notices = []gatehouse.Notice{{Kind: gatehouse.NoticeAll, Event: "groups or projects are gone"}}
	}
	if g.Accounts = changed; !known {
		g.Accounts, g.Notices = nil, nil
	}
	next, err := json.Marshal(is)
	g.Next = string(next)
	return g, err
}

// errNotAll: the token does not see everything, so nothing follows from what a
// quick look shows. A pull says what the matter is.
var errNotAll = errors.New("the token does not see everything")

// changedAccounts reads the accounts in the order of their last change until some
// in a row are as they were. GitLab does not tell when an account changed, only
// sorts by it.
func changedAccounts(ctx context.Context, a *api, was []seenAccount, is *mark) (changed []gatehouse.Account, err error) {
	before := map[seenAccount]bool{}
	for _, s := range was {
		before[s] = true
	}
	run := 0
	q := url.Values{"order_by": {"updated_at"}, "sort": {"desc"}, "per_page": {"100"}, "pagination": {"keyset"}}
	for range glancePages {
		var rows []userRow
		header, err := a.get(ctx, classUsers, "/users", q, &rows)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if !r.full() {
				return nil, errNotAll
			}
			seen := seenAccount{ID: r.ID, Hash: lookOf(r)}
			if len(is.Accounts) < glanceKept {
				is.Accounts = append(is.Accounts, seen)
			}
			if before[seen] {
				run++
			} else {
				run = 0
				changed = append(changed, r.account())
			}
			if run == min(glanceRun, len(was)) && run > 0 {
				return changed, nil
			}
		}
		link := nextLink(header)
		if cursor := link.Get("cursor"); len(was) > 0 && len(rows) > 0 && cursor != "" {
			q.Set("cursor", cursor)
			continue
		}
		break
	}
	return changed, nil
}

// lookOf is the same for an account that is the same, but for when it was last
// seen.
func lookOf(r userRow) string {
	acc := r.account()
	acc.LastActiveAt, acc.LastSignInAt = acc.CreatedAt, acc.CreatedAt
	raw, _ := json.Marshal(acc) // an account can always be written
	sum := sha256.Sum256(raw)
	return base64.RawStdEncoding.EncodeToString(sum[:9])
}

// glanceList looks at the newest of a list. all: some are gone, and nobody knows
// which.
func glanceList(ctx context.Context, a *api, class, path string, was listMark, name func(int64) gatehouse.ResourceID, g *integration.Glance, all *bool) (listMark, error) {
	type row struct {
		ID int64 `json:"id"`
	}
	var rows []row
	header, err := a.get(ctx, class, path, url.Values{"order_by": {"id"}, "sort": {"desc"}, "per_page": {"100"}}, &rows)
	if is(err, http.StatusNotFound) {
		return listMark{}, errors.Join(errShape, err)
	}
	if err != nil {
		return listMark{}, err
	}
	now, fresh := listMark{Total: total(header), Top: was.Top}, int64(0)
	for _, r := range rows {
		if r.ID > was.Top {
			fresh++
			now.Top = max(now.Top, r.ID)
			g.Notices = append(g.Notices, gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: string(name(r.ID)), Event: "new"})
		}
	}
	if was.Total >= 0 && now.Total >= 0 && now.Total != was.Total+fresh || fresh == perPage {
		*all = true
	}
	return now, nil
}
