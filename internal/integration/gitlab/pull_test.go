package gitlab_test

import (
	"testing"

	twin "gatehouse/internal/twin/gitlab"
)

func TestPull(t *testing.T) {
	t.Parallel()
	t.Run("OfTheDemoIsItsTruth", func(t *testing.T) {
		t.Parallel()
		g := start(t, nil, twin.Config{})
		f := mustPull(t, g.source(t, rootToken))
		same(t, truth(g.World, g.server.URL, true), f)
		t.Log(lines(g.Requests()))
		t.Log(f.Notes)
	})
}
