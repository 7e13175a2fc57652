package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"gatehouse/internal/twin/gitlab/world"
)

// The rows of users, in the order of GitLab's entities. Each holds the one
// before it.

type userBasic struct {
	ID          int64   `json:"id"`
	Username    string  `json:"username"`
	PublicEmail *string `json:"public_email"`
	Name        string  `json:"name"`
	State       string  `json:"state"`
	Locked      bool    `json:"locked"`
	AvatarURL   string  `json:"avatar_url"`
	// CustomAttributes come only when asked for.
	CustomAttributes *[]struct{} `json:"custom_attributes,omitempty"`
	WebURL           string      `json:"web_url"`
}

type userRow struct {
	userBasic
	CreatedAt       *string `json:"created_at,omitempty"`
	Bio             string  `json:"bio"`
	Location        string  `json:"location"`
	LinkedIn        string  `json:"linkedin"`
	Twitter         string  `json:"twitter"`
	Discord         string  `json:"discord"`
	WebsiteURL      string  `json:"website_url"`
	GitHub          string  `json:"github"`
	JobTitle        string  `json:"job_title"`
	Pronouns        *string `json:"pronouns"`
	Organization    string  `json:"organization"`
	Bot             bool    `json:"bot"`
	WorkInformation *string `json:"work_information"`
	Followers       *int    `json:"followers,omitempty"`
	Following       *int    `json:"following,omitempty"`
	IsFollowed      *bool   `json:"is_followed,omitempty"`
	LocalTime       *string `json:"local_time"`
}

type identityRow struct {
	Provider       string `json:"provider"`
	ExternUID      string `json:"extern_uid"`
	SAMLProviderID *int64 `json:"saml_provider_id"`
}

type userPublic struct {
	userRow
	LastSignInAt      *string       `json:"last_sign_in_at"`
	ConfirmedAt       *string       `json:"confirmed_at"`
	LastActivityOn    *string       `json:"last_activity_on"`
	Email             string        `json:"email"`
	ThemeID           int           `json:"theme_id"`
	ColorSchemeID     int           `json:"color_scheme_id"`
	ProjectsLimit     int           `json:"projects_limit"`
	CurrentSignInAt   *string       `json:"current_sign_in_at"`
	Identities        []identityRow `json:"identities"`
	CanCreateGroup    bool          `json:"can_create_group"`
	CanCreateProject  bool          `json:"can_create_project"`
	TwoFactorEnabled  bool          `json:"two_factor_enabled"`
	External          bool          `json:"external"`
	PrivateProfile    bool          `json:"private_profile"`
	CommitEmail       string        `json:"commit_email"`
	PreferredLanguage string        `json:"preferred_language"`
	*userPublicEE
}

type userPublicEE struct {
	SharedRunnersMinutes *int       `json:"shared_runners_minutes_limit"`
	ExtraRunnersMinutes  *int       `json:"extra_shared_runners_minutes_limit"`
	SCIMIdentities       []struct{} `json:"scim_identities"`
}

type userAdmin struct {
	userPublic
	IsAdmin     bool       `json:"is_admin"`
	Note        *string    `json:"note"`
	NamespaceID int64      `json:"namespace_id"`
	CreatedBy   *userBasic `json:"created_by"`
	*userAdminEE
}

type userAdminEE struct {
	UsingLicenseSeat     bool    `json:"using_license_seat"`
	IsAuditor            bool    `json:"is_auditor"`
	ProvisionedByGroupID *int64  `json:"provisioned_by_group_id"`
	EnterpriseGroupID    *int64  `json:"enterprise_group_id"`
	EnterpriseGroupSince *string `json:"enterprise_group_associated_at"`
}

type userDetails struct {
	userAdmin
	HighestRole     int     `json:"highest_role"`
	CurrentSignInIP *string `json:"current_sign_in_ip"`
	LastSignInIP    *string `json:"last_sign_in_ip"`
	SignInCount     int     `json:"sign_in_count"`
	*userDetailsEE
}

type userDetailsEE struct {
	Plan  *string `json:"plan"`
	Trial *bool   `json:"trial"`
}

