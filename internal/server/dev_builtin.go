package server

import (
	"fmt"
	"slices"
	"sync"

	"gatehouse/internal/apps"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
	gitlabtwin "gatehouse/internal/twin/gitlab"
	openidtwin "gatehouse/internal/twin/openid"
)

// redirects are the redirect URIs that a stand-in knows, of the connection in
// the file and of those that have its built-in credentials.
type redirects struct {
	mu  sync.Mutex
	all []string
	set func(all []string) error // tells the stand-in
}

// register adds a redirect URI.
func (r *redirects) register(uri string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.all, uri) {
		return nil
	}
	if err := r.set(append(slices.Clone(r.all), uri)); err != nil {
		return fmt.Errorf("register %s: %w", uri, err)
	}
	r.all = append(r.all, uri)
	return nil
}

// registers says which redirect URIs each stand-in is to be told of.
func (d *dev) registers() (gitlab, dingtalk, openid *redirects) {
	gitlab = &redirects{set: func(all []string) error {
		d.gitlab.AddApplication(gitlabtwin.Application{
			ID: devGitLabApp, Secret: devGitLabSecret, Name: "Gatehouse", Confidential: true,
			RedirectURIs: all, Scopes: []string{"read_user", "openid", "profile", "email"},
		})
		return nil
	}}
	dingtalk = &redirects{set: func(all []string) error { return d.dingtalk.AddApp(dingtalktwin.DemoApp(all...)) }}
	openid = &redirects{set: func(all []string) error {
		company := openidtwin.DemoClient(all...)
		company.PostLogoutURIs = []string{"http://" + d.places.hub + "/sign-out/done"}
		company.BackchannelLogoutURI = "http://" + d.places.hub + "/backchannel-logout/openid_connect"
		return d.openid.AddClient(company)
	}}
	return gitlab, dingtalk, openid
}

// builtIn are the credentials of the stand-ins, for connections without
// credentials of their own. The file's own connections are registered already.
func (d *dev) builtIn() (map[string]apps.BuiltIn, error) {
	gitlab, dingtalk, openid := d.registers()
	for name, r := range map[string]*redirects{"gitlab": gitlab, "dingtalk": dingtalk, "openid_connect": openid} {
		if err := r.register("http://" + d.places.hub + "/users/auth/" + name + "/callback"); err != nil {
			return nil, fmt.Errorf("register with the stand-in for %s: %w", name, err)
		}
	}
	site := "http://" + d.places.dingtalk
	ding := apps.BuiltIn{
		AppID: dingtalktwin.DemoAppKey, AppSecret: dingtalktwin.DemoAppSecret, Register: dingtalk.register,
		Args: map[string]any{"client_options": map[string]any{"login_url": site, "api_url": site, "oapi_url": site}},
	}
	lab := apps.BuiltIn{
		AppID: devGitLabApp, AppSecret: devGitLabSecret, Register: gitlab.register,
		Args: map[string]any{"client_options": map[string]any{"site": "http://" + d.places.gitlab}},
	}
	idp := apps.BuiltIn{
		AppID: openidtwin.DemoClientID, AppSecret: openidtwin.DemoClientSecret, Register: openid.register,
		Args: map[string]any{"issuer": "http://" + d.places.openid, "discovery": true},
	}
	return map[string]apps.BuiltIn{"dingtalk": ding, "gitlab": lab, "openid": idp, "openid_connect": idp}, nil
}
