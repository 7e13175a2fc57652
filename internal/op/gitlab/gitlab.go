// Package gitlab says things in GitLab's words: the person of /api/v4/user with
// GitLab's keys in GitLab's order, and the bodies of GitLab's failures, so that
// software that was written for GitLab reads Gatehouse without knowing it. It
// only shapes; who may see what is decided before.
package gitlab

import (
	"net/http"
	"strings"
	"time"

	"gatehouse"
)

// Version is the version of GitLab whose answers these are.
const Version = "18.9.0"

// Time is a moment as GitLab writes it: UTC with milliseconds. The zero time is
// null.
type Time time.Time

// MarshalJSON writes the moment.
func (t Time) MarshalJSON() ([]byte, error) { return quote(t, "2006-01-02T15:04:05.000Z") }

// Date is a day as GitLab writes it, in UTC. The zero time is null.
type Date time.Time

// MarshalJSON writes the day.
func (d Date) MarshalJSON() ([]byte, error) { return quote(Time(d), time.DateOnly) }

func quote(t Time, layout string) ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + time.Time(t).UTC().Format(layout) + `"`), nil
}

// Identity is one way by which a person signs in.
type Identity struct {
	Provider       string  `json:"provider"`
	ExternUID      string  `json:"extern_uid"`
	SAMLProviderID *string `json:"saml_provider_id"`
}

// User is GitLab's UserPublic entity: what GET /user says to an ordinary person
// about themself. The order of the fields is GitLab's.
type User struct {
	ID                             int64      `json:"id"`
	Username                       string     `json:"username"`
	PublicEmail                    *string    `json:"public_email"`
	Name                           string     `json:"name"`
	State                          string     `json:"state"`
	Locked                         bool       `json:"locked"`
	AvatarURL                      *string    `json:"avatar_url"`
	WebURL                         string     `json:"web_url"`
	CreatedAt                      Time       `json:"created_at"`
	Bio                            string     `json:"bio"`
	Location                       string     `json:"location"`
	LinkedIn                       string     `json:"linkedin"`
	Twitter                        string     `json:"twitter"`
	Discord                        string     `json:"discord"`
	WebsiteURL                     string     `json:"website_url"`
	GitHub                         string     `json:"github"`
	JobTitle                       string     `json:"job_title"`
	Pronouns                       *string    `json:"pronouns"`
	Organization                   string     `json:"organization"`
	Bot                            bool       `json:"bot"`
	WorkInformation                *string    `json:"work_information"`
	Followers                      int        `json:"followers"`
	Following                      int        `json:"following"`
	IsFollowed                     bool       `json:"is_followed"`
	LocalTime                      *string    `json:"local_time"`
	LastSignInAt                   Time       `json:"last_sign_in_at"`
	ConfirmedAt                    Time       `json:"confirmed_at"`
	LastActivityOn                 Date       `json:"last_activity_on"`
	Email                          *string    `json:"email"`
	ThemeID                        int        `json:"theme_id"`
	ColorSchemeID                  int        `json:"color_scheme_id"`
	ProjectsLimit                  int        `json:"projects_limit"`
	CurrentSignInAt                Time       `json:"current_sign_in_at"`
	Identities                     []Identity `json:"identities"`
	CanCreateGroup                 bool       `json:"can_create_group"`
	CanCreateProject               bool       `json:"can_create_project"`
	TwoFactorEnabled               bool       `json:"two_factor_enabled"`
	External                       bool       `json:"external"`
	PrivateProfile                 bool       `json:"private_profile"`
	CommitEmail                    *string    `json:"commit_email"`
	PreferredLanguage              string     `json:"preferred_language"`
	SharedRunnersMinutesLimit      *int       `json:"shared_runners_minutes_limit"`
	ExtraSharedRunnersMinutesLimit *int       `json:"extra_shared_runners_minutes_limit"`
	SCIMIdentities                 []string   `json:"scim_identities"`
}

// Person is what a User is made of.
type Person struct {
	User       gatehouse.User
	Identities []Identity
	SignInAt   time.Time // of the sign-in that the token came of
	URL        string    // of the installation, without a slash at the end
}

