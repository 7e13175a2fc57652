package op

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/internal/clientrules"
	"gatehouse/internal/op/registration"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// Registration says who may register clients, and what those may be.
type Registration = registration.Policy

const registerPath = "/oauth/register"

// RegistrationPace is how often strangers may register clients, or try tokens
// for it: each address, and all together. Who brings a good initial access token
// is not held up. Zero: any number.
type RegistrationPace struct{ Each, All *ui.Limiter }

// registerAgain is after how many seconds a stranger may try again.
const registerAgain = "60"

func (l RegistrationPace) allow(w http.ResponseWriter, r *http.Request) error {
	if l.Each.Allow(r) == nil && l.All.AllowOne() == nil {
		return nil
	}
	w.Header().Set("Retry-After", registerAgain)
	return &wire.Error{Status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Description: "Too many applications registered themselves in a short time. Try again later."}
}

func (p *Provider) mountRegistration(mux *http.ServeMux) {
	mux.Handle(registerPath, wire.Only(p.endpoint(p.register), http.MethodPost))
	mux.Handle(registerPath+"/{client}", wire.Only(p.endpoint(p.manageRegistered), http.MethodGet, http.MethodPut, http.MethodDelete))
}

// registered is the answer of both endpoints (RFC 7591 section 3.2.1, RFC 7592
// section 3).
type registered struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"` // only when it was just made
	IssuedAt     int64  `json:"client_id_issued_at"`
	SecretEnds   *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
	Token        string `json:"registration_access_token"`
	URI          string `json:"registration_client_uri"`
	registration.Metadata
}

// told is the answer with the names in other languages, whose keys have the
// language in them (RFC 7591 section 2.2).
func (r registered) told() any {
	if len(r.Names) == 0 {
		return r
	}
	return registration.WithNames(r, r.Names)
}

// register answers POST /oauth/register.
func (p *Provider) register(w http.ResponseWriter, r *http.Request) error {
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	if p.Registration.By == registration.ByNobody {
		return registrationOff()
	}
	initial, err := p.initialToken(r)
	if initial == "" || err != nil {
		if limited := p.Registering.allow(w, r); limited != nil {
			p.count("registration", "outcome", "limited")
			return limited
		}
	}
	if err != nil {
		return err
	}
	m, err := readMetadata(w, r)
	if err != nil {
		return err
	}
	c, err := p.decideClient(r.Context(), p.Registration, m)
	if err != nil {
		return err
	}
	c.ID = gatehouse.NewHexSecret()[:32]
	secret, token := p.giveSecret(&c), gatehouse.NewHexSecret()
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.saveRegistered(tx, r, &c, initial, token)
	})
	if err != nil {
		return err
	}
	p.count("registration", "outcome", "registered")
	wire.JSON(w, http.StatusCreated, p.tellRegistered(c, secret, token).told())
	return nil
}

// initialToken reads the initial access token, if there must be one or is one,
// and looks whether it is good before anything is done for a stranger.
func (p *Provider) initialToken(r *http.Request) (string, error) {
	token, err := wire.Bearer(r)
	if err != nil || token == "" && p.Registration.By == registration.ByAnybody {
		return "", err
	}
	if token == "" {
		return "", wire.NoToken()
	}
	good := false
	err = p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		good, err = tx.HasRegistrationToken(gatehouse.Digest(token))
		return err
	})
	if err == nil && !good {
		err = unknownInitial()
	}
	return token, err
}

func unknownInitial() error {
	return wire.InvalidToken("The initial access token is unknown, past its end or used up")
}

func registrationOff() error {
	return &wire.Error{Status: http.StatusForbidden, Code: "access_denied", Description: "Clients cannot register themselves here. Ask an administrator for one."}
}

// saveRegistered uses up the initial access token, if one is needed, and keeps
// the client, in one transaction.
func (p *Provider) saveRegistered(tx *store.Tx, r *http.Request, c *gatehouse.Client, initial, token string) error {
	var by gatehouse.RegistrationToken
	var err error
	if initial != "" || p.Registration.By == registration.ByToken {
		by, err = tx.UseRegistrationToken(gatehouse.Digest(initial))
		if errors.Is(err, gatehouse.NotFound) {
			return unknownInitial()
		}
		if err != nil {
			return err
		}
	} else if n, err := tx.OpenRegistrations(); err != nil || n >= p.Registration.Max() {
		return errors.Join(err, gatehouse.Errorf(gatehouse.Limited, "As many applications as may be have registered themselves here. Ask an administrator for one."))
	}
	if err := tx.SaveClient(c); err != nil {
		return err
	}
	if err := tx.SaveRegistration(c.ID, gatehouse.Digest(token), by.ID); err != nil {
		return err
	}
	return recordRegistered(tx, r, *c, "client.registered", map[string]string{"name": c.Name, "token": by.Name})
}

