package people

import (
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// mostFound bounds who is offered to be merged.
const mostFound = 20

// mergeView is the page where the other account is chosen and then looked at.
type mergeView struct {
	By      gatehouse.User
	Keep    gatehouse.User
	Search  string
	Found   []gatehouse.User // by the search
	Plan    users.MergePlan  // of the chosen one; without Gone.ID: nobody is chosen
	Refused string           // why the chosen one cannot be merged
	Names   names
}

// names are those of connections, connectors and clients by their ids.
type names struct {
	Connections map[string]gatehouse.Connection
	Connectors  map[string]string
	Clients     map[string]string
}

func namesOf(tx *store.Tx) (n names, err error) {
	if n.Connections, err = desk.ConnectionsByID(tx); err != nil {
		return n, err
	}
	connectors, err := tx.Connectors()
	if err != nil {
		return n, err
	}
	n.Connectors = map[string]string{}
	for _, c := range connectors {
		n.Connectors[c.ID] = c.Name
	}
	clients, err := tx.Clients()
	n.Clients = map[string]string{}
	for _, c := range clients {
		n.Clients[c.ID] = c.Name
	}
	return n, err
}

// mergePage chooses who is merged into a user, and shows what would move.
func (p *People) mergePage(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	l := desk.NewList(r)
	v := mergeView{By: by, Search: l.Text("q")}
	err := p.Read(r, "the merge", func(tx *store.Tx) (err error) {
		if v.Keep, err = tx.User(r.PathValue("user")); err != nil {
			return err
		}
		if v.Names, err = namesOf(tx); err != nil {
			return err
		}
		if other := l.Text("other"); other != "" {
			return p.plan(tx, r, &v, other)
		}
		return search(tx, &v)
	})
	if err != nil {
		return err
	}
	return p.Render(w, r, desk.Page("users", i18n.Text(r.Context(), "Merge accounts"), by), mergeBody(v))
}

func (p *People) plan(tx *store.Tx, r *http.Request, v *mergeView, other string) error {
	gone, err := tx.User(other)
	if err != nil {
		return err
	}
	v.Plan, err = p.Users.PlanMerge(tx, desk.Actor(r, v.By), v.Keep.ID, other)
	v.Plan.Keep, v.Plan.Gone = v.Keep, gone
	if kind := gatehouse.KindOf(err); kind == gatehouse.Conflict || kind == gatehouse.Forbidden || kind == gatehouse.Invalid {
		v.Refused = sentence(r.Context(), err)
		return nil
	}
	return err
}

func search(tx *store.Tx, v *mergeView) error {
	if v.Search == "" {
		return nil
	}
	found, err := tx.Users(store.UserFilter{Search: v.Search}, store.Cursor{Limit: mostFound + 1})
	for _, u := range found.Items {
		if u.ID != v.Keep.ID && len(v.Found) < mostFound {
			v.Found = append(v.Found, u)
		}
	}
	return err
}

func (p *People) merge(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("user")
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := p.Users.Merge(tx, desk.Actor(r, by), id, form.Get("other"))
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(id)+"?done=merged")
	return nil
}

// recordView is what became of two accounts.
type recordView struct {
	By         gatehouse.User
	Merge      gatehouse.Merge
	Keep, Gone gatehouse.User
	Plan       users.SplitPlan
	Refused    string // why they cannot be split now
	Names      names
}

// mergeRecord shows a merge, and what splitting would give back.
func (p *People) mergeRecord(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	v := recordView{By: by}
	err := p.Read(r, "the merge", func(tx *store.Tx) (err error) {
		if v.Merge, err = tx.Merge(r.PathValue("merge")); err != nil {
			return err
		}
		if v.Names, err = namesOf(tx); err != nil {
			return err
		}
		if v.Keep, err = tx.User(v.Merge.KeptID); err != nil {
			return err
		}
		if v.Gone, err = tx.User(v.Merge.GoneID); err != nil {
			return err
		}
		v.Plan, err = p.Users.PlanSplit(tx, v.Merge.ID)
		if errors.Is(err, gatehouse.Conflict) {
			v.Refused = sentence(r.Context(), err)
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.Render(w, r, desk.Page("users", i18n.Text(r.Context(), "Merged accounts"), by), recordBody(v))
}

func (p *People) split(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var m gatehouse.Merge
	err := p.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		m, err = p.Users.Split(tx, desk.Actor(r, by), r.PathValue("merge"))
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(m.GoneID)+"?done=split") // whose own session has ended by it signs in on the way
	return nil
}

// RecordHref is the page of a merge.
func RecordHref(mergeID string) string { return "/admin/merges/" + url.PathEscape(mergeID) }

// MergeRow is a merge of a user with the other account.
type MergeRow struct {
	gatehouse.Merge
	Other gatehouse.User
	Kept  bool // the user is the kept one
}

// MergesOf lists the merges of a user.
func MergesOf(tx *store.Tx, userID string) ([]MergeRow, error) {
	all, err := tx.Merges(userID)
	if err != nil {
		return nil, err
	}
	var rows []MergeRow
	for _, m := range all {
		row := MergeRow{Merge: m, Kept: m.KeptID == userID}
		other := m.KeptID
		if row.Kept {
			other = m.GoneID
		}
		if row.Other, err = tx.User(other); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}
