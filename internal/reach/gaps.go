package reach

import (
	"cmp"
	"fmt"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
)

// Unseen is a gap that an answer has: people may reach the resource by it whom
// the answer does not have.
type Unseen struct {
	gatehouse.Gap
	Path string // of the gap's resource; its id where nothing is shown of it
}

// gapsIn finds what could not be seen of the resources of a question, and the
// groups that are invited to them of which nothing is known.
func gapsIn(tx *store.Tx, connectorID string, w World) ([]Unseen, error) {
	asked := w.known()
	for _, shares := range w.Shares {
		for _, s := range shares {
			if _, known := w.Resources[s.GroupID]; !known && !ended(s.ExpiresAt, w.Now) {
				asked = append(asked, s.GroupID)
			}
		}
	}
	stored, err := tx.GapsAt(connectorID, asked)
	if err != nil {
		return nil, fmt.Errorf("read gaps: %w", err)
	}
	gaps := map[gatehouse.ResourceID]gatehouse.Gap{}
	for _, id := range asked {
		if _, known := w.Resources[id]; !known {
			gaps[id] = gatehouse.Gap{ConnectorID: connectorID, ResourceID: id, Why: gatehouse.GapHidden}
		}
	}
	for _, g := range stored {
		gaps[g.ResourceID] = g
	}
	found := make([]Unseen, 0, len(gaps))
	for id, g := range gaps {
		found = append(found, Unseen{Gap: g, Path: cmp.Or(w.Resources[id].Path, string(id))})
	}
	slices.SortFunc(found, func(a, b Unseen) int { return cmp.Compare(a.Path, b.Path) })
	return found, nil
}

// Sentence says what could not be seen.
func (u Unseen) Sentence(l i18n.Lang) string {
	switch u.Why {
	case gatehouse.GapMembers:
		return i18n.T(l, "The access token may not see who the members of %s are.", u.Path)
	case gatehouse.GapShares:
		return i18n.T(l, "A group is invited to %s that the access token may not see.", u.Path)
	case gatehouse.GapHidden:
		return i18n.T(l, "The invited group %s is hidden from the access token, with everybody in it.", u.Path)
	}
	return string(u.Why)
}
