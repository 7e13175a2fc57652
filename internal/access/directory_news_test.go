package access

import (
	"context"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
	twin "gatehouse/internal/twin/dingtalk"
)

// seen waits until the store has something, as often as a job ends.
func (c company) seen(what string, is func(*store.Tx) (bool, error)) {
	c.Helper()
	deadline := time.After(20 * time.Second)
	for {
		so := false
		err := c.service.Store.View(c.Context(), func(tx *store.Tx) (err error) {
			so, err = is(tx)
			return err
		})
		if err != nil {
			c.Fatal(err)
		}
		if so {
			return
		}
		select {
		case <-c.outcomes:
		case <-deadline:
			c.Fatalf("it was not seen: %s", what)
		}
	}
}

// A joiner, a mover, a leaver and a new department are seen by DingTalk's Stream,
// without a pull.
func TestDirectoryByStream(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCompany(t, s)
		c.update(func(tx *store.Tx) error {
			connector, err := tx.Connector(c.connector)
			if err != nil {
				return err
			}
			connector.Settings["mode"] = "stream"
			return tx.SaveConnector(&connector)
		})
		c.done()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		c.service.FeedLook = 50 * time.Millisecond
		go func() { ended <- c.service.Listen(ctx) }()
		t.Cleanup(func() { cancel(); <-ended })
		wait, stop := context.WithTimeout(ctx, 20*time.Second)
		defer stop()
		c.must(c.twin.WaitStreams(wait, twin.DemoAppKey, 1))

		c.must(c.twin.AddDepartment(twin.DemoCorpID, twin.Department{ID: 77, Name: "新部门", ParentID: twin.DemoSales}))
		c.must(c.twin.AddUser(twin.DemoCorpID, twin.Member{UserID: "joiner", UnionID: "union-joiner", Name: "新人", DepartmentIDs: []int64{77}}))
		c.must(c.twin.MoveUser(twin.DemoCorpID, "bob", twin.DemoOffice))
		c.must(c.twin.RemoveUser(twin.DemoCorpID, "wangfang", ""))
		c.seen("the new department", func(tx *store.Tx) (bool, error) {
			r, err := tx.Resource(c.connector, "department/77")
			return r.Path == "销售部/新部门", none(err)
		})
		c.seen("the joiner", func(tx *store.Tx) (bool, error) {
			a, err := tx.Account(c.connector, "joiner")
			return a.Name == "新人", none(err)
		})
		c.seen("the mover", func(tx *store.Tx) (bool, error) {
			grants, err := tx.GrantsOf(c.connector, "bob")
			return len(grants) == 1 && grants[0].ResourceID == "department/901000400", err
		})
		c.seen("the leaver", func(tx *store.Tx) (bool, error) {
			_, err := tx.Account(c.connector, "wangfang")
			return gatehouse.KindOf(err) == gatehouse.NotFound, none(err)
		})
		if p := c.done(); p.Written != 0 {
			t.Errorf("a pull still found %d rows to write", p.Written)
		}
	})
}
