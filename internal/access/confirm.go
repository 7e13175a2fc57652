package access

import (
	"context"
	"fmt"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/jobs"
	"gatehouse/internal/store"
)

// confirmAtOnce is how many an app is asked about in one go.
const confirmAtOnce = 100

// confirm asks the app about each account, resource and membership that a whole
// pull did not see, where it can be asked, before they count as gone. What is there all the
// same is staged. It says why the pull must be held, or nothing.
func (s *Service) confirm(ctx context.Context, j *jobs.Job[pullArgs], p *gatehouse.Pull) (gatehouse.Note, error) {
	_, connected, err := s.Apps.Connector(ctx, p.ConnectorID)
	if err != nil || connected.Confirmer == nil {
		return gatehouse.Note{}, err
	}
	braked, err := s.wouldHold(ctx, *p)
	if err != nil {
		return gatehouse.Note{}, err
	}
	var after missed // the last that were asked about
	for {
		ask, err := s.missed(ctx, *p, after)
		if err != nil || ask.none() {
			return gatehouse.Note{}, err
		}
		after = ask
		held, err := s.confirmSome(ctx, j, p, connected.Confirmer, ask)
		// Beyond the brake a person looks anyway, and a hundred tell why.
		if err != nil || held.Text != "" || braked {
			return held, err
		}
	}
}

// confirmSome asks about some, and stages what is there.
func (s *Service) confirmSome(ctx context.Context, j *jobs.Job[pullArgs], p *gatehouse.Pull, app integration.Confirmer, ask missed) (gatehouse.Note, error) {
	resources := make([]gatehouse.ResourceID, len(ask.resources))
	for i, id := range ask.resources {
		resources[i] = gatehouse.ResourceID(id)
	}
	c, err := app.Confirm(ctx, append(ask.accounts, ask.holders...), resources)
	if err != nil {
		return gatehouse.Note{}, err
	}
	c.Still.Next = integration.Checkpoint(p.Checkpoint)
	if c.Again && c.Held.Text == "" {
		c.Still.Next = "" // from the start, over what is staged
	}
	if err := s.stage(ctx, j, p, c.Still); err != nil {
		return gatehouse.Note{}, fmt.Errorf("stage what was confirmed: %w", err)
	}
	if c.Again && c.Held.Text == "" {
		return gatehouse.Note{}, gatehouse.Errorf(gatehouse.Unavailable, "The app changed so much while it was read that it is read again.")
	}
	return c.Held, nil
}

// missed is what a pull did not see, by ids.
type missed struct {
	accounts  []string
	resources []string
	holders   []string // accounts that it saw, without a grant that they had
}

func (m missed) none() bool { return len(m.accounts)+len(m.resources)+len(m.holders) == 0 }

// missed are the next ones behind those that were asked about. Accounts come
// first; resources follow when there are no more, and then those who lost a
// grant, since it may be the list that shifted while it was read.
func (s *Service) missed(ctx context.Context, p gatehouse.Pull, after missed) (next missed, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) {
		next = missed{}
		if len(after.resources)+len(after.holders) == 0 {
			next.accounts, err = tx.VanishedAccounts(p.ConnectorID, p.ID, last(after.accounts), confirmAtOnce)
		}
		if err == nil && next.none() && len(after.holders) == 0 {
			next.resources, err = tx.VanishedResources(p.ConnectorID, p.ID, last(after.resources), confirmAtOnce)
		}
		if err == nil && next.none() {
			next.holders, err = tx.VanishedHolders(p.ConnectorID, p.ID, last(after.holders), confirmAtOnce)
		}
		return err
	})
	return next, err
}

func last(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// wouldHold says whether the brake will hold the pull as it is.
func (s *Service) wouldHold(ctx context.Context, p gatehouse.Pull) (held bool, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		why, err := s.held(tx, p)
		held = why.Text != ""
		return err
	})
	return held, err
}
