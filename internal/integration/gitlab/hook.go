package gitlab

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

// signingPrefix begins a signing token of GitLab's, which is of the shape of
// Standard Webhooks. Any other secret is GitLab's "secret token", which GitLab
// sends along as it is.
const signingPrefix = "whsec_"

// signedFor is how far the time of a signed delivery may be from ours.
const signedFor = 5 * time.Minute

// receiver reads system hooks and group webhooks.
type receiver struct {
	secret string
	key    []byte // of signatures; nil: the secret is a token
	clock  gatehouse.Clock
}

// newReceiver makes sense of the secret; nil when there is none.
func newReceiver(secret string, clock gatehouse.Clock) (integration.Receiver, error) {
	if secret == "" {
		return nil, nil
	}
	r := &receiver{secret: secret, clock: clock}
	if encoded, ok := strings.CutPrefix(secret, signingPrefix); ok {
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) < 16 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "The secret for hooks begins like a signing token of GitLab's, but is none. Copy it whole.")
		}
		r.key = key
	}
	return r, nil
}

func errHookSecret() error {
	return gatehouse.Errorf(gatehouse.Unauthorized, "The secret token of a GitLab hook is wrong. Enter the one that the connector's page shows in GitLab.")
}

func errSignature() error {
	return gatehouse.Errorf(gatehouse.Unauthorized, "The signature of a GitLab hook is wrong. Enter GitLab's signing token as the connector's secret for hooks.")
}

// hook is what we read of a delivery.
type hook struct {
	Event   string `json:"event_name"`
	Kind    string `json:"object_kind"`
	UserID  int64  `json:"user_id"`
	GroupID int64  `json:"group_id"`
	Project int64  `json:"project_id"`
}

// Receive checks a delivery and says what it is about. Pushes, merge requests
// and whatever else has nothing to do with access are about nothing.
func (r *receiver) Receive(_ context.Context, d integration.Delivery) (integration.Answer, []gatehouse.Notice, error) {
	id, err := r.check(d)
	if err != nil {
		return integration.Answer{}, nil, err
	}
	var h hook
	if json.Unmarshal(d.Body, &h) != nil {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Invalid, "A GitLab hook is no JSON, or has another shape than GitLab's.")
	}
	n, ok := h.notice()
	if !ok {
		return integration.Answer{}, nil, nil
	}
	n.ID = id
	return integration.Answer{}, []gatehouse.Notice{n}, nil
}

// check compares the secret and gives the delivery's own id, which is the same
// when it is sent again.
func (r *receiver) check(d integration.Delivery) (id string, err error) {
	if r.key != nil {
		return r.signed(d)
	}
	given := sha256.Sum256([]byte(d.Header.Get("X-Gitlab-Token")))
	wanted := sha256.Sum256([]byte(r.secret))
	if subtle.ConstantTimeCompare(given[:], wanted[:]) != 1 {
		return "", errHookSecret()
	}
	if id := d.Header.Get("Idempotency-Key"); id != "" {
		return id, nil
	}
	// Versions before that header: X-Gitlab-Event-UUID is shared by all that one
	// hook leads to, so it is no id by itself.
	uuid := d.Header.Get("X-Gitlab-Event-UUID")
	if uuid == "" {
		return "", nil
	}
	sum := sha256.Sum256(d.Body)
	return uuid + "/" + hex.EncodeToString(sum[:8]), nil
}

// signed checks a signature by the rules of Standard Webhooks: an HMAC of id,
// time and body, of which there may be several.
func (r *receiver) signed(d integration.Delivery) (id string, err error) {
	id, at := d.Header.Get("webhook-id"), d.Header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(d.Body)
	wanted := mac.Sum(nil)
	good := false
	for _, one := range strings.Fields(strings.Join(d.Header.Values("webhook-signature"), " ")) {
		encoded, ok := strings.CutPrefix(one, "v1,")
		given, err := base64.StdEncoding.DecodeString(encoded)
		good = good || ok && err == nil && hmac.Equal(given, wanted)
	}
	if !good || id == "" {
		return "", errSignature()
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if off := r.clock.Now().Sub(time.Unix(seconds, 0)); err != nil || off.Abs() > signedFor {
		return "", gatehouse.Errorf(gatehouse.Expired, "A GitLab hook is too old, or the clocks of GitLab and Gatehouse differ.")
	}
	return id, nil
}

// notice says what is to be read afresh. The names of groups, projects and
// levels in a hook are not used: they may be redacted, or of a moment ago.
func (h hook) notice() (gatehouse.Notice, bool) {
	event := h.Event
	if event == "" {
		event = h.Kind
	}
	switch event {
	case "user_create", "user_destroy", "user_rename", "user_failed_login":
		return gatehouse.Notice{Kind: gatehouse.NoticeAccount, Subject: text(h.UserID), Event: event}, h.UserID > 0
	case "group_create", "group_destroy", "group_rename", "subgroup_create", "subgroup_destroy",
		"user_add_to_group", "user_update_for_group", "user_remove_from_group":
		return gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: string(groupID(h.GroupID)), Event: event}, h.GroupID > 0
	case "project_create", "project_destroy", "project_rename", "project_transfer", "project_update",
		"user_add_to_team", "user_update_for_team", "user_remove_from_team":
		return gatehouse.Notice{Kind: gatehouse.NoticeResource, Subject: string(projectID(h.Project)), Event: event}, h.Project > 0
	}
	return gatehouse.Notice{}, false
}
