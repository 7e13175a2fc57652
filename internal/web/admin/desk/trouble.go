package desk

import (
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/internal/store"
)

// lookedAt is how many of a connection's last decisions are looked at.
const lookedAt = 20

// Trouble is what an administrator has to mend at a connection's provider, by
// the newest decision that tells; the zero value when there is nothing.
type Trouble struct {
	Decision   gatehouse.Decision
	Permission string // the app lacks it, by the name that the provider has for it
	Link       string // where it is asked for there, "" = not told
	Address    string // of this server, which the provider does not take calls from
}

// Nothing says whether there is nothing to mend.
func (t Trouble) Nothing() bool { return t.Permission == "" && t.Address == "" }

// Harmless says whether people get in all the same.
func (t Trouble) Harmless() bool {
	return t.Decision.Outcome != gatehouse.OutcomeFailed && t.Decision.Outcome != gatehouse.OutcomeRefused
}

// TroubleOf reads what is to be mended at a connection's provider.
func TroubleOf(tx *store.Tx, connectionID string) (Trouble, error) {
	last, err := tx.ConnectionDecisions(connectionID, lookedAt)
	if err != nil {
		return Trouble{}, fmt.Errorf("read the last decisions of connection %s: %w", connectionID, err)
	}
	return trouble(last), nil
}

// trouble looks through decisions from the newest on. One of a person who came
// all the way, and that tells of nothing, says that what was wrong before is
// mended. One of somebody who was refused for themselves says nothing of it.
func trouble(newest []gatehouse.Decision) Trouble {
	for _, d := range newest {
		t := Trouble{
			Decision: d, Permission: d.Told(gatehouse.FactMissingPermission),
			Link: d.Told(gatehouse.FactPermissionLink), Address: d.Told(gatehouse.FactServerAddress),
		}
		if !strings.HasPrefix(t.Link, "https://") {
			t.Link = ""
		}
		if !t.Nothing() {
			return t
		}
		switch d.Outcome {
		case gatehouse.OutcomeSignedIn, gatehouse.OutcomeCreated, gatehouse.OutcomeLinked, gatehouse.OutcomePending, gatehouse.OutcomeTested:
			return Trouble{}
		case gatehouse.OutcomeRefused, gatehouse.OutcomeFailed:
		}
	}
	return Trouble{}
}
