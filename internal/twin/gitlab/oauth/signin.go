package oauth

import (
	"net/http"
	"net/url"
	"strconv"

	"gatehouse/internal/twin/gitlab/world"
)

const signInTitle = "GitLab (stand-in)"

func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "home", page{Title: signInTitle, User: s.signedIn(s.session(r))})
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	x := s.session(r)
	if s.signedIn(x) != nil {
		s.redirect(w, r, local(x.ReturnTo))
		return
	}
	s.show(w, http.StatusOK, "sign_in", page{Title: signInTitle, People: s.people()})
}

// signIn makes the browser the person of the field user_id or username. A
// deactivated account comes back to life by it, a blocked one is refused.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	x := s.session(r)
	now := s.Now()
	var denied string
	var user int64
	_ = s.World.Write(func(d *world.Data) error {
		u := chosen(d, r)
		if u == nil || u.Type != world.Human {
			denied = "Invalid login or password."
			return nil
		}
		if denied = refusal(u); denied != "" {
			return nil
		}
		user, u.State = u.ID, world.Active
		u.LastSignInAt, u.CurrentSignInAt = u.CurrentSignInAt, now
		if u.LastSignInAt.IsZero() {
			u.LastSignInAt = now
		}
		u.LastActivityOn = now.UTC().Format("2006-01-02")
		u.SignInCount++
		return nil
	})
	if denied != "" {
		s.show(w, http.StatusOK, "sign_in", page{Title: signInTitle, People: s.people(), Alert: denied})
		return
	}
	s.renew(w, x.Key, world.Session{UserID: user, SignedInAt: now})
	s.redirect(w, r, local(x.ReturnTo))
}

func chosen(d *world.Data, r *http.Request) *world.User {
	if id, err := strconv.ParseInt(r.PostFormValue("user_id"), 10, 64); err == nil {
		return d.User(id)
	}
	return d.UserByName(r.PostFormValue("username"))
}

// refusal is GitLab's text for accounts that may not sign in.
func refusal(u *world.User) string {
	switch u.State {
	case world.Blocked, world.LDAPBlocked, world.Banned:
		return "Your account has been blocked. Please contact your GitLab administrator if you think this is an error."
	case world.PendingApproval:
		return "Your account is pending approval from your GitLab administrator and hence blocked. Please contact your GitLab administrator if you think this is an error."
	case world.Active, world.Deactivated:
	}
	return ""
}

// signOut ends the session and shows the sign-in page again; return_to says
// where the next person goes on.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	s.renew(w, s.session(r).Key, world.Session{ReturnTo: local(r.URL.Query().Get("return_to"))})
	s.redirect(w, r, "/users/sign_in")
}

// askForPerson sends the browser to the sign-in page and remembers where it was.
func (s *Server) askForPerson(w http.ResponseWriter, r *http.Request, x world.Session, q url.Values) {
	x.UserID, x.ReturnTo = 0, "/oauth/authorize?"+q.Encode()
	s.keep(w, x)
	s.redirect(w, r, "/users/sign_in")
}
