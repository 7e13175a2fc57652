package users

import (
	"cmp"
	"errors"
	"fmt"

	"gatehouse"
	"gatehouse/internal/store"
)

// aliasKinds are the other ids of a person by which an identity may be found
// that was made with such an id as its subject: DingTalk's openid, on which
// GitLab and others keyed theirs. The app gives it, and nobody can choose it.
// A company chooses its userids itself, so those find nobody.
var aliasKinds = [...]string{"openid"}

// Known finds the identity that a connection vouches for, by its subject or by an
// older id that it was made with; false when nobody here has it. Other ids that
// a provider tells find nobody, since some of them a company chooses itself.
func Known(tx *store.Tx, connectionID string, v gatehouse.Vouched) (gatehouse.Identity, bool, error) {
	if !validSubject(v.Subject) {
		return gatehouse.Identity{}, false, nil
	}
	now, old, err := known(tx, connectionID, clean(v))
	if m := cmp.Or(now, old); m != nil && err == nil {
		return m.identity, true, nil
	}
	return gatehouse.Identity{}, false, err
}

// known finds the identity with this very subject or, when there is none, one
// that was made with an older id of the person.
func known(tx *store.Tx, connectionID string, v gatehouse.Vouched) (now, old *match, err error) {
	if now, err = find(tx, connectionID, v.Subject); now != nil || err != nil {
		return now, nil, err
	}
	for _, kind := range aliasKinds {
		if v.Aliases[kind] == "" {
			continue
		}
		m, err := find(tx, connectionID, v.Aliases[kind])
		if err != nil {
			return nil, nil, err
		}
		if m != nil && madeWith(m.identity, kind) {
			return nil, m, nil
		}
	}
	return nil, nil, nil
}

// madeWith says whether an identity can have been made with an id of this kind
// as its subject. One that was seen with another id of the kind was not: its
// subject is a real one, which happens to look the same.
func madeWith(i gatehouse.Identity, kind string) bool {
	return len(i.Aliases) == 0 || i.Aliases[kind] == i.Subject
}

func find(tx *store.Tx, connectionID, subject string) (*match, error) {
	i, err := tx.Identity(connectionID, subject)
	if errors.Is(err, gatehouse.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	user, err := tx.User(i.UserID)
	if err != nil {
		return nil, fmt.Errorf("read user %s of the identity: %w", i.UserID, err)
	}
	return &match{i, user}, nil
}
