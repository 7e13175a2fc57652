package openid

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/internal/twin/openid/jws"
)

const (
	codeLife    = time.Minute
	tokenLife   = 10 * time.Minute
	refreshLife = 30 * 24 * time.Hour
	// oldFor is how long something expired is remembered.
	oldFor = time.Hour
	// maxSessions bounds what browsers without end can make the twin remember.
	maxSessions = 10000
)

// state is everything that outlives a run.
type state struct {
	World World
	// Keys are those that sign.
	Keys jws.Keys
	// Consents are the scopes that a person granted to a client.
	Consents map[string][]string // client, sub
	Sessions map[string]session
	Codes    map[string]grant
	Access   map[string]grant
	Refresh  map[string]grant
	// Assertions are the jti of client assertions, until they end.
	Assertions map[string]time.Time
}

// session is a browser that somebody is signed in with.
type session struct {
	Sub, SID string
	AuthTime time.Time
	Clients  []string // that were told of it
}

// grant is what a code, an access token or a refresh token stands for.
type grant struct {
	Client, Sub, SID string
	Plain            bool // of the plain provider
	Scopes           []string
	Nonce            string
	AuthTime         time.Time
	Redirect         string
	Challenge        string
	ChallengeMethod  string
	// Family is the same for all that stems from one code.
	Family  string
	Used    bool
	Expires time.Time
}

func openState(file string, world *World) (state, error) {
	s := state{World: *world}
	data, err := readState(file)
	if err == nil && data == nil {
		data, err = json.Marshal(s) // so that the caller's world stays the caller's
	}
	if err == nil {
		s = state{}
		err = json.Unmarshal(data, &s)
	}
	if err == nil {
		err = s.World.Check()
	}
	if err != nil {
		return state{}, fmt.Errorf("open the twin's state: %w", err)
	}
	for _, m := range []*map[string]grant{&s.Codes, &s.Access, &s.Refresh} {
		if *m == nil {
			*m = map[string]grant{}
		}
	}
	if s.Consents == nil {
		s.Consents = map[string][]string{}
	}
	if s.Sessions == nil {
		s.Sessions = map[string]session{}
	}
	if s.Assertions == nil {
		s.Assertions = map[string]time.Time{}
	}
	return s, nil
}

func readState(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file) // #nosec G304 -- the file that its owner named
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// sweep forgets what expired long ago.
func (s *state) sweep(now time.Time) {
	for _, grants := range []map[string]grant{s.Codes, s.Access, s.Refresh} {
		for k, v := range grants {
			if v.Expires.Before(now.Add(-oldFor)) {
				delete(grants, k)
			}
		}
	}
	for jti, until := range s.Assertions {
		if until.Before(now) {
			delete(s.Assertions, jti)
		}
	}
}

// revoke ends all tokens that stem from one code.
func (s *state) revoke(family string) {
	for _, grants := range []map[string]grant{s.Access, s.Refresh} {
		for k, v := range grants {
			if v.Family == family {
				delete(grants, k)
			}
		}
	}
}

// save writes the state, if it changed and has a file: a new file beside it,
// then one rename, so that a crash leaves the old or the new, never half.
func (t *Twin) save() error {
	if !t.changed || t.file == "" {
		return nil
	}
	data, err := json.MarshalIndent(t.state, "", " ")
	if err == nil {
		err = replaceFile(t.file, data)
	}
	if err != nil {
		return fmt.Errorf("save the twin's state: %w", err)
	}
	t.changed = false
	return nil
}

func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // readable by its owner alone
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
