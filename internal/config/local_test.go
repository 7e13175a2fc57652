package config_test

import (
	"strings"
	"testing"

	"gatehouse/internal/config"
)

func TestLocalSignIn(t *testing.T) {
	t.Parallel()
	const head = "url: https://id.example.com\n"
	for text, want := range map[string]config.LocalSignIn{
		"":                                   {},
		"local_sign_in:":                     {},
		"local_sign_in: {enabled: auto}":     {},
		"local_sign_in: {enabled: \"auto\"}": {},
		"local_sign_in: {enabled: true}":     {Always: true},
		"local_sign_in: {enabled: false}":    {Off: true},
		"local_sign_in: {enabled: \"${TRUE}\", passkeys_for: everybody}":          {Always: true, PasskeysForAll: true},
		"local_sign_in: {passkeys_for: administrators, require_two_factor: true}": {},
		"local_sign_in: {require_two_factor: false}":                              {OneFactor: true},
	} {
		c, warnings, err := config.Parse("gatehouse.yml", []byte(head+text), env)
		if err != nil || c.LocalSignIn != want {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
		if (len(warnings) > 0) != want.OneFactor {
			t.Errorf("%s: warnings %v", text, warnings)
		}
	}
	for text, problem := range map[string]string{
		"local_sign_in: [a]":                                                 "a map",
		"local_sign_in: {enabled: maybe}":                                    "auto, true or false",
		"local_sign_in: {enabled: 1}":                                        "auto, true or false",
		"local_sign_in: {passkeys_for: all}":                                 "administrators, everybody",
		"local_sign_in: {passkeys_for: [x]}":                                 "a text",
		"local_sign_in: {require_two_factor: soon}":                          "true or false",
		"local_sign_in: {passkey_for: everybody}":                            "did you mean passkeys_for?",
		"geoip_file: [a]":                                                    "a text",
		"omniauth: {providers: [{name: confirm, app_id: a, app_secret: b}]}": "/sign-in/confirm is a page of Gatehouse",
	} {
		_, _, err := config.Parse("gatehouse.yml", []byte(head+text), env)
		if err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), "gatehouse.yml:2:") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestGeoIPFile(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("/etc/gatehouse/gatehouse.yml", []byte("url: https://id.example.com\ngeoip_file: places.mmdb\n"), env)
	if err != nil || c.GeoIPFile != "/etc/gatehouse/places.mmdb" {
		t.Errorf("%+v, %v", c, err)
	}
}
