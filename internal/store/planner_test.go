package store_test

import (
	"fmt"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// TestPlannerKnowsWhatWasStaged: a staging table is empty between pulls. When
// PostgreSQL looked at it then, it compared each row of the history with each
// staged one, which took a minute where half a second is needed.
func TestPlannerKnowsWhatWasStaged(t *testing.T) {
	t.Parallel()
	const rows = 300
	app := store.Staged{}
	for i := range rows {
		app.Grants = append(app.Grants, gatehouse.Grant{AccountID: fmt.Sprint(i), ResourceID: "group/1", Role: gatehouse.Role{Level: 30}})
	}
	for name, ask := range map[string]func(tx *store.Tx, connectorID, pullID string) error{
		"BeforeWhatVanishedIsCounted": func(tx *store.Tx, connectorID, pullID string) error {
			_, err := tx.CountVanished(connectorID, pullID)
			return err
		},
		"BeforeThePullIsFinished": func(tx *store.Tx, connectorID, pullID string) error {
			_, err := tx.FinishPull(connectorID, pullID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := storetest.Postgres(t)
			s := open(t, address, key(t))
			c := newConnector(t, s, "gitlab")
			statement(t, address, `analyze staged_grants`)
			id := stage(t, s, c.ID, app)
			update(t, s, func(tx *store.Tx) error { return ask(tx, c.ID, id) })
			statement(t, address, fmt.Sprintf(`do $$ begin
				assert (select reltuples from pg_class where relname = 'staged_grants') = %d, 'the planner does not know';
			end $$`, rows))
		})
	}
}
