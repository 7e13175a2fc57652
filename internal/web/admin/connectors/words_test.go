package connectors

import (
	"testing"
	"time"

	"gatehouse"
)

func TestTook(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		40 * time.Millisecond: "40 ms", 1400 * time.Millisecond: "1.4 s", 12 * time.Second: "12 s", 61 * time.Second: "1 min 1 s", 2*time.Hour + 5*time.Minute: "2 h 5 min",
	} {
		if got := took(t.Context(), gatehouse.Pull{StartedAt: noon, EndedAt: noon.Add(d)}); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := took(t.Context(), gatehouse.Pull{StartedAt: noon}); got != "" {
		t.Errorf("still running: %q", got)
	}
}
