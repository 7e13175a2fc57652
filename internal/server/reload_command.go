package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/config"
)

// ErrNotRunning says that there is no server to tell anything.
var ErrNotRunning = errors.New("gatehouse serve is not running with this configuration")

// reloaded is what came of a reload.
type reloaded struct {
	ID      string   `json:"id"` // differs each time
	Error   string   `json:"error,omitempty"`
	Waiting []string `json:"waits_for_restart,omitempty"`
}

func newReloaded(waiting []string, err error) reloaded {
	r := reloaded{ID: uuid.NewString(), Waiting: waiting}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// beside is a file beside the key file.
func beside(c *config.Config, name string) string {
	return filepath.Join(filepath.Dir(c.KeyFile), name)
}

func pidFile(c *config.Config) string      { return beside(c, "gatehouse.pid") }
func reloadedFile(c *config.Config) string { return beside(c, "gatehouse.reload.json") }

// keepReloaded writes what came of a reload, whole or not at all.
func keepReloaded(c *config.Config, r reloaded) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := reloadedFile(c)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// lastReloaded is what came of the last reload; the zero value if there was none.
func lastReloaded(c *config.Config) (r reloaded, err error) {
	data, err := os.ReadFile(reloadedFile(c))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

// Reload tells the running server to take up its configuration file, waits until
// it has, and says which settings wait for a restart. Without a running server
// it is ErrNotRunning.
func Reload(ctx context.Context, c *config.Config, look <-chan time.Time) (waiting []string, err error) {
	data, err := os.ReadFile(pidFile(c))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !held(pidFile(c)) {
		return nil, fmt.Errorf("%w (there is no server that holds %s)", ErrNotRunning, pidFile(c))
	}
	if err != nil {
		return nil, fmt.Errorf("read the pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return nil, fmt.Errorf("the pid file %s does not hold a process id", pidFile(c))
	}
	before, err := lastReloaded(c)
	if err != nil {
		return nil, fmt.Errorf("read what came of the last reload: %w", err)
	}
	if err := hangUp(pid); err != nil {
		return nil, fmt.Errorf("tell process %d to reload (run this as the user it runs as): %w", pid, err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil, errors.New("the server was told to reload, but has not said what came of it; its log does")
		case <-look:
		}
		now, err := lastReloaded(c)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read what came of the reload: %w", err)
		case now.ID == before.ID:
		case now.Error != "":
			return nil, fmt.Errorf("the server refused the configuration, and the one before stays in force: %s", now.Error)
		default:
			return now.Waiting, nil
		}
	}
}
