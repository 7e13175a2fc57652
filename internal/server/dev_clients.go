package server

import (
	"fmt"
	"os"
	"slices"

	"gatehouse"
	"gatehouse/internal/config"
)

// addClients adds the clients of the files that --clients names to what dev has.
// A file has nothing but the clients section of a configuration.
func (d *dev) addClients(c *config.Config) error {
	for _, path := range d.Clients {
		text, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
		if err != nil {
			return fmt.Errorf("read --clients: %w", err)
		}
		text = fmt.Appendf(text, "\nurl: %q\n", c.URL) // which every configuration has
		more, warnings, err := config.Parse(path, text, os.LookupEnv)
		if err != nil {
			return err
		}
		for _, w := range warnings {
			d.Log.Warn(w.String())
		}
		for _, client := range more.Clients {
			if slices.ContainsFunc(c.Clients, func(other gatehouse.Client) bool { return other.ID == client.ID }) {
				return fmt.Errorf("--clients %s: the id %s is taken by another client; choose another", path, client.ID)
			}
			c.Clients = append(c.Clients, client)
		}
	}
	return nil
}
