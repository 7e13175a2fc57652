package op

import (
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/op/device"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// deviceAnswer is the answer of RFC 8628 section 3.2.
type deviceAnswer struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Address    string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	ExpiresIn  int64  `json:"expires_in"`
	Interval   int64  `json:"interval"`
}

// authorizeDevice answers /oauth/authorize_device: a device without a browser
// asks, and gets a code for its person to type in elsewhere.
func (p *Provider) authorizeDevice(w http.ResponseWriter, r *http.Request) error {
	form, c, used, err := p.fromClient(w, r)
	if err != nil {
		return err
	}
	d, answer, err := p.newDevice(c, form["scope"])
	if err == nil {
		err = p.Limiter.Allow(r)
	}
	if err != nil {
		return errors.Join(p.settle(r.Context(), used), err)
	}
	for range 3 { // a user code may be taken
		answer.UserCode = nameDevice(&d)
		err = p.update(r.Context(), used, func(tx *store.Tx) error { return tx.SaveDeviceGrant(&d) })
		if !errors.Is(err, gatehouse.Conflict) {
			break
		}
	}
	if err != nil {
		return err
	}
	answer.Complete = answer.Address + "?user_code=" + url.QueryEscape(answer.UserCode)
	p.count("device", "outcome", "asked")
	wire.JSON(w, http.StatusOK, answer)
	return nil
}

// newDevice is a device's wish, if the client may have it.
func (p *Provider) newDevice(c gatehouse.Client, scope string) (gatehouse.DeviceGrant, deviceAnswer, error) {
	if !request.MayGrant(c, request.GrantDevice) {
		return gatehouse.DeviceGrant{}, deviceAnswer{}, unauthorizedClient()
	}
	scopes, ok := request.Requested(c, scope)
	if !ok {
		return gatehouse.DeviceGrant{}, deviceAnswer{}, wire.InvalidScope()
	}
	code, now := gatehouse.NewHexSecret(), p.Clock.Now()
	d := gatehouse.DeviceGrant{
		Hash: gatehouse.Digest(code), Grant: gatehouse.Grantable{ClientID: c.ID, Scopes: scopes}, Family: store.NewID(),
		State: gatehouse.DeviceWaits, Interval: device.Interval, CreatedAt: now, ExpiresAt: now.Add(device.Life),
	}
	return d, deviceAnswer{
		DeviceCode: code, Address: p.issuer() + "/oauth/device",
		ExpiresIn: int64(device.Life.Seconds()), Interval: int64(device.Interval.Seconds()),
	}, nil
}

// nameDevice gives a wish a new user code, and says it as people read it.
func nameDevice(d *gatehouse.DeviceGrant) string {
	code := device.NewUserCode()
	d.UserCodeHash = gatehouse.Digest(code)
	return device.Shown(code)
}

// grantToDevice is the device grant (RFC 8628 section 3.4): the device asks
// until its person has answered.
func (p *Provider) grantToDevice(a *ask) (tokenAnswer, error) {
	if a.form["device_code"] == "" {
		return tokenAnswer{}, wire.Missing("device_code")
	}
	var (
		made   minted
		user   gatehouse.User
		answer device.Answer
	)
	err := p.update(a.r.Context(), a.once, func(tx *store.Tx) error {
		made = minted{}
		d, err := tx.DeviceGrant(gatehouse.Digest(a.form["device_code"]))
		if errors.Is(err, gatehouse.NotFound) || err == nil && d.Grant.ClientID != a.client.ID {
			return wire.InvalidGrant()
		}
		if err != nil {
			return err
		}
		d, answer = device.Ask(d, tx.Now())
		if answer == device.Again {
			if err := p.endFamily(tx, a, "device_code.replayed", d.Family, d.Grant.UserID); err != nil {
				return err
			}
			return tx.DeleteDeviceGrant(d.Hash) // there is nothing more to end, and the audit log needs one line of it
		}
		if answer == device.Give {
			user, made, err = p.mintForDevice(tx, a, d)
		}
		if err != nil {
			return err
		}
		return tx.SaveDeviceGrant(&d)
	})
	switch {
	case err != nil:
		return tokenAnswer{}, err
	case answer == device.Again:
		p.replayed(a, "device_code")
		return tokenAnswer{}, wire.InvalidGrant()
	case answer != device.Give:
		return tokenAnswer{}, deviceError(answer)
	}
	return p.tell(a, made, user)
}

func (p *Provider) mintForDevice(tx *store.Tx, a *ask, d gatehouse.DeviceGrant) (gatehouse.User, minted, error) {
	user, err := activeUser(tx, a.client, d.Grant.UserID)
	if err != nil {
		return user, minted{}, err
	}
	if err := introduce(tx, a.client, user); err != nil {
		return user, minted{}, err
	}
	made, err := p.mintFor(tx, a, d.Grant, d.Family)
	return user, made, err
}

// deviceError says why a device gets nothing yet, or never.
func deviceError(a device.Answer) error {
	why := map[device.Answer]string{
		device.Pending:  "The person has not answered yet. Ask again after the interval.",
		device.SlowDown: "You ask too often. Wait five seconds longer between two requests.",
		device.Denied:   "The resource owner or authorization server denied the request.",
		device.Expired:  "The device code has expired. Begin again.",
	}
	return &wire.Error{Code: string(a), Description: why[a]}
}