func recordRegistered(tx *store.Tx, r *http.Request, c gatehouse.Client, action string, details map[string]string) error {
	return tx.Record(gatehouse.Event{
		Actor:  gatehouse.Actor{Kind: gatehouse.ActorClient, ID: c.ID, Name: c.Name, Address: ui.ClientAddress(r)},
		Action: action, Target: "client/" + c.ID, Details: details,
	})
}

// readMetadata reads the body: an object of JSON, bounded.
func readMetadata(w http.ResponseWriter, r *http.Request) (registration.Metadata, error) {
	var m registration.Metadata
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return m, wire.InvalidRequest("The body must be JSON: Content-Type application/json.")
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
	if err != nil {
		return m, &wire.Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "The body of the request is too long or could not be read."}
	}
	if err := registration.Read(raw, &m); err != nil {
		return m, &wire.Error{Code: "invalid_client_metadata", Description: "The body is no object of client metadata."}
	}
	return m, nil
}

// decideClient says what client becomes of metadata, its sector asked.
func (p *Provider) decideClient(ctx context.Context, within Registration, m registration.Metadata) (gatehouse.Client, error) {
	c, err := registration.Decide(within, m)
	if err != nil || c.Settings.SectorURI == "" {
		return c, err
	}
	document, err := p.fetchSector(ctx, c)
	if err != nil {
		p.log().InfoContext(ctx, "a sector_identifier_uri could not be read", "error", err)
	}
	if err != nil || !registration.InSector(document, c) {
		return c, &wire.Error{Code: "invalid_client_metadata", Description: "What is at sector_identifier_uri could not be read, or does not have all redirect_uris."}
	}
	return c, nil
}

// maxSector bounds what is at a sector_identifier_uri, in bytes.
const maxSector = 64 << 10

func (p *Provider) fetchSector(ctx context.Context, c gatehouse.Client) ([]byte, error) {
	if p.Web == nil {
		return nil, errors.New("no address is asked")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Settings.SectorURI, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := p.Web(c).Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("it answered " + resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxSector))
}

// giveSecret makes the secret that a client's method needs; "" = none.
func (p *Provider) giveSecret(c *gatehouse.Client) string {
	c.Secret, c.SecretHash = "", nil
	if clientrules.SecretOf(c.AuthMethod) == clientrules.NoSecret {
		return ""
	}
	secret := gatehouse.NewHexSecret()
	if c.AuthMethod == gatehouse.AuthSecretJWT {
		c.Secret = secret
	} else {
		c.SecretHash = gatehouse.Digest(secret)
	}
	return secret
}

func (p *Provider) tellRegistered(c gatehouse.Client, secret, token string) registered {
	answer := registered{
		ClientID: c.ID, ClientSecret: secret, IssuedAt: c.CreatedAt.Unix(), Token: token, URI: p.issuer() + registerPath + "/" + c.ID,
		Metadata: registration.Of(c),
	}
	if secret != "" {
		answer.SecretEnds = new(int64)
	}
	return answer
}

// manageRegistered lets a client that registered itself read, change and remove
// itself (RFC 7592).
func (p *Provider) manageRegistered(w http.ResponseWriter, r *http.Request) error {
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	token, err := wire.Bearer(r)
	if err != nil {
		return err
	}
	id := r.PathValue("client")
	if token == "" || !wire.Identifier(id) {
		return wire.NoToken()
	}
	switch r.Method {
	case http.MethodPut:
		return p.changeRegistered(w, r, id, token)
	case http.MethodDelete:
		return p.dropRegistered(w, r, id, token)
	}
	var c gatehouse.Client
	err = p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		c, err = ownRegistered(tx, id, token)
		return err
	})
	if err != nil {
		return err
	}
	wire.JSON(w, http.StatusOK, p.tellRegistered(c, "", token).told())
	return nil
}

// ownRegistered finds the client that manages itself by a token. Whether the
// client or the token is wrong is not told.
func ownRegistered(tx *store.Tx, id, token string) (gatehouse.Client, error) {
	none := wire.InvalidToken("The registration access token is not that of the client")
	hash, err := tx.Registration(id)
	if errors.Is(err, gatehouse.NotFound) || err == nil && subtle.ConstantTimeCompare(hash, gatehouse.Digest(token)) != 1 {
		return gatehouse.Client{}, none
	}
	if err != nil {
		return gatehouse.Client{}, err
	}
	c, err := tx.Client(id)
	if err == nil && !c.Enabled {
		err = none // an administrator has switched it off
	}
	return c, err
}

