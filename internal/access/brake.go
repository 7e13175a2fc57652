package access

import (
	"gatehouse"
	"gatehouse/internal/store"
)

// brakes says what would vanish beyond the brake, or nothing: of a kind of thing
// in the whole app, or of a kind below one top-level group. In an app of many
// groups a whole one is no fifth of anything, and yet somebody should look. Where
// less than a handful would vanish from a group, that is everyday life.
func brakes(brake float64, current, gone store.Counts, trees []store.Tree) gatehouse.Note {
	losses := []loss{
		{current.Accounts, gone.Accounts, gatehouse.Notef("%d of %d accounts would vanish", gone.Accounts, current.Accounts)},
		{current.Resources, gone.Resources, gatehouse.Notef("%d of %d groups and projects would vanish", gone.Resources, current.Resources)},
		{current.Grants, gone.Grants, gatehouse.Notef("%d of %d memberships would vanish", gone.Grants, current.Grants)},
		{current.Shares, gone.Shares, gatehouse.Notef("%d of %d shares would vanish", gone.Shares, current.Shares)},
	}
	for _, l := range losses {
		if l.has >= brakeFloor && l.beyond(brake) {
			return l.says
		}
	}
	for _, t := range trees {
		for _, l := range lossesOf(t) {
			if l.lost >= brakeFloor && l.beyond(brake) {
				return l.says
			}
		}
	}
	return gatehouse.Note{}
}

// loss is how much of what there is would vanish.
type loss struct {
	has, lost int64
	says      gatehouse.Note
}

func (l loss) beyond(brake float64) bool { return float64(l.lost) > brake*float64(l.has) }

func lossesOf(t store.Tree) []loss {
	c, g := t.Current, t.Gone
	return []loss{
		{c.Resources, g.Resources, gatehouse.Notef("%d of %d groups and projects in %s would vanish", g.Resources, c.Resources, t.Path)},
		{c.Grants, g.Grants, gatehouse.Notef("%d of %d memberships in %s would vanish", g.Grants, c.Grants, t.Path)},
		{c.Shares, g.Shares, gatehouse.Notef("%d of %d shares in %s would vanish", g.Shares, c.Shares, t.Path)},
	}
}
