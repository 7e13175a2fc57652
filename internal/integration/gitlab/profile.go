package gitlab

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// profile is GitLab's /user, as far as it matters at a sign-in.
type profile struct {
	ID           int64           `json:"id"`
	Username     string          `json:"username"`
	Name         string          `json:"name"`
	State        string          `json:"state"`
	Email        string          `json:"email"`
	ConfirmedAt  json.RawMessage `json:"confirmed_at"` // absent, null and a time are three answers
	AvatarURL    string          `json:"avatar_url"`
	WebURL       string          `json:"web_url"`
	Language     string          `json:"preferred_language"`
	JobTitle     string          `json:"job_title"`
	Organization string          `json:"organization"`
	Location     string          `json:"location"`
	Bio          string          `json:"bio"`
	Pronouns     string          `json:"pronouns"` // null where none
	Website      string          `json:"website_url"`
}

func (d *door) profile(ctx context.Context, token string) (profile, error) {
	status, body, err := d.get(ctx, d.user, token)
	if err != nil {
		return profile{}, err
	}
	if status != http.StatusOK {
		return profile{}, profileError(status, body)
	}
	var p profile
	if len(body) > maxProfile || json.Unmarshal(body, &p) != nil || p.ID <= 0 {
		return profile{}, errGarbled().Because(statusError{status: status})
	}
	return p, nil
}

func profileError(status int, body []byte) error {
	cause := statusError{status: status}
	var text struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(body, &text)
	switch {
	case text.Error == "insufficient_scope":
		return gatehouse.Errorf(gatehouse.Upstream, "GitLab did not say who you are, because its application lacks the scope read_user. Ask an administrator to add it.").Because(cause)
	case status == http.StatusForbidden:
		return errInactive().Because(cause)
	case status == http.StatusTooManyRequests || status >= 500:
		return errUnreachable().Because(cause)
	}
	return errGarbled().Because(cause)
}

func errInactive() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Forbidden, "Your GitLab account may not sign in: it is blocked, deactivated or waits for approval there. Ask your GitLab administrator.")
}

// chosen is the language that somebody chose in GitLab. "en" is what GitLab says
// of everybody who never chose, so it must not speak against the browser's wish.
func chosen(language string) string {
	if language == "en" {
		return ""
	}
	return strings.ReplaceAll(language, "_", "-")
}

// vouch checks the profile and puts it into our words. An account that GitLab
// itself would not let in is refused, whatever its token can still do.
func (p profile) vouch() (gatehouse.Vouched, error) {
	if p.State != "active" {
		return gatehouse.Vouched{}, errInactive()
	}
	v := gatehouse.Vouched{
		Subject: strconv.FormatInt(p.ID, 10),
		Profile: gatehouse.Profile{
			Username: p.Username, Nickname: p.Username, Name: p.Name,
			Email: strings.TrimSpace(p.Email), Avatar: p.AvatarURL, WebURL: p.WebURL, Locale: chosen(p.Language),
			Title: p.JobTitle, Organization: p.Organization, Location: p.Location, Bio: p.Bio, Pronouns: p.Pronouns, Website: p.Website,
		},
	}
	var at time.Time
	switch {
	case v.Profile.Email == "" || p.ConfirmedAt == nil:
	case json.Unmarshal(p.ConfirmedAt, &at) == nil && !at.IsZero():
		v.Profile.Verified = gatehouse.Verified
	default:
		v.Profile.Verified = gatehouse.Unverified
	}
	return v, nil
}
