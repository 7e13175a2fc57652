package store

import (
	"crypto/sha256"
	"strings"

	"gatehouse"
)

// Staged is a piece of a pull to be staged.
type Staged struct {
	Accounts  []gatehouse.Account
	Resources []gatehouse.Resource
	Grants    []gatehouse.Grant
	Shares    []gatehouse.Share
	Gaps      []gatehouse.Gap
	// Seen are accounts as they were met on the way, such as among members: they
	// count only where nothing else tells of the account.
	Seen []gatehouse.Account
}

// Stage keeps a piece of a pull aside; what was staged before under the same
// keys is replaced. Nothing of it is visible outside the pull.
func (tx *Tx) Stage(pullID string, s Staged) error {
	if err := stageAll(tx, pullID, accountHistory, s.Accounts, stagedAccount); err != nil {
		return err
	}
	if err := stageAll(tx, pullID, resourceHistory, s.Resources, stagedResource); err != nil {
		return err
	}
	if err := stageAll(tx, pullID, grantHistory, s.Grants, stagedGrant); err != nil {
		return err
	}
	if err := stageAll(tx, pullID, shareHistory, s.Shares, stagedShare); err != nil {
		return err
	}
	if err := stageAll(tx, pullID, gapHistory, s.Gaps, stagedGap); err != nil {
		return err
	}
	rows, err := stagedRows(pullID, s.Seen, stagedAccount)
	if err != nil {
		return err
	}
	return tx.load(accountHistory.staging("do nothing"), rows)
}

// stagedRow is a row in the order of its history's columns.
type stagedRow struct {
	keys    []string
	content []any
	latest  []any
}

func stagedAccount(a gatehouse.Account) stagedRow {
	return stagedRow{
		keys: []string{a.ID},
		content: []any{
			clean(a.Username), clean(a.Name), clean(a.Email), a.EmailVerified, clean(string(a.Type)), clean(a.State),
			a.Admin, a.External, a.TwoFactor, clean(a.WebURL), clean(a.Avatar), asJSON(a.Identities), millis(a.CreatedAt),
			searchable(a.Name, a.Username, a.Email),
			clean(a.Title), clean(a.JobNumber), clean(a.Phone), clean(a.ManagerID), millis(a.HiredAt),
		},
		latest: []any{a.LastSignInAt, a.LastActiveAt},
	}
}

func stagedResource(r gatehouse.Resource) stagedRow {
	return stagedRow{
		keys: []string{string(r.ID)},
		content: []any{
			clean(string(r.Kind)), clean(string(r.Parent)), clean(r.OwnerID), clean(r.Name), clean(r.Path),
			clean(r.Visibility), clean(r.State), clean(r.WebURL), searchable(r.Path, r.Name), clean(r.SyncedBy),
		},
	}
}

func stagedGrant(g gatehouse.Grant) stagedRow {
	return stagedRow{
		keys: []string{g.AccountID, string(g.ResourceID)},
		content: []any{
			g.Role.Level, clean(g.Role.Name), clean(g.Role.Custom), millis(g.ExpiresAt), clean(g.State),
			millis(g.GrantedAt), clean(g.Source),
		},
	}
}

func stagedShare(s gatehouse.Share) stagedRow {
	return stagedRow{
		keys:    []string{string(s.GroupID), string(s.ResourceID)},
		content: []any{s.Cap.Level, clean(s.Cap.Name), clean(s.Cap.Custom), millis(s.ExpiresAt)},
	}
}

func stagedGap(g gatehouse.Gap) stagedRow {
	return stagedRow{keys: []string{string(g.ResourceID)}, content: []any{clean(string(g.Why))}}
}

// clean removes from a text of another system what PostgreSQL cannot keep: one
// odd name must not stop a whole pull.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// fingerprint is the same for the same content, and as good as never otherwise.
// Empty texts at the end do not count, so that a column that is added changes no
// row that has nothing in it.
func (r stagedRow) fingerprint() []byte {
	content := r.content
	for len(content) > 0 && content[len(content)-1] == "" {
		content = content[:len(content)-1]
	}
	sum := sha256.Sum256([]byte(asJSON(content)))
	return sum[:16]
}

func stageAll[T any](tx *Tx, pullID string, h history, items []T, toRow func(T) stagedRow) error {
	rows, err := stagedRows(pullID, items, toRow)
	if err != nil {
		return err
	}
	return tx.load(h.staging("do update set "+pairs(h.all()[len(h.keys):], ", ", "%[1] = excluded.%[1]")), rows)
}

func stagedRows[T any](pullID string, items []T, toRow func(T) stagedRow) ([][]any, error) {
	rows := make([][]any, 0, len(items))
	place := make(map[string]int, len(items)) // one statement may not touch a row twice; the later one wins
	for _, item := range items {
		r := toRow(item)
		row := []any{pullID}
		for _, k := range r.keys {
			if k == "" || len(k) > longestKey {
				return nil, gatehouse.Errorf(gatehouse.Upstream, "The app told of something without an id, or with one that is too long.")
			}
			row = append(row, k)
		}
		row = append(append(append(row, r.fingerprint()), r.content...), r.latest...)
		key := strings.Join(r.keys, "\x00")
		if i, again := place[key]; again {
			rows[i] = row
			continue
		}
		place[key] = len(rows)
		rows = append(rows, row)
	}
	return rows, nil
}

// staging is the statement that stages rows, and what it does with those that
// were staged before.
func (h history) staging(again string) bulk {
	columns := append([]string{"pull_id"}, h.all()...)
	return bulk{
		head:    "insert into " + h.staged() + " (" + strings.Join(columns, ", ") + ") values ",
		columns: len(columns),
		tail:    "on conflict (pull_id, " + strings.Join(h.keys, ", ") + ") " + again,
	}
}
