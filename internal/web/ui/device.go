package ui

import (
	"context"
	"strings"
)

// Device names a browser for people by what it says of itself ("Firefox on
// Linux"), and says whether it is a telephone or tablet. It is a hint for
// somebody who looks through their sessions, nothing to rely on.
func Device(ctx context.Context, userAgent string) (name string, mobile bool) {
	browser, system := first(userAgent, browsers()), first(userAgent, systems())
	mobile = system == "Android" || system == "iPhone" || system == "iPad"
	switch {
	case browser == "" && system == "":
		return t(ctx, "Unknown device"), false
	case browser == "":
		return system, mobile
	case system == "":
		return browser, mobile
	}
	return t(ctx, "%s on %s", browser, system), mobile
}

// sign is a part of a User-Agent and what it tells.
type sign struct{ part, name string }

// The order matters: most browsers name others too.
func browsers() []sign {
	return []sign{
		{"DingTalk", "DingTalk"},
		{"Lark", "Lark"},
		{"wxwork", "WeCom"},
		{"MicroMessenger", "WeChat"},
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	}
}

func systems() []sign {
	return []sign{
		{"HarmonyOS", "HarmonyOS"},
		{"Android", "Android"},
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
}

func first(userAgent string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(userAgent, s.part) {
			return s.name
		}
	}
	return ""
}