// UserOf shapes a person. An address that we have not verified is left out:
// GitLab shows only confirmed ones, and software that asks a GitLab believes
// that (dex marks every one of them as verified), so it could be used to take
// over somebody else's account there.
func UserOf(p Person) User {
	u := User{
		ID: p.User.Number, Username: p.User.Username, Name: p.User.Name,
		State: state(p.User.State), AvatarURL: optional(p.User.Avatar),
		WebURL: p.URL + "/" + p.User.Username, CreatedAt: Time(p.User.CreatedAt),
		LastSignInAt: Time(p.User.LastSignInAt), LastActivityOn: Date(p.User.LastSignInAt),
		CurrentSignInAt: Time(p.SignInAt),
		ThemeID:         3, ColorSchemeID: 1, // GitLab's own defaults
		Identities: p.Identities, SCIMIdentities: []string{},
		JobTitle: p.User.JobTitle, Organization: p.User.Organization, Location: p.User.Location,
		External: p.User.External, PreferredLanguage: language(p.User.Locale),
	}
	if p.User.Email != "" && p.User.EmailVerified {
		u.Email = optional(p.User.Email)
		u.CommitEmail = u.Email
		u.ConfirmedAt = Time(p.User.CreatedAt)
	}
	if u.Identities == nil {
		u.Identities = []Identity{}
	}
	return u
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func state(s gatehouse.UserState) string {
	switch s {
	case gatehouse.UserActive:
		return "active"
	case gatehouse.UserPending:
		return "blocked_pending_approval"
	case gatehouse.UserBlocked:
		return "blocked"
	case gatehouse.UserLeft, gatehouse.UserMerged:
		return "deactivated"
	}
	return "blocked"
}

// language is GitLab's spelling: zh_CN.
func language(locale string) string {
	if locale == "" {
		return "en"
	}
	return strings.ReplaceAll(locale, "-", "_")
}

// Failure is an answer of GitLab's that is not the thing asked for.
type Failure struct {
	Status  int
	Body    any
	OAuth   string // the error code for WWW-Authenticate, "" for none
	Details string // its error_description
	Scope   string // its scope, with insufficient_scope

	Challenge string // WWW-Authenticate in place of all that; "" for none
}

// Message is the body of most failures.
type Message struct {
	Message string `json:"message"`
}

// ErrorBody is the body of the failures that come from the OAuth guard and the
// router.
type ErrorBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	Scope       string `json:"scope,omitempty"`
}

// Unauthorized is for no token, or one that nobody gave.
func Unauthorized() *Failure {
	return &Failure{Status: http.StatusUnauthorized, Body: Message{"401 Unauthorized"}}
}

// TokenExpired is for a token past its end.
func TokenExpired() *Failure {
	return oauth(http.StatusUnauthorized, "invalid_token", "Token is expired. You can either do re-authorization or token refresh.", "")
}

// TokenRevoked is for a token that was taken back.
func TokenRevoked() *Failure {
	return oauth(http.StatusUnauthorized, "invalid_token", "Token was revoked. You have to re-authorize from the user.", "")
}

// InsufficientScope is for a token that may too little; scopes, parted by
// spaces, are those of which one would do.
func InsufficientScope(scopes string) *Failure {
	return oauth(http.StatusForbidden, "insufficient_scope", "The request requires higher privileges than provided by the access token.", scopes)
}

// TwoTokens is for a token in the header and another in the address.
func TwoTokens() *Failure {
	return oauth(http.StatusBadRequest, "invalid_request", "Both Authorization header and payload includes access token.", "")
}

func oauth(status int, code, description, scope string) *Failure {
	return &Failure{
		Status: status, OAuth: code, Details: description, Scope: scope,
		Body: ErrorBody{Error: code, Description: description, Scope: scope},
	}
}

// Denied is for a good token of a person who may not come in; nil when they
// may.
func Denied(s gatehouse.UserState) *Failure {
	reason := "Your account has been blocked."
	switch s {
	case gatehouse.UserActive:
		return nil
	case gatehouse.UserPending:
		reason = "Your account is pending approval from your administrator and hence blocked."
	case gatehouse.UserBlocked, gatehouse.UserLeft, gatehouse.UserMerged:
	}
	return &Failure{Status: http.StatusForbidden, Body: Message{"403 Forbidden - " + reason}}
}

// NotFound is for an address that is no part of the API.
func NotFound() *Failure {
	return &Failure{Status: http.StatusNotFound, Body: ErrorBody{Error: "404 Not Found"}}
}

// NotAllowed is for a method that an address does not take.
func NotAllowed() *Failure {
	return &Failure{Status: http.StatusMethodNotAllowed, Body: ErrorBody{Error: "405 Not Allowed"}}
}

// Gone is for everything of API v3 but the person.
func Gone() *Failure {
	return &Failure{Status: http.StatusGone, Body: ErrorBody{Error: "API V3 is no longer supported. Use API V4 instead."}}
}

// Broken is for a fault of ours.
func Broken() *Failure {
	return &Failure{Status: http.StatusInternalServerError, Body: Message{"500 Internal Server Error"}}
}

// Unavailable is for a time in which we cannot answer.
func Unavailable() *Failure {
	return &Failure{Status: http.StatusServiceUnavailable, Body: Message{"503 Service Unavailable"}}
}
