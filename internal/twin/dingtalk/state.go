package dingtalk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	codeLife    = 5 * time.Minute
	tokenLife   = 7200 * time.Second
	refreshLife = 30 * 24 * time.Hour
	// oldFor is how long something expired is remembered, so that it can be told
	// from something that never was.
	oldFor = 24 * time.Hour
)

// state is everything that outlives a run.
type state struct {
	World World
	// Consents are the delegated scopes that a person granted to an app.
	Consents map[string]bool // app key and unionId
	Sessions map[string]string
	Codes    map[string]code
	Users    map[string]userToken
	Refresh  map[string]userToken
	Apps     map[string]appToken
}

// The flows that a code can come from: it is good for that one alone.
const (
	flowOAuth = "oauth"
	flowSNS   = "sns"
	flowInApp = "in-app"
)

type code struct {
	Flow, App, UnionID, CorpID string
	Permissions                []string
	Expires                    time.Time
}

type userToken struct {
	App, UnionID, CorpID string
	Permissions          []string
	Expires              time.Time
}

type appToken struct {
	App         string
	Permissions []string
	Expires     time.Time
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
		err = s.World.check()
	}
	if err != nil {
		return state{}, fmt.Errorf("open the twin's state: %w", err)
	}
	s.makeMaps()
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

func (s *state) makeMaps() {
	if s.Consents == nil {
		s.Consents = map[string]bool{}
	}
	if s.Sessions == nil {
		s.Sessions = map[string]string{}
	}
	if s.Codes == nil {
		s.Codes = map[string]code{}
	}
	if s.Users == nil {
		s.Users = map[string]userToken{}
	}
	if s.Refresh == nil {
		s.Refresh = map[string]userToken{}
	}
	if s.Apps == nil {
		s.Apps = map[string]appToken{}
	}
}

// sweep forgets what expired long ago.
func (s *state) sweep(now time.Time) {
	old := now.Add(-oldFor)
	for k, v := range s.Codes {
		if v.Expires.Before(old) {
			delete(s.Codes, k)
		}
	}
	for _, tokens := range []map[string]userToken{s.Users, s.Refresh} {
		for k, v := range tokens {
			if v.Expires.Before(old) {
				delete(tokens, k)
			}
		}
	}
	for k, v := range s.Apps {
		if v.Expires.Before(old) {
			delete(s.Apps, k)
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
