package oauth

import (
	"bytes"
	"net/http"
	"strings"

	"gatehouse/internal/twin/gitlab/world"
)

// page is what the pages show. Each uses what it needs.
type page struct {
	Title   string
	Base    string
	Nonce   string
	User    *world.User
	People  []choice
	Alert   string
	Problem string
	App     string
	Scopes  []scopeText
	Fields  []field
	Target  string
	Switch  string // path that signs out and comes back
	Origin  string
}

type choice struct {
	ID      int64
	Name    string
	Handle  string
	Initial string
	Note    string
	Refused bool
}

type field struct{ Name, Value string }

type scopeText struct{ Name, Text string }

// show writes a page. Forms may lead anywhere, since consent ends in a redirect.
func (s *Server) show(w http.ResponseWriter, status int, name string, p page) {
	p.Base = s.base
	p.Nonce = secret()[:24]
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, p); err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'nonce-"+p.Nonce+"'; script-src 'nonce-"+p.Nonce+"'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// stateNote is what the sign-in page says about an account, and whether GitLab
// would refuse it.
func stateNote(u *world.User) (string, bool) {
	switch u.State {
	case world.Blocked:
		return "blocked", true
	case world.LDAPBlocked:
		return "blocked by LDAP", true
	case world.Banned:
		return "banned", true
	case world.PendingApproval:
		return "pending approval", true
	case world.Deactivated:
		return "deactivated", false
	case world.Active:
	}
	var notes []string
	if u.Admin {
		notes = append(notes, "administrator")
	}
	if u.Auditor {
		notes = append(notes, "auditor")
	}
	if u.External {
		notes = append(notes, "external")
	}
	return strings.Join(notes, ", "), false
}

// people are the human accounts of the sign-in page. The list ends at 200; others
// are reached by the field for a username.
func (s *Server) people() []choice {
	var all []choice
	s.World.Read(func(d *world.Data) {
		for _, u := range d.Users() {
			if u.Type != world.Human || len(all) == 200 {
				continue
			}
			note, refused := stateNote(u)
			initial := string([]rune(u.Name)[:1])
			all = append(all, choice{ID: u.ID, Name: u.Name, Handle: u.Username, Initial: initial, Note: note, Refused: refused})
		}
	})
	return all
}

