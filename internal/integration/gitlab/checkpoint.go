package gitlab

import (
	"encoding/json"
	"slices"

	"gatehouse"
	"gatehouse/internal/integration"
)

// state is how far a pull is: the text of a checkpoint. It counts only what was
// yielded before, so that a pull that goes on from it reads nothing twice and
// misses nothing.
type state struct {
	Format   int      `json:"v"`
	Look     *look    `json:"look,omitempty"`
	Accounts progress `json:"accounts"`
	Groups   progress `json:"groups"`
	Projects progress `json:"projects"`
	Skipped  int64    `json:"skipped,omitempty"` // invitations without an account
	Hidden   int64    `json:"hidden,omitempty"`  // sources whose members may not be listed
	Plain    int64    `json:"plain,omitempty"`   // sources that GraphQL did not tell whole
	Empty    int64    `json:"empty,omitempty"`   // groups without members that were not asked where they are invited
	Asked    int64    `json:"asked,omitempty"`   // those that were
	Noted    bool     `json:"noted,omitempty"`   // the last page was yielded

	Companies []company `json:"companies,omitempty"` // top-level groups whose accounts are read, for tokens that see no list of all
	Insiders  bool      `json:"insiders,omitempty"`  // who belongs to the company is told, so that all others come from outside
}

// format changes when the meaning of a checkpoint does.
const format = 1

// progress is how far one list is.
type progress struct {
	Begun  bool    `json:"begun,omitempty"`
	Done   bool    `json:"done,omitempty"`
	Again  bool    `json:"again,omitempty"`  // read anew, since it changed while it was read
	Total  int64   `json:"total,omitempty"`  // rows when it was begun
	Top    int64   `json:"top,omitempty"`    // highest id when it was begun
	Rows   int64   `json:"rows,omitempty"`   // read so far
	Pages  []int   `json:"pages,omitempty"`  // offset pages that are done, ordered
	Chains []chain `json:"chains,omitempty"` // keyset chains instead of pages
}

// chain is one run of keyset pages.
type chain struct {
	After  int64  `json:"after,omitempty"`  // id_after of the next page
	Before int64  `json:"before,omitempty"` // id_before of the chain
	Cursor string `json:"cursor,omitempty"` // or the cursor of the next page
	Page   int    `json:"page,omitempty"`   // or its number, where there is no keyset
	Done   bool   `json:"done,omitempty"`
}

func (p *progress) has(page int) bool {
	_, found := slices.BinarySearch(p.Pages, page)
	return found
}

func (p *progress) add(page int) {
	if i, found := slices.BinarySearch(p.Pages, page); !found {
		p.Pages = slices.Insert(p.Pages, i, page)
	}
}

func parseCheckpoint(from integration.Checkpoint) (state, error) {
	if from == "" {
		return state{Format: format}, nil
	}
	var s state
	err := json.Unmarshal([]byte(from), &s)
	if err != nil || s.Format != format {
		return state{}, gatehouse.Errorf(gatehouse.Invalid, "The pull cannot go on where it stopped, because this version does not understand its checkpoint. Start it anew.").Because(err)
	}
	return s, nil
}

func (s *state) checkpoint() (integration.Checkpoint, error) {
	raw, err := json.Marshal(s)
	return integration.Checkpoint(raw), err
}
