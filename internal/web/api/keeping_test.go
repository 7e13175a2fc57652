package api

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
)

// directory is an app that can be read with the token "good".
type directory struct{ token string }

func (d directory) Probe(context.Context) (integration.Probe, error) {
	if d.token == "wrong" {
		return integration.Probe{}, gatehouse.Errorf(gatehouse.Unauthorized, "The token is not accepted.")
	}
	return integration.Probe{Version: "18.1", Actor: "root", Admin: true, Scopes: []string{"api"}}, nil
}

func (directory) Pull(context.Context, integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(func(integration.Page, error) bool) {}
}

func (directory) Account(context.Context, string) (gatehouse.Account, []gatehouse.Grant, error) {
	return gatehouse.Account{}, nil, gatehouse.NotFound
}

func (directory) Choose(context.Context, string, string) ([]integration.Choice, error) {
	return []integration.Choice{{Value: "eng", Label: "Engineering"}}, nil
}

// readable is a kind of connectors.
func readable() integration.Kind {
	return integration.Kind{
		Name: "gitlab", Title: "GitLab",
		ConnectorHosts: func(c gatehouse.Connector) []string { return []string{c.URL} },
		ConnectorForm: integration.ConnectorForm{
			Summary: "People.", URL: integration.Field{Label: "URL", Required: true}, Token: integration.Field{Label: "Token", Required: true},
			Fields: []integration.Field{{Arg: "group", Label: "Group", Type: integration.PickField}, {Arg: "aes_key", Label: "Key", Type: integration.SecretField}},
		},
		OpenConnector: func(c gatehouse.Connector, _ integration.Env) (integration.Connected, error) {
			d := directory{c.Token}
			return integration.Connected{Source: d, Chooser: d}, nil
		},
	}
}

const newConnector = `{"kind": "gitlab", "key": "mine", "name": "Mine", "url": "https://9.9.9.9", "token": "` + ownSecret + `", "secrets": {"aes_key": "` + ownSecret + `-2"},
	"settings": {"group": "eng"}, "owners": ["ann@example.com"], "schedule": "0 3 * * *", "time_zone": "Asia/Shanghai"}`

func TestConnectorsAreKeptByPrograms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.send("connector", http.MethodPost, prefix+"/connectors", newConnector, "")
	if made.Code != http.StatusCreated {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	seen := h.send("auditor", http.MethodGet, prefix+"/connectors/mine/settings", "", "")
	tag := seen.Header().Get("ETag")
	got := want[connectorSettings](h, "/connectors/mine/settings")
	wanted := connectorSettings{
		ID: got.ID, Key: "mine", Kind: "gitlab", Name: "Mine", URL: "https://9.9.9.9", HasToken: true, Secrets: []string{"aes_key"},
		Settings: map[string]string{"group": "eng"}, Owners: []string{"ann@example.com"}, Schedule: "0 3 * * *", TimeZone: "Asia/Shanghai",
		ManagedBy: "dashboard", UpdatedAt: got.UpdatedAt,
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
	if c := want[connector](h, "/connectors/mine"); c.Seen.Actor != "root" || c.Status != "syncing" || c.Seen.At.IsZero() {
		t.Errorf("it is %+v", c)
	}
	changed := h.send("connector", http.MethodPatch, prefix+"/connectors/mine", `{"name": "Ours", "settings": {"group": null}}`, tag)
	if changed.Code != http.StatusOK {
		t.Fatalf("%d %s", changed.Code, changed.Body)
	}
	if got := want[connectorSettings](h, "/connectors/mine/settings"); got.Name != "Ours" || len(got.Settings) != 0 || !got.HasToken || got.Schedule != "0 3 * * *" {
		t.Errorf("it is %+v", got)
	}
	if stale := h.send("connector", http.MethodPatch, prefix+"/connectors/mine", `{"name": "Theirs"}`, tag); stale.Code != http.StatusPreconditionFailed {
		t.Errorf("with an old ETag: %d", stale.Code)
	}
	for _, a := range []string{"pause", "pause", "resume", "probe"} {
		if r := h.send("connector", http.MethodPost, prefix+"/connectors/mine/"+a, "", ""); r.Code != http.StatusOK {
			t.Errorf("%s: %d %s", a, r.Code, r.Body)
		}
	}
	if p := want[Page[choice]](h, "/connectors/mine/choices/group?q=eng"); len(p.Items) != 1 || p.Items[0].Value != "eng" {
		t.Errorf("choices %+v", p)
	}
	if r := h.send("connector", http.MethodDelete, prefix+"/connectors/mine", "", ""); r.Code != http.StatusOK {
		t.Errorf("disconnect: %d %s", r.Code, r.Body)
	}
	if got := want[connectorSettings](h, "/connectors/mine/settings"); got.HasToken || len(got.Secrets) > 0 {
		t.Errorf("disconnected, it has %+v", got)
	}
	if r := h.send("connector", http.MethodDelete, prefix+"/connectors/mine?history=delete", "", ""); r.Code != http.StatusOK {
		t.Errorf("delete: %d %s", r.Code, r.Body)
	}
	isProblem(t, h.get("/connectors/mine"), http.StatusNotFound, "not_found")
}

func TestConnectorsThatAreNotAdded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, tt := range map[string]struct{ from, to, field string }{
		"APrivateAddress":    {"https://9.9.9.9", "http://127.0.0.1:1", "body.url"},
		"AWrongToken":        {ownSecret + `", "secrets`, `wrong", "secrets`, "body.token"},
		"AGroupThatIsNot":    {`"group": "eng"`, `"group": "nowhere"`, "body.settings.group"},
		"AnUnknownKind":      {`"kind": "gitlab"`, `"kind": "doorless"`, "body.kind"},
		"AScheduleThatIsNot": {"0 3 * * *", "sometimes", "body.schedule"},
		"AnAddressThatIsNot": {"ann@example.com", "ann", "body.owners"},
	} {
		for _, path := range []string{"/connectors", "/connectors/probe"} {
			r := h.send("connector", http.MethodPost, prefix+path, strings.Replace(newConnector, tt.from, tt.to, 1), "")
			if r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `"location":"`+tt.field+`"`) {
				t.Errorf("%s %s: %d %s", path, name, r.Code, r.Body)
			}
			if strings.Contains(r.Body.String(), ownSecret) {
				t.Errorf("%s %s: the answer has a secret", path, name)
			}
		}
	}
	if r := h.send("connector", http.MethodPost, prefix+"/connectors/probe", newConnector, ""); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), `"actor":"root"`) {
		t.Errorf("a probe: %d %s", r.Code, r.Body)
	}
	if p := want[Page[connector]](h, "/connectors"); len(p.Items) != 0 {
		t.Errorf("a probe kept %+v", p.Items)
	}
}