// changeRegistered puts new metadata in place of all that was. The token and, if
// the method has changed, the secret are new.
func (p *Provider) changeRegistered(w http.ResponseWriter, r *http.Request, id, token string) error {
	if p.Registration.By == registration.ByNobody {
		return registrationOff()
	}
	var old gatehouse.Client
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) { // before its sector is asked on a stranger's behalf
		old, err = ownRegistered(tx, id, token)
		return err
	})
	if err != nil {
		return err
	}
	m, err := readMetadata(w, r)
	if err != nil {
		return err
	}
	wanted, err := p.decideClient(r.Context(), p.Registration.Over(old), m)
	if err != nil {
		return err
	}
	fresh, next, secret := gatehouse.Client{}, gatehouse.NewHexSecret(), ""
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		now, err := ownRegistered(tx, id, token)
		if err != nil {
			return err
		}
		if !now.UpdatedAt.Equal(old.UpdatedAt) {
			return gatehouse.Unavailable // an administrator was quicker: what they changed must count
		}
		fresh, secret = registration.Change(now, wanted), ""
		if kind := clientrules.SecretOf(fresh.AuthMethod); kind != clientrules.SecretOf(now.AuthMethod) || kind == clientrules.HashedSecret && len(fresh.SecretHash) == 0 {
			secret = p.giveSecret(&fresh)
		}
		if err := tx.SaveClient(&fresh); err != nil {
			return err
		}
		if err := tx.SaveRegistration(id, gatehouse.Digest(next), ""); err != nil {
			return err
		}
		return recordRegistered(tx, r, fresh, "client.registration_changed", map[string]string{"name": fresh.Name, "redirect_uris": strings.Join(fresh.RedirectURIs, " ")})
	})
	if err != nil {
		return err
	}
	p.count("registration", "outcome", "changed")
	wire.JSON(w, http.StatusOK, p.tellRegistered(fresh, secret, next).told())
	return nil
}

func (p *Provider) dropRegistered(w http.ResponseWriter, r *http.Request, id, token string) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		c, err := ownRegistered(tx, id, token)
		if err != nil {
			return err
		}
		if err := recordRegistered(tx, r, c, "client.registration_deleted", map[string]string{"name": c.Name}); err != nil {
			return err
		}
		return tx.DropClient(id)
	})
	if err != nil {
		return err
	}
	p.count("registration", "outcome", "deleted")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// NewRegistrationToken makes an initial access token (RFC 7591 section 3) in the
// caller's transaction, and gives it, this once. Zero life and uses are the usual
// ones: a week, one client.
func NewRegistrationToken(tx *store.Tx, by gatehouse.Actor, t gatehouse.RegistrationToken) (string, gatehouse.RegistrationToken, error) {
	t.Name = strings.TrimSpace(t.Name)
	if t.Left == 0 {
		t.Left = 1
	}
	if t.ExpiresAt.IsZero() {
		t.ExpiresAt = tx.Now().Add(store.RegistrationLife)
	}
	switch {
	case t.Name == "" || len([]rune(t.Name)) > 100:
		return "", t, gatehouse.Errorf(gatehouse.Invalid, "A registration token needs a name of at most 100 characters, such as what it is for. Enter one.")
	case t.Left < 1 || t.Left > 10_000:
		return "", t, gatehouse.Errorf(gatehouse.Invalid, "A registration token is good for 1 to 10000 applications. Enter such a number.")
	case !t.ExpiresAt.After(tx.Now()) || t.ExpiresAt.After(tx.Now().Add(store.MaxRegistrationLife)):
		return "", t, gatehouse.Errorf(gatehouse.Invalid, "A registration token is good for at most a year. Choose a shorter time.")
	}
	t.CreatedBy = by.Name
	secret := registrationPrefix + gatehouse.NewHexSecret()
	if err := tx.SaveRegistrationToken(&t, gatehouse.Digest(secret)); err != nil {
		return "", t, err
	}
	return secret, t, tx.Record(gatehouse.Event{Actor: by, Action: "registration_token.created", Target: "registration_token/" + t.ID, Details: map[string]string{"name": t.Name}})
}

// registrationPrefix lets scanners of leaked secrets know one.
const registrationPrefix = "ghrt-"

// EndRegistrationToken ends an initial access token in the caller's transaction.
// NotFound when there is none of that id.
func EndRegistrationToken(tx *store.Tx, by gatehouse.Actor, id string) error {
	t, err := tx.DeleteRegistrationToken(id)
	if errors.Is(err, gatehouse.NotFound) {
		return gatehouse.Errorf(gatehouse.NotFound, "There is no registration token with this id any more. Load the list again.")
	}
	if err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{Actor: by, Action: "registration_token.ended", Target: "registration_token/" + id, Details: map[string]string{"name": t.Name}})
}
