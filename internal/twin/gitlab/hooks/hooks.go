// Package hooks tells of changes in a stand-in GitLab as GitLab does: system
// hooks for the whole instance and webhooks of groups, sent by POST a moment
// after the change, in no certain order.
package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

// A Hook is an address that is told.
type Hook struct {
	URL     string
	Token   string // sent as X-Gitlab-Token; "": none
	Signing string // "whsec_" and base64: deliveries are signed; "": they are not
	Group   int64  // a webhook of this group and what lies below it; 0: a system hook
}

// How hooks are sent.
const (
	patience = 10 * time.Second
	tries    = 3
	atOnce   = 8
)

// A Sender sends hooks. Close ends it.
type Sender struct {
	URL string // of the instance
	Now func() time.Time

	mu    sync.Mutex
	hooks []Hook
	slots chan struct{}
	all   sync.WaitGroup
	ctx   context.Context
	stop  context.CancelFunc
	sent  []string // events that were answered with 2xx, for tests
}

// New makes a sender without hooks.
func New(url string, now func() time.Time) *Sender {
	s := &Sender{URL: url, Now: now, slots: make(chan struct{}, atOnce)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Add adds a hook.
func (s *Sender) Add(h Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, h)
}

// Close gives up what was not sent yet.
func (s *Sender) Close() {
	s.stop()
	s.all.Wait()
}

// Sent is how many deliveries were taken.
func (s *Sender) Sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// Tell sends what happened to every hook that is to hear of it.
func (s *Sender) Tell(all []world.Happening) {
	s.mu.Lock()
	hooks := slices.Clone(s.hooks)
	s.mu.Unlock()
	for _, h := range all {
		for _, to := range hooks {
			event, body, ok := message(to, h, s.Now())
			if !ok {
				continue
			}
			s.all.Go(func() { s.send(to, event, body) })
		}
	}
}

// message is the body of a hook, and what X-Gitlab-Event says.
func message(to Hook, h world.Happening, now time.Time) (header string, body []byte, ok bool) {
	header = "System Hook"
	p := payload(h, now)
	if to.Group != 0 {
		var event string
		if header, event, ok = ofGroup(h); !ok || !slices.Contains(h.Within, to.Group) {
			return "", nil, false
		}
		p["event_name"] = event
	}
	body, err := json.Marshal(p)
	return header, body, err == nil
}

// ofGroup is what a webhook of a group makes of an event. Members of projects are
// not among them.
func ofGroup(h world.Happening) (header, event string, ok bool) {
	switch h.Event {
	case "user_add_to_group", "user_update_for_group", "user_remove_from_group":
		return "Member Hook", h.Event, true
	case "group_create", "group_destroy":
		return "Subgroup Hook", "sub" + h.Event, h.Group.ParentID != 0
	case "project_create", "project_destroy":
		return "Project Hook", h.Event, true
	}
	return "", "", false
}

// payload has the keys of GitLab's own builders of hook data.
func payload(h world.Happening, now time.Time) map[string]any {
	at := now.UTC().Format("2006-01-02T15:04:05Z")
	p := map[string]any{"event_name": h.Event, "created_at": at, "updated_at": at}
	set := func(pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			p[pairs[i].(string)] = pairs[i+1]
		}
	}
	switch {
	case strings.HasPrefix(h.Event, "group_"):
		set("name", h.Group.Name, "path", h.Group.Path, "full_path", h.Group.FullPath, "group_id", h.Group.ID)
		if h.Group.ParentID != 0 {
			set("parent_group_id", h.Parent.ID, "parent_name", h.Parent.Name, "parent_path", h.Parent.Path, "parent_full_path", h.Parent.FullPath)
		}
		if h.Event == "group_rename" {
			set("old_path", h.OldPath, "old_full_path", h.OldFullPath)
		}
	case strings.HasPrefix(h.Event, "project_"):
		set("name", h.Project.Name, "path", h.Project.Path, "path_with_namespace", h.Project.FullPath, "project_id", h.Project.ID,
			"project_visibility", h.Project.Visibility, "project_namespace_id", h.Project.GroupID)
	case h.User.ID != 0 && h.Member.UserID == 0:
		set("name", h.User.Name, "email", h.User.Email, "user_id", h.User.ID, "username", h.User.Username)
		if h.Event == "user_rename" {
			set("old_username", h.OldUsername)
		}
	default:
		member(h, set)
	}
	return p
}

// member names the level, only the last part of a group's path, and no address
// that is not public.
func member(h world.Happening, set func(...any)) {
	email := h.User.PublicEmail
	if email == "" {
		email = "[REDACTED]"
	}
	set("user_username", h.User.Username, "user_name", h.User.Name, "user_email", email, "user_id", h.User.ID)
	level := world.LevelName(h.Member.Level)
	if h.Group.ID != 0 {
		var expires any
		if h.Member.ExpiresAt != "" {
			expires = h.Member.ExpiresAt + "T00:00:00Z"
		}
		set("group_name", h.Group.Name, "group_path", h.Group.Path, "group_id", h.Group.ID, "group_access", level, "group_plan", nil, "expires_at", expires)
		return
	}
	set("project_name", h.Project.Name, "project_path", h.Project.Path, "project_path_with_namespace", h.Project.FullPath,
		"project_id", h.Project.ID, "access_level", level, "project_visibility", h.Project.Visibility)
}

// send delivers one hook, again with the same key when nobody answered.
func (s *Sender) send(to Hook, event string, body []byte) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-s.ctx.Done():
		return
	}
	key, uuid := newUUID(), newUUID()
	for try := range tries {
		status, err := s.post(to, event, key, uuid, body)
		if err == nil {
			if status < 300 {
				s.mu.Lock()
				s.sent = append(s.sent, event)
				s.mu.Unlock()
			}
			return
		}
		select {
		case <-time.After(time.Duration(try+1) * 200 * time.Millisecond):
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Sender) post(to Hook, event, key, uuid string, body []byte) (int, error) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	h := req.Header
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "GitLab/18.9.0")
	h.Set("Idempotency-Key", key)
	h.Set("X-Gitlab-Event", event)
	h.Set("X-Gitlab-Event-UUID", uuid)
	h.Set("X-Gitlab-Webhook-UUID", uuid)
	h.Set("X-Gitlab-Instance", s.URL)
	if to.Token != "" {
		h.Set("X-Gitlab-Token", to.Token)
	}
	sign(h, to.Signing, key, s.Now(), body)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, nil
}

// sign adds the headers of Standard Webhooks.
func sign(h http.Header, secret, id string, now time.Time, body []byte) {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return
	}
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, at)
	mac.Write(body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	t := hex.EncodeToString(b[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
