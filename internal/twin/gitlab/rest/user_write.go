package rest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

func userWriteRoutes() []*route {
	return []*route{
		change(http.MethodPost, "users", createUser),
		change(http.MethodPut, "users/{}", editUser),
		change(http.MethodDelete, "users/{}", deleteUser),
		change(http.MethodDelete, "users/{}/identities/{}", deleteIdentity),
		change(http.MethodPost, "users/{}/personal_access_tokens", createToken),
	}
}

func conflict(text string) *caller.Failure { return caller.Message(http.StatusConflict, text) }

const usernameRule = "can contain only letters, digits, '_', '-' and '.'. Cannot start with '-' or end in '.', '.git' or '.atom'."

func createUser(c *call) (any, error) {
	err := c.require("email", "name", "username")
	if err == nil && !c.has("password") && !c.is("reset_password") && !c.is("force_random_password") {
		err = invalid("password, reset_password, force_random_password are missing, at least one parameter must be provided")
	}
	for _, check := range []func() error{c.wholeIdentity, c.requireAdmin} {
		if err == nil {
			err = check()
		}
	}
	if err != nil {
		return nil, err
	}
	now := c.now()
	u := world.User{CreatedAt: now, UpdatedAt: now, CreatedBy: c.who.User.ID}
	u.Email, u.Username, u.Name = strings.ToLower(c.get("email")), c.get("username"), c.get("name")
	if err := c.refuseUser(nil, u.Email, u.Username); err != nil {
		return nil, err
	}
	c.fillUser(&u)
	if c.is("skip_confirmation") {
		u.ConfirmedAt = now
	}
	if c.has("extern_uid") {
		u.Identities = []world.Identity{{Provider: c.get("provider"), ExternUID: c.get("extern_uid")}}
	}
	kept, err := c.d.AddUser(u)
	if err != nil {
		return nil, validation("username", "has already been taken")
	}
	return c.adminRow(kept), nil
}

// refuseUser checks what an account is to be; old is the account as it is, if it
// exists. Addresses are looked at before usernames. The text on an address that
// somebody has not confirmed is made up, the status is GitLab's.
func (c *call) refuseUser(old *world.User, email, username string) error {
	if other := c.d.UserByEmail(email); other != nil && other != old {
		for _, e := range other.Emails {
			if strings.EqualFold(e.Address, email) && e.ConfirmedAt.IsZero() {
				return validation("email", "has already been taken")
			}
		}
		return conflict("Email has already been taken")
	}
	if other := c.d.UserByName(username); other != nil && other != old {
		return conflict("Username has already been taken")
	}
	return c.refuseFields(old, email, username)
}

func (c *call) refuseFields(old *world.User, email, username string) error {
	switch local, domain, ok := strings.Cut(email, "@"); {
	case !ok || local == "" || domain == "" || strings.ContainsAny(email, " \t\n<>,"):
		return validation("email", "is invalid")
	case !validPath(username):
		return validation("username", usernameRule)
	case reserved(username):
		return validation("username", username+" is a reserved name")
	case c.d.GroupByPath(username) != nil:
		return validation("username", "has already been taken")
	}
	// GitLab knows thousands of common passwords; a handful does here.
	if p := c.get("password"); c.has("password") {
		if len([]rune(p)) < 8 {
			return validation("password", "is too short (minimum is 8 characters)")
		}
		if slices.Contains([]string{"password", "12345678", "password1", "qwertyui", "iloveyou"}, strings.ToLower(p)) {
			return validation("password", "must not contain commonly used combinations of words and letters")
		}
	}
	if c.has("extern_uid") {
		if other := c.d.UserByIdentity(c.get("provider"), c.get("extern_uid")); other != nil && other != old {
			return validation("identities.extern_uid",
				"has already been taken. Please contact your administrator to generate a unique extern_uid / NameID")
		}
	}
	return nil
}

func validPath(p string) bool {
	ok, err := regexp.MatchString(`\A[a-zA-Z0-9_.][a-zA-Z0-9_\-.]*\z`, p)
	return err == nil && ok && len(p) <= 255 && !strings.HasSuffix(p, ".") && !strings.HasSuffix(p, ".git") && !strings.HasSuffix(p, ".atom")
}

// reserved names are paths of GitLab itself: the best known of them.
func reserved(p string) bool {
	return slices.Contains(strings.Fields("admin api assets dashboard explore files groups help import invites jwt login oauth profile "+
		"projects public robots.txt s search sitemap snippets users v2 -"), strings.ToLower(p))
}