const pageTexts = `
{{define "top"}}<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style nonce="{{.Nonce}}">
:root{color-scheme:light dark;--bg:#fbfafd;--card:#fff;--ink:#28272d;--soft:#626168;--line:#dcdcde;--hot:#e24329;--face:#b03a1c;--go:#1f75cb;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#18171d;--card:#28272d;--ink:#ececef;--soft:#a4a3a8;--line:#4c4b51;--hot:#fc6d26;--go:#63a6e9;--on:#0d2137}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI","PingFang SC","Microsoft YaHei",sans-serif}
header{border-top:4px solid var(--hot);padding:1.25rem 1rem;text-align:center}
header b{font-size:1.25rem}
header span{color:var(--soft)}
main{width:calc(100% - 2rem);max-width:46rem;margin:0 auto 3rem;padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .5rem;font-size:1.3rem}
p{margin:.5rem 0}
.soft{color:var(--soft)}
.alert{border-left:4px solid var(--hot);padding:.5rem .75rem;background:color-mix(in srgb,var(--hot) 10%,transparent)}
.people{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,14rem),1fr));gap:.5rem;margin:1rem 0 0;padding:0;list-style:none}
.people li,.people form{display:grid;margin:0;min-width:0}
.people button{display:flex;gap:.75rem;align-items:center;width:100%;padding:.5rem .75rem;text-align:left;font:inherit;color:inherit;background:none;border:1px solid var(--line);border-radius:.5rem;cursor:pointer}
.people button:hover,.people button:focus-visible{border-color:var(--go);outline:2px solid var(--go)}
.people i{flex:none;width:2.25rem;height:2.25rem;border-radius:50%;background:var(--face);color:#fff;font-style:normal;display:grid;place-items:center}
.people span{min-width:0;overflow-wrap:anywhere}
.people small{display:block;color:var(--soft);line-height:1.35}
.people .refused{border-style:dashed;color:var(--soft)}
.refused i{filter:grayscale(1)}
.row{display:flex;gap:.75rem;flex-wrap:wrap;align-items:center;margin-top:1rem}
.row form{margin:0}
.go,.no{font:inherit;padding:.5rem 1.25rem;border-radius:.5rem;border:1px solid var(--go);cursor:pointer}
.go{background:var(--go);color:var(--on)}
.go:focus-visible,.no:focus-visible{outline:2px solid var(--go);outline-offset:2px}
.no{background:none;color:inherit;border-color:var(--line)}
a{color:var(--go)}
input[type=text]{font:inherit;min-width:0;max-width:100%;padding:.5rem;border:1px solid var(--line);border-radius:.5rem;background:transparent;color:inherit}
pre{white-space:pre-wrap;padding:.75rem;border:1px solid var(--line);border-radius:.5rem}
</style>
</head>
<body>
<header><b>GitLab</b> <span>(stand-in)</span></header>
<main>
{{with .Alert}}<p class="alert" role="alert">{{.}}</p>{{end}}{{end}}

{{define "bottom"}}</main>
</body>
</html>
{{end}}

{{define "home"}}{{template "top" .}}
{{with .User}}<h1>Signed in as {{.Name}}</h1><p class="soft">@{{.Username}}</p>
<p class="row"><a href="{{$.Base}}/users/sign_out">Use another account</a></p>
{{else}}<h1>Nobody is signed in</h1><p><a href="{{$.Base}}/users/sign_in">Sign in</a></p>{{end}}
{{template "bottom" .}}{{end}}

{{define "sign_in"}}{{template "top" .}}
<h1>Sign in</h1>
<p class="soft">This is not GitLab. Pick who you want to be; no password is asked.</p>
<ul class="people">
{{range .People}}<li><form method="post" action="{{$.Base}}/users/sign_in"><button name="user_id" value="{{.ID}}"{{if .Refused}} class="refused"{{end}}><i aria-hidden="true">{{.Initial}}</i><span>{{.Name}}<small>@{{.Handle}}{{with .Note}} · {{.}}{{end}}</small></span></button></form></li>
{{end}}</ul>
<form method="post" action="{{.Base}}/users/sign_in" class="row"><label>Username <input type="text" name="username" autocomplete="username"></label><button class="no">Sign in</button></form>
{{template "bottom" .}}{{end}}

{{define "consent"}}{{template "top" .}}
<h1>{{.App}} is requesting access to your account</h1>
<p>Signed in as <b>{{.User.Name}}</b> (@{{.User.Username}}). <a href="{{.Base}}{{.Switch}}">Use another account</a></p>
<p>This application will be able to:</p>
<ul>{{range .Scopes}}<li>{{.Text}} <span class="soft">({{.Name}})</span></li>{{end}}</ul>
<p class="soft">You will go on to {{.Origin}}</p>
<div class="row">
<form method="post" action="{{.Base}}/oauth/authorize">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<button class="go">Authorize {{.App}}</button></form>
<form method="post" action="{{.Base}}/oauth/authorize"><input type="hidden" name="_method" value="delete">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<button class="no">Cancel</button></form>
</div>
{{template "bottom" .}}{{end}}

{{define "redirect"}}{{template "top" .}}
<h1>Redirecting</h1>
<p><a href="{{.Target}}">Click here to redirect to {{.App}}</a></p>
<script nonce="{{.Nonce}}">window.location = {{.Target}};</script>
{{template "bottom" .}}{{end}}

{{define "continue"}}{{template "top" .}}
<h1>Continue to {{.App}}</h1>
<p>Signed in as <b>{{.User.Name}}</b> (@{{.User.Username}}).</p>
<div class="row">
<form method="post" action="{{.Base}}/oauth/authorize">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<button class="go">Continue as {{.User.Name}}</button></form>
<a href="{{.Base}}{{.Switch}}">Use another account</a>
</div>
{{template "bottom" .}}{{end}}

{{define "form_post"}}{{template "top" .}}
<form method="post" action="{{.Target}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<button class="go">Continue</button></form>
<script nonce="{{.Nonce}}">document.forms[0].submit();</script>
{{template "bottom" .}}{{end}}

{{define "error"}}{{template "top" .}}
<h1>An error has occurred</h1>
<pre>{{.Problem}}</pre>
{{template "bottom" .}}{{end}}
`
