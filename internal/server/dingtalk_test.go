package server

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"gatehouse/internal/config"
	dingtalktwin "gatehouse/internal/twin/dingtalk"
)

// dingTalkArgs alters the arguments of the DingTalk connection of dev.
func dingTalkArgs(args map[string]any) func(*dev, *config.Config) {
	return func(_ *dev, c *config.Config) {
		for _, p := range c.OmniAuth.Providers {
			if p.Name == "dingtalk" {
				maps.Copy(p.Args, args)
			}
		}
	}
}

// lacking takes a permission from the app at the stand-in.
func lacking(t *testing.T, permission string) func(*dev, *config.Config) {
	return func(d *dev, _ *config.Config) {
		err := d.dingtalk.UpdateApp(dingtalktwin.DemoAppKey, func(a *dingtalktwin.App) {
			a.Permissions = slices.DeleteFunc(dingtalktwin.AllPermissions(), func(p string) bool { return p == permission })
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestDingTalkTheOlderWay takes the journey through the whole of Gatehouse with
// the flow that self-built apps of old have.
func TestDingTalkTheOlderWay(t *testing.T) {
	t.Parallel()
	var twin *dingtalktwin.Twin
	r := startDev(t, t.TempDir(), dingTalkArgs(map[string]any{"flow": "legacy"}), func(d *dev, _ *config.Config) { twin = d.dingtalk })
	v := newVisitor(t).throughDingTalk(r, "lina").allow(r).sees("Hello, 李娜")
	if c := v.claims("claims"); c["email"] != "li.na@example.com" {
		t.Errorf("claims %v", c)
	}
	if n := twin.Requests(); n["/sns/getuserinfo_bycode"] != 1 || n["/v1.0/oauth2/userAccessToken"] != 0 {
		t.Errorf("the older way was not taken: %v", n)
	}
}

// TestDingTalkPermissionsAreNamed: who signs in reads a sentence and a
// reference, and by that the administrator reads the permission's name.
func TestDingTalkPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	for permission, getsIn := range map[string]bool{"Contact.User.Read": false, "qyapi_get_member": false, "qyapi_get_department_list": true} {
		t.Run(permission, func(t *testing.T) {
			t.Parallel()
			r := startDev(t, t.TempDir(), lacking(t, permission))
			v := newVisitor(t).throughDingTalk(r, "lina")
			admin := newVisitor(t).open(r.dashboard)
			if getsIn {
				v.allow(r).sees("Hello, 李娜")
				admin.open(r.hub + "/admin/decisions").sees("李娜")
				return
			}
			v.sees("A permission is missing in DingTalk", "Reference")
			m := regexp.MustCompile(`Reference\s*([2-9A-Z]{8})`).FindStringSubmatch(text(v.doc))
			if m == nil {
				t.Fatalf("no reference in\n%s", text(v.doc))
			}
			admin.open(r.hub+"/admin/decisions/"+m[1]).sees("Permission that is missing there", permission)
		})
	}
}
