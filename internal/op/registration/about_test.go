package registration

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
)

// What a client says of itself is kept, and told again as it was said.
func TestAboutIsKept(t *testing.T) {
	t.Parallel()
	const said = `{"redirect_uris":["https://app.example/cb"],"client_name":"Board","client_name#zh-CN":"看板\u202e","client_name#fr":"  ","contacts":["ops@app.example"],
		"client_uri":"https://app.example/","logo_uri":"https://app.example/logo.png","policy_uri":"https://app.example/privacy","tos_uri":"https://app.example/terms",
		"software_id":"board","software_version":"1.2"}`
	var m Metadata
	if err := Read([]byte(said), &m); err != nil {
		t.Fatal(err)
	}
	c, err := Decide(Policy{By: ByAnybody}, m)
	if err != nil {
		t.Fatal(err)
	}
	want := gatehouse.ClientAbout{
		Names: map[string]string{"zh-CN": "看板"}, Contacts: []string{"ops@app.example"}, URI: "https://app.example/", LogoURI: "https://app.example/logo.png",
		PolicyURI: "https://app.example/privacy", TermsURI: "https://app.example/terms", SoftwareID: "board", SoftwareVersion: "1.2",
	}
	if diff := cmp.Diff(want, c.Settings.About); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	told, err := json.Marshal(WithNames(Of(c), c.Settings.About.Names))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"client_name#zh-CN":"看板"`, `"policy_uri":"https://app.example/privacy"`, `"contacts":["ops@app.example"]`, `"software_version":"1.2"`, `"client_name":"Board"`} {
		if !strings.Contains(string(told), part) {
			t.Errorf("%s is not told: %s", part, told)
		}
	}
	if c.NameIn("zh-CN") != "看板" || c.NameIn("ZH-cn") != "看板" || c.NameIn("en") != "Board" {
		t.Errorf("names %q, %q", c.NameIn("zh-CN"), c.NameIn("en"))
	}
}

func TestAboutIsChecked(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"A3Policy":     `"policy_uri":"javascript:alert(1)"`,
		"HTTPTerms":    `"tos_uri":"http://app.example/"`,
		"DataLogo":     `"logo_uri":"data:image/png;base64,AA=="`,
		"FragmentSite": `"client_uri":"https://app.example/#x"`,
		"LongContact":  `"contacts":["` + strings.Repeat("x", 300) + `"]`,
		"HiddenSigns":  `"contacts":["a\u200bb"]`,
		"ManyContacts": `"contacts":["1","2","3","4","5","6","7","8","9","10","11"]`,
		"Version":      `"software_version":"1\n2"`,
		"NoLanguage":   `"client_name#<b>":"x"`,
		"ManyNames":    manyNames(),
	} {
		var m Metadata
		err := Read([]byte(`{"redirect_uris":["https://app.example/cb"],`+part+`}`), &m)
		if err == nil {
			_, err = Decide(Policy{By: ByAnybody}, m)
		}
		if err == nil || !strings.Contains(err.Error(), "invalid_client_metadata") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var m Metadata
	if Read([]byte(`{"client_name#zh-CN":1}`), &m) == nil || Read([]byte(`[]`), &m) == nil {
		t.Error("what is no metadata is read")
	}
}

func manyNames() string {
	var all []string
	for i := range 30 {
		all = append(all, `"client_name#x`+strings.Repeat("a", 1+i%7)+string(rune('a'+i%26))+`-`+strings.Repeat("b", 1+i%5)+`":"n"`)
	}
	return strings.Join(all, ",")
}
