package request

import (
	"testing"

	"gatehouse"
)

func TestMatchRedirect(t *testing.T) {
	t.Parallel()
	confidential := gatehouse.Client{SecretHash: []byte("x"), RedirectURIs: []string{
		"https://app.example/cb", "https://app.example/cb?x=1", "http://127.0.0.1/cb", "https://Host.example/Path",
		"javascript:alert(1)", "data:text/html,x", "VBScript:x", "https://app.example/frag#x", "https://user@app.example/",
	}}
	public := gatehouse.Client{RedirectURIs: []string{
		"http://127.0.0.1/cb", "http://[::1]:7000/cb?x=1", "http://localhost/cb", "https://app.example/cb", "com.example.app:/cb", "http://127.0.0.1",
	}}
	for name, c := range map[string]struct {
		client gatehouse.Client
		asked  string
		want   bool
	}{
		"A1/Exact":              {confidential, "https://app.example/cb", true},
		"A1/ExactWithQuery":     {confidential, "https://app.example/cb?x=1", true},
		"A1/OtherQuery":         {confidential, "https://app.example/cb?x=2", false},
		"A1/MoreQuery":          {confidential, "https://app.example/cb?x=1&y=2", false},
		"A1/Empty":              {confidential, "", false},
		"A1/TrailingSlash":      {confidential, "https://app.example/cb/", false},
		"A1/Below":              {confidential, "https://app.example/cb/x", false},
		"A1/Traversal":          {confidential, "https://app.example/cb/../cb", false},
		"A1/EncodedTraversal":   {confidential, "https://app.example/%2e%2e/cb", false},
		"A1/CaseOfPath":         {confidential, "https://app.example/CB", false},
		"A1/CaseOfHost":         {confidential, "https://host.example/Path", false},
		"A1/CaseOfScheme":       {confidential, "HTTPS://app.example/cb", false},
		"A1/UserInfo":           {confidential, "https://app.example@evil.example/cb", false},
		"A1/UserInfoRegistered": {confidential, "https://user@app.example/", false},
		"A1/Subdomain":          {confidential, "https://x.app.example/cb", false},
		"A1/Suffix":             {confidential, "https://app.example.evil/cb", false},
		"A1/RegexpDot":          {confidential, "https://appxexample/cb", false},
		"A1/Wildcard":           {confidential, "https://*/cb", false},
		"A1/Http":               {confidential, "http://app.example/cb", false},
		"A1/Port":               {confidential, "https://app.example:8443/cb", false},
		"A1/DefaultPort":        {confidential, "https://app.example:443/cb", false},
		"A1/Fragment":           {confidential, "https://app.example/cb#x", false},
		"A1/FragmentRegistered": {confidential, "https://app.example/frag#x", false},
		"A1/Backslash":          {confidential, `https://app.example\@evil.example/cb`, false},
		"A1/Newline":            {confidential, "https://app.example/cb\r\nX: y", false},
		"A1/Space":              {confidential, " https://app.example/cb", false},
		"A1/Relative":           {confidential, "/cb", false},
		"A3/JavaScript":         {confidential, "javascript:alert(1)", false},
		"A3/Data":               {confidential, "data:text/html,x", false},
		"A3/VBScriptAnyCase":    {confidential, "VBScript:x", false},
		"A2/Port":               {public, "http://127.0.0.1:49152/cb", true},
		"A2/NoPort":             {public, "http://127.0.0.1/cb", true},
		"A2/OtherPortThanGiven": {public, "http://[::1]:1/cb?x=1", true},
		"A2/HostAlone":          {public, "http://127.0.0.1:8000", true},
		"A2/Confidential":       {confidential, "http://127.0.0.1:49152/cb", false},
		"A2/OtherPath":          {public, "http://127.0.0.1:49152/other", false},
		"A2/OtherQuery":         {public, "http://[::1]:1/cb?x=2", false},
		"A2/OtherLoopback":      {public, "http://127.0.0.2:49152/cb", false},
		"A2/OtherFamily":        {public, "http://[::1]:49152/cb", false},
		"A2/Localhost":          {public, "http://localhost:49152/cb", false},
		"A2/LocalhostExact":     {public, "http://localhost/cb", true},
		"A2/Https":              {public, "https://127.0.0.1:49152/cb", false},
		"A2/HostThatBeginsSo":   {public, "http://127.0.0.1.evil.example/cb", false},
		"A2/UserInfo":           {public, "http://127.0.0.1:80@evil.example/cb", false},
		"A2/PortZero":           {public, "http://127.0.0.1:0/cb", false},
		"A2/PortTooGreat":       {public, "http://127.0.0.1:65536/cb", false},
		"A2/PortNoNumber":       {public, "http://127.0.0.1:8x/cb", false},
		"A2/PortEmpty":          {public, "http://127.0.0.1:/cb", false},
		"A2/PortSigned":         {public, "http://127.0.0.1:+80/cb", false},
		"A2/OtherHostsPort":     {public, "https://app.example:8443/cb", false},
		"A2/PrivateScheme":      {public, "com.example.app:/cb", true},
		"A2/PrivateSchemeOther": {public, "com.example.evil:/cb", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := MatchRedirect(c.client, c.asked); got != c.want {
				t.Errorf("matchRedirect(%q) = %v, want %v", c.asked, got, c.want)
			}
		})
	}
}
