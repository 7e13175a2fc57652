package server

import (
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
)

// vendorsWord is a text that is the same in every language: a name of the
// provider's own.
var vendorsWord = regexp.MustCompile(`^(AppKey|AppSecret|App ID|App Secret|CorpID|Secret|AgentId|URL)$`)

func TestFormsAreTranslated(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		texts := append([]string{k.Form.Summary}, k.Form.Guide...)
		texts = append(texts, k.Form.ClientID, k.Form.ClientSecret)
		for _, f := range k.Form.Fields {
			texts = append(texts, f.Label, f.Help)
			for _, c := range f.Choices {
				texts = append(texts, c.Label)
			}
		}
		form := k.ConnectorForm
		texts = append(append(texts, form.Summary), form.Guide...)
		for _, f := range append([]integration.Field{form.URL, form.Token}, form.Fields...) {
			texts = append(texts, f.Label, f.Help)
			for _, c := range f.Choices {
				texts = append(texts, c.Label)
			}
		}
		for _, text := range texts {
			if text != "" && !i18n.Known(text) && !vendorsWord.MatchString(text) {
				t.Errorf("%s: no Chinese for %q; add it to internal/i18n/zh-CN/<vendor>.json", k.Name, text)
			}
		}
	}
}

func TestFormsAreUsable(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range Kinds() {
		if slices.Contains(names, k.Name) {
			t.Errorf("two kinds are called %s", k.Name)
		}
		names = append(names, k.Name)
		if k.OpenConnection != nil && k.Form.Summary == "" {
			t.Errorf("%s: nothing says who signs in with it", k.Name)
		}
		if k.OpenConnector != nil && (k.ConnectorForm.Summary == "" || k.ConnectorForm.Token.Label == "" && !k.FedByFiles) {
			t.Errorf("%s: nothing says what is read of it, or with what secret", k.Name)
		}
		for _, f := range k.ConnectorForm.Fields {
			if f.Arg == "" || f.Label == "" {
				t.Errorf("%s: the field %q (%q) of its connector has no name or label", k.Name, f.Arg, f.Label)
			}
		}
		var args []string
		for _, f := range k.Form.Fields {
			if f.Arg == "" || f.Label == "" || slices.Contains(args, f.Arg) || f.Arg == "scope" {
				t.Errorf("%s: the field %q (%q) has no name or label of its own", k.Name, f.Arg, f.Label)
			}
			args = append(args, f.Arg)
			if (f.Type == integration.ChoiceField) != (len(f.Choices) > 0) {
				t.Errorf("%s: %s is of the type %q with %d choices", k.Name, f.Arg, f.Type, len(f.Choices))
			}
			if f.Type == integration.FlagField && f.Usual != "true" && f.Usual != "false" {
				t.Errorf("%s: nobody knows what %s usually is", k.Name, f.Arg)
			}
		}
	}
	for _, k := range Kinds() {
		if a := k.Form.AliasOf; a != "" && !slices.Contains(names, a) {
			t.Errorf("%s is another name for %s, which is not there", k.Name, a)
		}
	}
}

// TestS12WhichProvidersShowThatTheyAsked: only those whose auth_time is looked at
// may say so. What is not listed here must not.
func TestS12WhichProvidersShowThatTheyAsked(t *testing.T) {
	t.Parallel()
	openID := map[string]any{"issuer": "https://id.example.com"}
	for _, tt := range []struct {
		kind string
		args map[string]any
		want bool
	}{
		{"openid_connect", openID, true},
		{"gitlab", map[string]any{"scope": "read_user openid"}, true},
		{"gitlab", nil, false},
		{"google_oauth2", nil, false},
		{"github", nil, false},
		{"dingtalk", nil, false},
		{"feishu", nil, false},
		{"wecom", map[string]any{"agent_id": "1000002"}, false},
	} {
		k, ok := kind(tt.kind)
		if !ok {
			t.Errorf("there is no kind %s", tt.kind)
			continue
		}
		d, err := k.OpenConnection(
			gatehouse.Connection{Name: tt.kind, Kind: tt.kind, AppID: "app", AppSecret: "secret", Args: tt.args},
			integration.Env{HTTP: http.DefaultClient, Log: slog.New(slog.DiscardHandler)},
		)
		if err != nil || d.ShowsFresh != tt.want {
			t.Errorf("%s %v: %t, %v", tt.kind, tt.args, d.ShowsFresh, err)
		}
	}
}
