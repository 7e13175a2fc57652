package apps

import (
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Sighting is a probe as it is kept.
func Sighting(p integration.Probe, at time.Time) gatehouse.Sighting {
	return gatehouse.Sighting{
		At: at, Version: p.Version, Edition: p.Edition, Actor: p.Actor, Admin: p.Admin, Scopes: p.Scopes, ExpiresAt: p.ExpiresAt, Notes: p.Notes,
	}
}
