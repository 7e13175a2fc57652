package access

import (
	"slices"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/certify"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// certificates are those of the connector, each on a line, and what they prove.
func (b *bench) certificates() (lines []string, r certify.Report) {
	b.Helper()
	b.update(func(tx *store.Tx) error {
		_, text, err := CertificatePublic(tx)
		if err != nil {
			return err
		}
		public, err := certify.ParsePublic([]byte(text))
		if err != nil {
			return err
		}
		kept, err := tx.Certificates(b.connector, store.Cursor{})
		if err != nil {
			return err
		}
		for _, c := range kept.Items {
			lines = append(lines, c.Body)
		}
		r, err = certify.Verify(strings.NewReader(strings.Join(lines, "\n")), public)
		return err
	})
	return lines, r
}

// TestEachWholePullIsCertified: a pull that reads an app whole leaves a signed
// record behind that of the one before; one that fails, or is held, leaves none.
func TestEachWholePullIsCertified(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		gap := integration.Page{Step: "shares", Requests: 2, Notes: []gatehouse.Note{gatehouse.Notef("%d gaps", 2)}, Gaps: []gatehouse.Gap{
			{ResourceID: "group/9", Why: gatehouse.GapHidden}, {ResourceID: "group/1", Why: gatehouse.GapShares},
		}}
		source := &play{failAt: -1, pages: []integration.Page{people(20), people(20), gap}}
		b := newBench(t, s, source)
		b.sync()
		_, first, _ := b.look()
		_, r := b.certificates()
		got := r.Last[0]
		if got.Pull != first.ID || got.Number != 1 || got.Former != "" || got.Connector.Key != "gitlab" || got.Connector.URL != "https://gitlab.test" || got.Released {
			t.Errorf("%+v", got)
		}
		if got.Read != (certify.Counts{Accounts: 40, Resources: 2, Grants: 40}) || got.Known != (certify.Counts{Accounts: 20, Resources: 1, Grants: 20}) {
			t.Errorf("read %+v, known %+v", got.Read, got.Known)
		}
		pages := map[string][2]int64{}
		for _, s := range got.Steps {
			pages[s.Name] = [2]int64{s.Pages, s.Requests}
		}
		if pages["accounts"] != [2]int64{2, 2} || pages["shares"] != [2]int64{1, 2} || pages["probe"] != [2]int64{} || len(pages) != 4 {
			t.Errorf("pages and requests %v", pages)
		}
		if got.Gaps.Count != 2 || !slices.Equal(got.Gaps.First, []certify.Gap{{Resource: "group/1", Why: "shares"}, {Resource: "group/9", Why: "hidden"}}) {
			t.Errorf("gaps %+v", got.Gaps)
		}
		if !slices.Equal(got.Notes, []string{"a note of the probe", "2 gaps"}) {
			t.Errorf("notes %q", got.Notes)
		}

		source.set(func(p *play) {
			p.failAt, p.fail = 1, gatehouse.Errorf(gatehouse.Unauthorized, "The token ended.")
		})
		b.sync()
		source.set(func(p *play) { p.pages = []integration.Page{people(2)} })
		b.sync()
		_, held, _ := b.look()
		if lines, _ := b.certificates(); held.State != gatehouse.PullHeld || len(lines) != 1 {
			t.Errorf("%d certificates after one that failed and one that is %s", len(lines), held.State)
		}
		b.update(func(tx *store.Tx) error {
			return b.service.Release(tx, gatehouse.Actor{Kind: gatehouse.ActorUser, Name: "test"}, held.ID)
		})
		b.wait("access.pull")
		lines, r := b.certificates()
		if got := r.Last[0]; len(lines) != 2 || got.Number != 2 || !got.Released || got.Pull != held.ID || got.Known.Accounts != 2 || got.Former == "" {
			t.Errorf("%d certificates, the last %+v", len(lines), got)
		}
		events, err := eventsOf(t, s, "pull.done")
		if err != nil || len(events) != 2 || events[0].Details["certificate"] != "2 "+r.Chains[0].Digest {
			t.Errorf("audit log %+v, %v", events, err)
		}
	})
}

func eventsOf(t *testing.T, s *store.Store, action string) (found []gatehouse.Event, err error) {
	t.Helper()
	err = s.View(t.Context(), func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{Action: action}, store.Cursor{})
		found = page.Items
		return err
	})
	return found, err
}
