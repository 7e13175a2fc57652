package wecom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// userIDForm is what a userid looks like (path/90195).
var userIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$`)

// appToken is the app's token, kept until shortly before its end. The zero value
// is none.
type appToken struct {
	mu      sync.Mutex // held while one is fetched, so that only one is
	value   string
	expires time.Time
}

// access gives the app's token (gettoken, path/91039). WeCom takes the secret in
// the address, and nowhere else.
func (d *door) access(ctx context.Context) (string, error) {
	d.token.mu.Lock()
	defer d.token.mu.Unlock()
	now := d.client.Clock.Now()
	if d.token.value != "" && now.Before(d.token.expires) {
		return d.token.value, nil
	}
	told, err := d.ask(ctx, http.MethodGet, "/cgi-bin/gettoken", url.Values{"corpid": {d.client.ID}, "corpsecret": {d.client.Secret}}, nil)
	if err != nil {
		return "", err
	}
	value := authcode.Text(told["access_token"])
	if value == "" {
		return "", d.client.Garbled(errors.New("gettoken: there is no access_token in the answer"))
	}
	seconds, _ := authcode.Integer(told["expires_in"])
	d.token.value, d.token.expires = value, now.Add(time.Duration(min(max(seconds, 0), 24*60*60))*time.Second*9/10)
	return value, nil
}

func (d *door) forget(value string) {
	d.token.mu.Lock()
	defer d.token.mu.Unlock()
	if d.token.value == value {
		d.token.value = ""
	}
}

func (d *door) get(ctx context.Context, path string, q url.Values) (map[string]any, error) {
	return d.call(ctx, http.MethodGet, path, q, nil)
}

func (d *door) post(ctx context.Context, path string, body map[string]string) (map[string]any, error) {
	return d.call(ctx, http.MethodPost, path, url.Values{}, body)
}

// call asks with the app's token. One that WeCom does not know any more is
// fetched anew, once.
func (d *door) call(ctx context.Context, method, path string, q url.Values, body map[string]string) (map[string]any, error) {
	for try := 0; ; try++ {
		token, err := d.access(ctx)
		if err != nil {
			return nil, err
		}
		q.Set("access_token", token)
		told, err := d.ask(ctx, method, path, q, body)
		if n := codeOf(err); try == 0 && (n == 40014 || n == 42001) {
			d.forget(token)
			continue
		}
		return told, err
	}
}

// ask sends one request. Every answer has an errcode, which is 0 when all is well.
func (d *door) ask(ctx context.Context, method, path string, q url.Values, body map[string]string) (map[string]any, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, d.api+path+"?"+q.Encode(), bytes.NewReader(content))
	if err != nil {
		return nil, d.client.Garbled(errors.New("the API's address is not one"))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	status, answer, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	told, err := authcode.Object(answer)
	switch {
	case err != nil && (status >= 500 || status == http.StatusTooManyRequests):
		return nil, d.client.Unreachable(fmt.Errorf("%s answered %d", path, status))
	case err != nil:
		return nil, d.client.Garbled(fmt.Errorf("%s: %w", path, err))
	}
	code, ok := authcode.Integer(told["errcode"])
	switch {
	case !ok:
		return nil, d.client.Garbled(fmt.Errorf("%s: there is no errcode in the answer", path))
	case code != 0:
		return nil, d.explain(&apiError{path: path, code: code, message: authcode.Text(told["errmsg"])})
	case status/100 != 2:
		return nil, d.client.Garbled(fmt.Errorf("%s answered %d with errcode 0", path, status))
	}
	return told, nil
}

// apiError is what WeCom answered instead of what was asked for.
type apiError struct {
	path    string
	code    int64
	message string
}

// Error is for the administrator: WeCom's text has a hint for its support.
func (e *apiError) Error() string {
	return fmt.Sprintf("%s answered errcode %d: %s", e.path, e.code, strings.ToValidUTF8(e.message[:min(len(e.message), 300)], ""))
}

// codeOf is WeCom's code in the chain, or 0.
func codeOf(err error) int64 {
	var e *apiError
	if errors.As(err, &e) {
		return e.code
	}
	return 0
}

// Codes of errors. Source: developer.work.weixin.qq.com/document/path/90313.
func ended() []int64  { return []int64{40029, 42003, 40078} }               // of a code
func secret() []int64 { return []int64{40001, 40013, 40091, 41002, 41004} } // of the company or the app
func busy() []int64   { return []int64{-1, 45009, 45033} }
func closed() []int64 { return []int64{48001, 48002, 48004} } // APIs that the app may not use

// from finds our address in WeCom's text.
var from = regexp.MustCompile(`from ip: ([0-9a-fA-F.:]{2,45})`)

// explain turns a code into one of our sentences.
func (d *door) explain(e *apiError) error {
	label := d.client.Label
	switch {
	case slices.Contains(ended(), e.code):
		return d.client.Ended().Because(e)
	case slices.Contains(secret(), e.code):
		return d.client.Unaccepted().Because(e)
	case slices.Contains(busy(), e.code):
		return d.client.Unreachable(e)
	case e.code == 60020:
		err := gatehouse.Errorf(gatehouse.Unavailable, "%s does not accept calls from this server's address. An administrator must add it to the app's trusted addresses.", label).Because(e)
		if m := from.FindStringSubmatch(e.message); m != nil {
			err = err.With(gatehouse.FactServerAddress, m[1])
		}
		return err
	case e.code == 50001:
		return gatehouse.Errorf(gatehouse.Unavailable, "The address of Gatehouse is not a trusted domain of the app at %s. An administrator must enter it there.", label).Because(e)
	case slices.Contains(closed(), e.code):
		return gatehouse.Errorf(gatehouse.Unavailable, "A permission is missing at %s, so Gatehouse cannot find out who you are. An administrator finds its name with this sign-in.", label).
			Because(e).With(gatehouse.FactMissingPermission, e.path)
	}
	return gatehouse.Errorf(gatehouse.Upstream, "%s refused the sign-in (%s). Ask an administrator to check the connection.", label, fmt.Sprint(e.code)).Because(e)
}