func (c *call) basic(u *world.User) userBasic {
	row := userBasic{
		ID: u.ID, Username: u.Username, PublicEmail: orNull(u.PublicEmail), Name: u.Name, State: string(u.State),
		Locked: u.Locked, AvatarURL: Avatar(u), WebURL: c.api.URL + "/" + u.Username,
	}
	if c.is("with_custom_attributes") && c.admin() {
		row.CustomAttributes = &[]struct{}{}
	}
	return row
}

// Avatar is the address of a user's picture: the own one, or Gravatar's.
func Avatar(u *world.User) string {
	if u.AvatarURL != "" {
		return u.AvatarURL
	}
	sum := sha256.Sum256([]byte(strings.ToLower(u.Email)))
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=80&d=identicon"
}

func (c *call) userRow(u *world.User) userRow {
	row := userRow{
		userBasic: c.basic(u), Bio: u.Bio, Location: u.Location, WebsiteURL: u.WebsiteURL,
		JobTitle: u.JobTitle, Organization: u.Organization, Bot: u.Type.Bot(),
	}
	if u.JobTitle != "" && u.Organization != "" {
		row.WorkInformation = orNull(u.JobTitle + " at " + u.Organization)
	}
	if !u.PrivateProfile || c.admin() || u == c.who.User {
		none, no := 0, false
		row.CreatedAt, row.Followers, row.Following, row.IsFollowed = stamp(u.CreatedAt), &none, &none, &no
	}
	return row
}

func (c *call) publicRow(u *world.User) userPublic {
	row := userPublic{
		userRow: c.userRow(u), LastSignInAt: stamp(u.LastSignInAt), ConfirmedAt: stamp(u.ConfirmedAt),
		LastActivityOn: orNull(u.LastActivityOn), Email: u.Email, ThemeID: 3, ColorSchemeID: 1,
		ProjectsLimit: u.ProjectsLimit, CurrentSignInAt: stamp(u.CurrentSignInAt), Identities: []identityRow{},
		CanCreateGroup: !u.NoGroups && !u.External, CanCreateProject: !u.External, TwoFactorEnabled: u.TwoFactor,
		External: u.External, PrivateProfile: u.PrivateProfile, CommitEmail: u.Email, PreferredLanguage: u.Language,
	}
	if row.ProjectsLimit == 0 && !u.External {
		row.ProjectsLimit = 100_000
	}
	if row.PreferredLanguage == "" {
		row.PreferredLanguage = "en"
	}
	for _, i := range u.Identities {
		row.Identities = append(row.Identities, identityRow{Provider: i.Provider, ExternUID: i.ExternUID})
	}
	if !c.api.CE {
		row.userPublicEE = &userPublicEE{SCIMIdentities: []struct{}{}}
	}
	return row
}

func (c *call) adminRow(u *world.User) userAdmin {
	row := userAdmin{userPublic: c.publicRow(u), IsAdmin: u.Admin, Note: orNull(u.Note), NamespaceID: u.NamespaceID}
	if by := c.d.User(u.CreatedBy); by != nil {
		b := c.basic(by)
		row.CreatedBy = &b
	}
	if !c.api.CE {
		row.userAdminEE = &userAdminEE{UsingLicenseSeat: u.State == world.Active && u.Type == world.Human, IsAuditor: u.Auditor}
	}
	return row
}

// detailsRow adds what administrators see of one account. Its IP addresses are
// made up.
func (c *call) detailsRow(u *world.User) userDetails {
	row := userDetails{userAdmin: c.adminRow(u), SignInCount: u.SignInCount}
	for _, m := range c.d.MembershipsOf(u.ID) {
		if !m.Pending() {
			row.HighestRole = max(row.HighestRole, m.Level)
		}
	}
	if u.SignInCount > 0 {
		row.CurrentSignInIP, row.LastSignInIP = orNull("192.0.2.10"), orNull("192.0.2.10")
	}
	if !c.api.CE {
		row.userDetailsEE = &userDetailsEE{}
	}
	return row
}