// fillUser takes over the fields that POST and PUT have in common.
func (c *call) fillUser(u *world.User) {
	set := func(name string, field *string) {
		if c.has(name) {
			*field = c.get(name)
		}
	}
	flag := func(name string, field *bool) {
		if c.has(name) {
			*field = c.is(name)
		}
	}
	set("name", &u.Name)
	set("bio", &u.Bio)
	set("location", &u.Location)
	set("job_title", &u.JobTitle)
	set("organization", &u.Organization)
	set("website_url", &u.WebsiteURL)
	set("note", &u.Note)
	set("public_email", &u.PublicEmail)
	flag("admin", &u.Admin)
	flag("external", &u.External)
	flag("private_profile", &u.PrivateProfile)
	if !c.api.CE {
		flag("auditor", &u.Auditor)
	}
	if c.has("can_create_group") {
		u.NoGroups = !c.is("can_create_group")
	}
	if n, err := c.number("projects_limit", 0); err == nil && c.has("projects_limit") {
		u.ProjectsLimit = int(n)
	}
}

// editUser changes an account. A new address waits for its confirmation unless
// skip_reconfirmation says else.
func editUser(c *call) (any, error) {
	if err := c.wholeIdentity(); err != nil {
		return nil, err
	}
	u, err := c.userForAdmin()
	if err != nil {
		return nil, err
	}
	email, username := u.Email, u.Username
	if c.has("email") {
		email = strings.ToLower(c.get("email"))
	}
	if c.has("username") {
		username = c.get("username")
	}
	if err := c.refuseUser(u, email, username); err != nil {
		return nil, err
	}
	c.d.EditUser(u, func(u *world.User) {
		c.fillUser(u)
		u.Username, u.UpdatedAt = username, c.now()
		switch {
		case email == u.Email:
		case c.is("skip_reconfirmation"):
			u.Email, u.UnconfirmedEmail = email, ""
		default:
			u.UnconfirmedEmail = email
		}
		if c.has("extern_uid") {
			u.Identities = slices.DeleteFunc(u.Identities, func(i world.Identity) bool { return i.Provider == c.get("provider") })
			u.Identities = append(u.Identities, world.Identity{Provider: c.get("provider"), ExternUID: c.get("extern_uid")})
		}
	})
	return c.adminRow(u), nil
}

// deleteUser says 204 before the work is done; the work may fail later.
func deleteUser(c *call) (any, error) {
	u, err := c.userForAdmin()
	if err != nil {
		return nil, err
	}
	if err := c.unmodified(u.UpdatedAt); err != nil {
		return nil, err
	}
	if u.Type.Internal() {
		return nil, caller.Forbidden("")
	}
	owned := c.soleOwned(u)
	if len(owned) > 0 && !c.is("hard_delete") {
		return nil, conflict("User cannot be removed while is the sole-owner of a group")
	}
	if u.Doomed {
		return nil, nil
	}
	for _, g := range owned {
		c.d.RemoveGroup(g)
	}
	c.d.RemoveUser(u)
	return nil, nil
}

// unmodified honours If-Unmodified-Since.
func (c *call) unmodified(changed time.Time) error {
	since, err := http.ParseTime(c.r.Header.Get("If-Unmodified-Since"))
	if err == nil && changed.After(since) {
		return caller.Message(http.StatusPreconditionFailed, "412 Precondition Failed")
	}
	return nil
}

// soleOwned lists the groups that have no other owner.
func (c *call) soleOwned(u *world.User) []*world.Group {
	var found []*world.Group
	for _, m := range c.d.MembershipsOf(u.ID) {
		if m.Source.Kind == world.GroupSource && m.Level == world.Owner && !m.Pending() && c.lastOwner(m) {
			found = append(found, c.d.Group(m.Source.ID))
		}
	}
	return found
}

func deleteIdentity(c *call) (any, error) {
	u, err := c.userForAdmin()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(u.Identities, func(i world.Identity) bool { return i.Provider == c.vars[1] })
	if i < 0 {
		return nil, notFound("Identity")
	}
	c.d.EditUser(u, func(u *world.User) {
		u.Identities = slices.Delete(slices.Clone(u.Identities), i, i+1)
		u.UpdatedAt = c.now()
	})
	return nil, nil
}

type newTokenRow struct {
	tokenRow
	Token string `json:"token"`
}

// createToken makes a personal access token for somebody.
func createToken(c *call) (any, error) {
	if err := c.require("name"); err != nil {
		return nil, err
	}
	scopes := c.list("scopes")
	if len(scopes) == 0 {
		return nil, invalid("scopes is missing")
	}
	u, err := c.userForAdmin()
	if err != nil {
		return nil, err
	}
	expires := c.now().AddDate(0, 0, 365)
	if v := c.get("expires_at"); v != "" {
		if expires, err = time.Parse(time.DateOnly, v); err != nil {
			return nil, invalid("expires_at is invalid")
		}
	}
	t := c.d.AddToken(world.Token{
		Value: "glpat-" + requestID(c.r)[2:22], Name: c.get("name"), UserID: u.ID, Scopes: scopes, CreatedAt: c.now(), ExpiresAt: expires,
	})
	return newTokenRow{
		tokenRow: tokenRow{
			ID: t.ID, Name: t.Name, CreatedAt: stamp(t.CreatedAt), Scopes: t.Scopes, UserID: u.ID, Active: true,
			ExpiresAt: orNull(expires.Format(time.DateOnly)), LastUsedIPs: []string{},
		},
		Token: t.Value,
	}, nil
}
