package ui

import (
	"net/url"
	"strings"
)

const longestPath = 2048

// OwnPath returns p if it is a path of ours that a browser can be sent to, with
// its query if it has one, else "". What browsers might read as another host
// ("//host", "/\host", "/<tab>/host") is not.
func OwnPath(p string) string {
	if len(p) > longestPath || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
		return ""
	}
	for _, c := range p {
		if c == '\\' || c < ' ' || c == 0x7f || c == 0xfffd {
			return ""
		}
	}
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	return p
}
