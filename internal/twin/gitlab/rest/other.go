package rest

import (
	"net/http"
	"strconv"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func otherRoutes() []*route {
	return []*route{
		get("version", readUser(), version),
		get("metadata", readUser(), version),
		get("personal_access_tokens/self", nil, tokenSelf),
		{method: http.MethodDelete, pattern: "personal_access_tokens/self", handle: revokeSelf},
		get("member_roles", readAPI(), listRoles),
	}
}

type versionRow struct {
	Version    string `json:"version"`
	Revision   string `json:"revision"`
	KAS        kasRow `json:"kas"`
	Enterprise bool   `json:"enterprise"`
}

type kasRow struct {
	Enabled     bool   `json:"enabled"`
	ExternalURL string `json:"externalUrl"`
	ProxyURL    string `json:"externalK8sProxyUrl"`
	Version     string `json:"version"`
}

// Version is the release that the stand-in plays.
func Version(ce bool) string {
	if ce {
		return "18.9.0"
	}
	return "18.9.0-ee"
}

func version(c *call) (any, error) {
	return versionRow{
		Version: Version(c.api.CE), Revision: "6714c913", Enterprise: !c.api.CE,
		KAS: kasRow{Enabled: true, ExternalURL: "wss://kas.example.com", ProxyURL: "https://kas.example.com/k8s-proxy/", Version: "18.9.0"},
	}, nil
}

type tokenRow struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Revoked     bool     `json:"revoked"`
	CreatedAt   *string  `json:"created_at"`
	Description *string  `json:"description"`
	Scopes      []string `json:"scopes"`
	UserID      int64    `json:"user_id"`
	LastUsedAt  *string  `json:"last_used_at"`
	Active      bool     `json:"active"`
	ExpiresAt   *string  `json:"expires_at"`
	LastUsedIPs []string `json:"last_used_ips"`
}

func (c *call) ownToken() (*world.Token, error) {
	if c.who.Token.Kind != world.PersonalToken {
		return nil, caller.Message(http.StatusBadRequest, "400 Bad request - This endpoint requires token type to be a personal access token")
	}
	return c.who.Token, nil
}

func tokenSelf(c *call) (any, error) {
	t, err := c.ownToken()
	if err != nil {
		return nil, err
	}
	row := tokenRow{
		ID: t.ID, Name: t.Name, Revoked: t.Revoked, CreatedAt: stamp(t.CreatedAt), Scopes: append([]string{}, t.Scopes...),
		UserID: t.UserID, LastUsedAt: stamp(c.now()), Active: true, LastUsedIPs: []string{},
	}
	if !t.ExpiresAt.IsZero() {
		row.ExpiresAt = orNull(t.ExpiresAt.UTC().Format("2006-01-02"))
	}
	return row, nil
}

func revokeSelf(c *call) (any, error) {
	t, err := c.ownToken()
	if err != nil {
		return nil, err
	}
	t.Revoked = true
	return nil, nil
}

func listRoles(c *call) (any, error) {
	if c.api.CE {
		return nil, noRoute()
	}
	if err := c.requireAdmin(); err != nil {
		return nil, err
	}
	return rows(c.d.Roles(), c.roleRow), nil
}
