package op

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/op/gitlab"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
)

// projects is a page of those that a person reaches.
type projects struct {
	query gitlab.ProjectQuery
	names gitlab.Names
	page  []reach.Standing // one more than is shown, where there is one
	total int              // counted as far as it is told
}

// apiProjects answers GET /api/v4/projects: those that the person reaches as a
// member, however that came about.
func (p *Provider) apiProjects(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	var found projects
	var refused *gitlab.Failure
	failure, err := p.asked(w, r, door{scopes: listScopes()}, func(tx *store.Tx, b bearing) (err error) {
		q := &gitlab.Query{Values: r.URL.Query()}
		found = projects{query: gitlab.ReadProjects(q)}
		if refused = q.Failure(); refused == nil && found.query.Keyset && found.query.Cursor() == "" {
			refused = gitlab.NoKeyset()
		}
		if refused != nil {
			return nil
		}
		return p.readProjects(tx, b, &found)
	})
	if failure == nil {
		failure = refused
	}
	if failure != nil || err != nil {
		return failure, err
	}
	p.writeProjects(w, r, found)
	return nil, nil
}

// readProjects has the database cut the page, or, in an order that only we know,
// reads all of them.
func (p *Provider) readProjects(tx *store.Tx, b bearing, found *projects) error {
	connectorID, accounts, unknown, err := p.accountsOf(tx, b.client, b.user.ID)
	if err != nil || unknown != "" {
		return err
	}
	q, only := found.query, b.client.Settings.GroupsOnly
	if !q.Numbered() {
		all, err := reach.Everything(tx, connectorID, accounts)
		all = gitlab.Within(all, only)
		found.names = gitlab.NamesOf(all)
		all = q.Projects(all)
		found.total = len(all)
		found.page = all[min((q.Window.Page-1)*q.Window.Size, len(all)):min(q.Window.Page*q.Window.Size+1, len(all))]
		return err
	}
	m, err := reach.ReadMine(tx, connectorID, accounts)
	if err != nil {
		return err
	}
	most := gitlab.Counted
	if q.Keyset {
		most = 0
	}
	var total int64
	found.names = gitlab.NamesOf(gitlab.Within(m.Groups, only))
	found.page, total, err = m.Projects(tx, q.Level, q.Filter(only), most)
	found.total = int(total)
	return err
}

func (p *Provider) writeProjects(w http.ResponseWriter, r *http.Request, found projects) {
	q, self, values := found.query, p.issuer()+r.URL.EscapedPath(), r.URL.Query()
	page := found.page[:min(q.Window.Size, len(found.page))]
	if q.Keyset {
		gitlab.CutAfter(found.page, q.Window, w.Header(), self, values, q.Cursor(), func(s reach.Standing) int64 { return gitlab.Number(s.Resource.ID) })
	} else {
		q.Window.Tell(found.total, len(found.page) > len(page), w.Header(), self, values)
	}
	rows := make([]gitlab.Project, len(page))
	for i, s := range page {
		rows[i] = gitlab.ProjectOf(s, found.names, q.Simple)
	}
	wire.JSON(w, http.StatusOK, rows)
}

// apiProject answers GET /api/v4/projects/:id.
func (p *Provider) apiProject(w http.ResponseWriter, r *http.Request) (*gitlab.Failure, error) {
	return p.oneProject(w, r, func(_ bearing, s reach.Standing, names gitlab.Names) *gitlab.Failure {
		wire.JSON(w, http.StatusOK, gitlab.ProjectOf(s, names, false))
		return nil
	})
}

// oneProject answers a request about the project of the address, if the person
// reaches it and the client may be told of it.
func (p *Provider) oneProject(w http.ResponseWriter, r *http.Request, write func(bearing, reach.Standing, gitlab.Names) *gitlab.Failure) (*gitlab.Failure, error) {
	var b bearing
	var found reach.Standing
	var names gitlab.Names
	failure, err := p.asked(w, r, door{scopes: listScopes()}, func(tx *store.Tx, who bearing) error {
		b, found = who, reach.Standing{}
		connectorID, accounts, unknown, err := p.accountsOf(tx, who.client, who.user.ID)
		if err != nil || unknown != "" {
			return err
		}
		m, err := reach.ReadMine(tx, connectorID, accounts)
		if err != nil {
			return err
		}
		names = gitlab.NamesOf(gitlab.Within(m.Groups, who.client.Settings.GroupsOnly))
		found, err = m.Project(tx, r.PathValue("id"))
		if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && len(gitlab.Within([]reach.Standing{found}, who.client.Settings.GroupsOnly)) == 0 {
			found, err = reach.Standing{}, nil
		}
		return err
	})
	if failure != nil || err != nil {
		return failure, err
	}
	if found.Resource.ID == "" {
		return gitlab.Missing("Project"), nil
	}
	return write(b, found, names), nil
}
