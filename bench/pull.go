package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// pull measures how a whole GitLab is read by a hub that knows nothing of it,
// and then again when nothing has changed.
func (b *bench) pull(ctx context.Context) error {
	c, err := sized(b.size)
	if err != nil {
		return err
	}
	least := boundOf(c.world())
	fmt.Fprintf(b.out, "  %d users, %d groups, %d projects.\n", c.users, c.groups, c.projects)
	fmt.Fprintf(b.out, "  Fewest requests: %d for the lists, %d for members, %d for shares of groups: %d.\n\n", least.lists, least.members, least.shares, least.sum())
	t := &table{}
	t.add("database", "latency", "pull", "time", "requests", "of the fewest", "rows written", "rows read", "peak memory", "hub CPU")
	var worst figures
	runs := []struct {
		name    string
		latency time.Duration
		pg      bool
	}{{"sqlite 0ms", 0, false}, {"sqlite 50ms", 50 * time.Millisecond, false}, {"postgres 50ms", 50 * time.Millisecond, true}}
	for _, r := range runs {
		database, about := "sqlite:gatehouse.db", "SQLite"
		if r.pg && b.postgres == "" {
			t.add("PostgreSQL", "skipped: "+postgresServer+" is not set")
			continue
		}
		if r.pg {
			var err error
			if database, _, err = b.newPostgres(ctx); err != nil {
				return err
			}
			about = "PostgreSQL"
		}
		found, err := b.pullOn(ctx, r.name, database, r.latency)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for i, f := range found {
			t.add(about, r.latency.String(), []string{"first", "second"}[i], seconds(f.took), fmt.Sprint(f.requests),
				fmt.Sprintf("%.2f", f.times(least)), fmt.Sprint(f.written), fmt.Sprint(f.rows), megabytes(f.peak), seconds(f.cpu))
			worst.add(f)
		}
	}
	b.print(t)
	marks := &table{}
	marks.add("worst of the above", "mark")
	marks.add("time", mark(worst.took, markPull, seconds))
	marks.add("peak memory", mark(worst.peak, markPeak, megabytes))
	marks.add("requests of the fewest", mark(worst.times(least), markTimes, func(x float64) string { return fmt.Sprintf("%.2f times", x) }))
	b.print(marks)
	return nil
}

// figures are of one pull.
type figures struct {
	took           time.Duration
	requests       int
	written, rows  int64
	peak           int64 // resident memory of the hub at most, since its start
	cpu            time.Duration
	requestsByPath map[string]int
}

func (f figures) times(least bound) float64 { return float64(f.requests) / float64(least.sum()) }

// add keeps the worst.
func (f *figures) add(other figures) {
	f.took, f.peak, f.requests = max(f.took, other.took), max(f.peak, other.peak), max(f.requests, other.requests)
}

// pullOn runs a stand-in and a hub, each in a process of its own, and has the
// hub pull twice.
func (b *bench) pullOn(ctx context.Context, name, database string, latency time.Duration) (found []figures, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	gitlab, err := launch(ctx, nil, self, childTwin, "-latency", latency.String(), "-size", b.size)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, gitlab.stop()) }()
	in, err := b.install(ctx, "pull "+name, database, fmt.Sprintf(
		"connectors:\n  - {name: GitLab, key: gitlab, kind: gitlab, url: %q, personal_access_token: %q}\n", gitlab.address, gitlabToken))
	if err != nil {
		return nil, err
	}
	people, err := in.seed(ctx)
	if err != nil {
		return nil, err
	}
	hub, err := in.start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hub.stop()) }()
	admin := &administrator{url: in.url, cookie: people[0].cookie, gitlab: gitlab.address}
	for i := range 2 {
		f, err := admin.onePull(ctx, hub, i+1)
		if err != nil {
			return nil, fmt.Errorf("pull %d: %w (%s)", i+1, err, hub.errors)
		}
		found = append(found, f)
	}
	return found, nil
}

// administrator asks the hub over its API.
type administrator struct{ url, cookie, gitlab string }

// pullAnswer is what the API tells of a pull, as far as it matters here.
type pullAnswer struct {
	State    string `json:"state"`
	Error    string `json:"error"`
	Written  int64  `json:"written"`
	Progress struct {
		Accounts  int64 `json:"accounts"`
		Resources int64 `json:"resources"`
		Grants    int64 `json:"grants"`
		Shares    int64 `json:"shares"`
	} `json:"progress"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
}

// pullTime bounds how long a pull is waited for.
const pullTime = 5 * time.Minute

// onePull waits until so many pulls are done and measures the last. The first
// begins by itself.
func (a *administrator) onePull(ctx context.Context, hub *process, number int) (figures, error) {
	before, err := cpuOf(hub.pid())
	if err != nil {
		return figures{}, err
	}
	p, err := a.await(ctx, number)
	if err != nil {
		return figures{}, err
	}
	f := figures{took: p.EndedAt.Sub(p.StartedAt), written: p.Written}
	f.rows = p.Progress.Accounts + p.Progress.Resources + p.Progress.Grants + p.Progress.Shares
	after, err := cpuOf(hub.pid())
	if err != nil {
		return figures{}, err
	}
	f.cpu = after - before
	if f.peak, err = memoryOf(hub.pid(), "VmHWM"); err != nil {
		return figures{}, err
	}
	if err := a.call(ctx, http.MethodPost, a.gitlab+requestsPath, &f.requestsByPath); err != nil {
		return figures{}, err
	}
	for _, n := range f.requestsByPath {
		f.requests += n
	}
	return f, nil
}

func (a *administrator) await(ctx context.Context, number int) (pullAnswer, error) {
	var asked time.Time
	for began := time.Now(); time.Since(began) < pullTime; {
		var list struct {
			Items []pullAnswer `json:"items"`
		}
		if err := a.call(ctx, http.MethodGet, a.url+"/api/v1/connectors/gitlab/pulls", &list); err != nil {
			return pullAnswer{}, err
		}
		switch {
		case len(list.Items) < number && number > 1 && time.Since(asked) > time.Second:
			// Asked again until it begins: while the job of the pull before has not
			// quite ended, it is taken for what is asked for.
			if err := a.call(ctx, http.MethodPost, a.url+"/api/v1/connectors/gitlab/sync", nil); err != nil {
				return pullAnswer{}, err
			}
			asked = time.Now()
		case len(list.Items) >= number:
			switch p := list.Items[0]; p.State {
			case "done":
				return p, nil
			case "running":
			default:
				return p, fmt.Errorf("it is %s: %s", p.State, p.Error)
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return pullAnswer{}, err
		}
	}
	return pullAnswer{}, fmt.Errorf("it was not done after %s", pullTime)
}

// call asks for JSON; into may be nil.
func (a *administrator) call(ctx context.Context, method, address string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(nil))
	if err != nil {
		return err
	}
	r.Header.Set("Cookie", "gatehouse_session="+a.cookie)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: status %d: %.300s", method, r.URL.Path, answer.StatusCode, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}
