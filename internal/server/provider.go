package server

import (
	"net/http"
	"time"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/op"
	"gatehouse/internal/outgoing"
)

// askClient is how long an address that a client registered may take: somebody
// waits for it.
const askClient = 5 * time.Second

// webOf asks the addresses that a client registered. Only those that the file
// names may lie in our own network.
func (s *Server) webOf(c gatehouse.Client) *http.Client {
	o := outgoing.ClientOptions{Timeout: askClient}
	if c.Managed == gatehouse.ManagedByFile {
		o.OpenURLs = append([]string{c.Settings.JWKSURI, c.BackchannelLogoutURI}, c.Settings.RequestURIs...)
		for _, f := range c.Settings.Federated {
			o.OpenURLs = append(o.OpenURLs, f.JWKSURI)
		}
	}
	return s.outgoing.ClientWith(o)
}

func registrationOf(c config.Registration) op.Registration {
	return op.Registration{By: c.By, Scopes: c.Scopes, Hosts: c.Hosts, NoPKCE: c.NoPKCE, MaxOpen: int64(c.Max)}
}
