package config_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/internal/config"
)

// However a file is broken, what it says never has a secret of it. Nothing is
// put into the line of a secret itself: there, nobody can tell one any more.
func TestBrokenFilesKeepTheirSecrets(t *testing.T) {
	t.Parallel()
	const file = `url: https://id.example.com
database: postgres://gatehouse:s3cret-db@db.example.com/gatehouse
smtp:
  host: mail.example.com
  password: "s3cret-mail"
  from: id@example.com
omniauth:
  allow_single_sign_on: [dingtalk]
  providers:
    - name: dingtalk
      app_id: key
      app_secret: |
        s3cret-one
        s3cret-two: with a colon
      label: DingTalk
    - name: gitlab
      app_secret:
        s3cret-three
      app_id: id
      args: {client_options: {pkce: true}}
clients:
  - id: demo
    secret: 's3cret-demo
      s3cret: over two lines'
    redirect_uris: ["https://demo.example.com/callback"]
`
	lines := strings.SplitAfter(file, "\n")
	var plain []int // lines that have no secret and end none
	for i, l := range lines {
		if l != "" && !strings.Contains(l, "s3cret") && !strings.Contains(l, "app_secret") {
			plain = append(plain, i)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		broken := append([]string{}, lines...)
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			i := rapid.SampledFrom(plain).Draw(t, "line")
			l := broken[i]
			at := rapid.IntRange(0, len(l)-1).Draw(t, "column")
			junk := rapid.SampledFrom(strings.Split(`: { } [ ] " ' - , & * ! | > # % @ ? <<: ${X} x 5`, " ")).Draw(t, "junk")
			broken[i] = l[:at] + junk + l[at:]
		}
		_, warnings, err := config.Parse("gatehouse.yml", []byte(strings.Join(broken, "")), env)
		said := ""
		if err != nil {
			said = err.Error()
		}
		for _, w := range warnings {
			said += w.String() + w.Excerpt
		}
		if strings.Contains(said, "s3cret") {
			t.Fatalf("a secret is told:\n%s", said)
		}
	})
}
