package openid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// SignOut ends all sessions of a person and tells every client of theirs that
// registered an address for it (OpenID Connect Back-Channel Logout). The error
// names those that did not take it; it is nil when nobody had to be told.
func (t *Twin) SignOut(ctx context.Context, sub string) error {
	t.mu.Lock()
	now := t.clock()
	var told []farewell
	var err error
	for cookie, s := range t.state.Sessions {
		if s.Sub == sub {
			more, wrong := t.end(cookie, s, now)
			told, err = append(told, more...), errors.Join(err, wrong)
		}
	}
	err = errors.Join(err, t.save())
	t.mu.Unlock()
	return errors.Join(err, t.tell(ctx, told))
}

// signOutEverywhere is the button of the home page: SignOut for who looks on.
func (t *Twin) signOutEverywhere(c *call) answer {
	if http.NewCrossOriginProtection().Check(c.Request) != nil {
		return answer{status: http.StatusForbidden, body: []byte("This form was sent from another site.\n")}
	}
	var told []farewell
	for cookie, s := range t.state.Sessions {
		if s.Sub != c.form.Get("sub") {
			continue
		}
		more, err := t.end(cookie, s, c.now)
		if err != nil {
			return failed(err)
		}
		told = append(told, more...)
	}
	done := answer{status: http.StatusSeeOther, header: http.Header{"Location": {"/"}}}
	done.after = func() { _ = t.tell(c.Context(), told) } // nobody here could do anything about it
	return done
}

// LogoutToken is one for a client, with the flaws of the moment, for a test that
// delivers it itself. sid may be "".
func (t *Twin) LogoutToken(clientID, sub, sid string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.state.World.Client(clientID)
	if c == nil {
		return "", fmt.Errorf("there is no client %q", clientID)
	}
	return t.logoutToken(c, sub, sid, t.clock())
}

// farewell is a logout token on its way.
type farewell struct{ uri, token string }

// end forgets a session and makes the logout tokens for its clients.
func (t *Twin) end(cookie string, s session, now time.Time) (told []farewell, err error) {
	t.changed = true
	delete(t.state.Sessions, cookie)
	for _, id := range s.Clients {
		c := t.state.World.Client(id)
		if c == nil || c.BackchannelLogoutURI == "" {
			continue
		}
		token, wrong := t.logoutToken(c, s.Sub, s.SID, now)
		told, err = append(told, farewell{c.BackchannelLogoutURI, token}), errors.Join(err, wrong)
	}
	return told, err
}

func (t *Twin) logoutToken(c *Client, sub, sid string, now time.Time) (string, error) {
	claims := map[string]any{
		"iss": t.url, "aud": c.ID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": secret(),
		"events": map[string]any{logoutEvent: struct{}{}}, "sub": sub,
	}
	if sid != "" {
		claims["sid"] = sid
	}
	typ := "logout+jwt"
	t.spoilClaims(claims, now)
	delete(claims, "at_hash")
	for _, f := range t.faults.Flaws {
		switch f {
		case LogoutNonce:
			claims["nonce"] = secret()
		case LogoutNoEvent:
			delete(claims, "events")
		case LogoutNobody:
			delete(claims, "sub")
			delete(claims, "sid")
		case LogoutOldFormat:
			typ = "JWT"
			delete(claims, "exp")
		default:
		}
	}
	return t.sign(c.SigningAlgorithm(), typ, claims)
}

// tell delivers logout tokens, all at once.
func (t *Twin) tell(ctx context.Context, told []farewell) error {
	errs := make([]error, len(told))
	var wait sync.WaitGroup
	for i, f := range told {
		wait.Go(func() {
			if err := t.post(ctx, f); err != nil {
				errs[i] = fmt.Errorf("tell %s: %w", f.uri, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (t *Twin) post(ctx context.Context, f farewell) error {
	body := url.Values{"logout_token": {f.token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.uri, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answered, err := t.http.Do(r)
	if err != nil {
		return err
	}
	defer answered.Body.Close()
	if answered.StatusCode != http.StatusOK && answered.StatusCode != http.StatusNoContent {
		said, _ := io.ReadAll(io.LimitReader(answered.Body, 1000))
		return fmt.Errorf("it answered %s: %s", answered.Status, said)
	}
	return nil
}

// logout is RP-Initiated Logout. A caller that proves whom it means, by the ID
// token of the person signed in here, is believed; else the person is asked.
func (t *Twin) logout(c *call) answer {
	params := c.query
	if c.form.Has("id_token_hint") || c.form.Has("post_logout_redirect_uri") {
		params = c.form
	}
	hint := t.state.Keys.Open(params.Get("id_token_hint"))
	id, _ := hint["aud"].(string)
	named := params.Get("client_id")
	uri := params.Get("post_logout_redirect_uri")
	client := t.state.World.Client(id)
	if id == "" {
		client = t.state.World.Client(named)
	}
	switch {
	case params.Get("id_token_hint") != "" && hint == nil:
		return t.troublePage(trouble{"invalid_request", "id_token_hint 无效", "The id_token_hint is not an ID token of this provider."})
	case id != "" && named != "" && id != named:
		return t.troublePage(trouble{"invalid_request", "client_id 与 id_token_hint 不一致", "The client_id is not that of the id_token_hint."})
	case uri != "" && (client == nil || !slices.Contains(client.PostLogoutURIs, uri)):
		return t.troublePage(trouble{
			"invalid_request", "退出后的地址未登记：" + uri,
			"The post_logout_redirect_uri is not one that is registered for the client: " + uri,
		})
	}
	cookie, err := c.Cookie(sessionCookie)
	var s session
	found := false
	if err == nil {
		s, found = t.state.Sessions[cookie.Value]
	}
	if found && (hint == nil || hint["sid"] != s.SID) && !c.form.Has("confirm") {
		return t.showSignOut(c.URL.Path+"?"+params.Encode(), t.state.World.Person(s.Sub))
	}
	done := t.signedOut(uri, params.Get("state"))
	done.header.Set("Set-Cookie", t.cookie("", -1))
	if found {
		told, err := t.end(cookie.Value, s, c.now)
		if err != nil {
			return failed(err)
		}
		done.after = func() { _ = t.tell(c.Context(), told) } // nobody here could do anything about it
	}
	return done
}

func (t *Twin) signedOut(uri, state string) answer {
	if uri == "" {
		return t.render(http.StatusOK, view{Step: "out"})
	}
	if state != "" {
		joint := "?"
		if strings.Contains(uri, "?") {
			joint = "&"
		}
		uri += joint + url.Values{"state": {state}}.Encode()
	}
	return answer{status: http.StatusSeeOther, header: http.Header{"Location": {uri}, "Cache-Control": {"no-store"}}}
}
