package config

import (
	"regexp"
	"strings"
)

const blotted = "•••"

// blot is a text that may not be shown, and the lines on which it stands.
type blot struct {
	from, to int // lines
	text     string
}

// hide remembers a literal secret, so that no excerpt shows it. origin is its
// source text.
func (r *reader) hide(at pos, origin string) {
	origin = strings.Trim(origin, " \t\r\n")
	if origin == "" {
		return
	}
	lines := strings.Split(origin, "\n")
	to := at.line + len(lines) + 1 // a scalar's own line is told, where its text begins is not
	for _, part := range lines {
		for _, q := range []string{`"`, `'`} {
			part = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(part), q), q)
		}
		if part != "" {
			r.blots = append(r.blots, blot{from: at.line, to: to, text: part})
		}
	}
}

// hideAll remembers every text in a value that an alias made a secret.
func (r *reader) hideAll(v *value) {
	if v.shape == text {
		v.secret = true
		r.hide(v.pos, v.literal)
	}
	for _, i := range v.items {
		r.hideAll(i)
	}
	for _, e := range v.keys {
		r.hideAll(e.value)
	}
}

// blot takes the secrets out of a line; false when nothing of it may be shown.
func (r *reader) blot(line int, text string) (string, bool) {
	if !r.understood {
		return r.blotBlindly(line, text)
	}
	for _, b := range r.blots {
		if line >= b.from && line <= b.to {
			text = b.out(text)
		}
	}
	return text, true
}

// shortBlot is the length under which only whole words are blotted out, since
// little would be left of a line without its b's.
const shortBlot = 5

func (b blot) out(line string) string {
	if len(b.text) >= shortBlot {
		return strings.ReplaceAll(line, b.text, blotted)
	}
	var out strings.Builder
	for {
		i := strings.Index(line, b.text)
		if i < 0 {
			out.WriteString(line)
			return out.String()
		}
		end := i + len(b.text)
		put := blotted
		if (i > 0 && wordByte(line[i-1])) || (end < len(line) && wordByte(line[end])) {
			put = b.text
		}
		out.WriteString(line[:i])
		out.WriteString(put)
		line = line[end:]
	}
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

var (
	secretName = regexp.MustCompile(`(?i)(secret|passw|token|private_?key|api_?key|database|dsn)[\w-]*["']?\s*:`)
	anyKey     = regexp.MustCompile(`^[\s\-?{\[]*["']?[\w.-]+["']?\s*:(\s|$)`)
	userinfo   = regexp.MustCompile(`://[^/@\s]*@`)
	password   = regexp.MustCompile(`://[^/@:\s]*:[^/@\s]+@`)
)

// blotBlindly is for a file that is no YAML, where what belongs to which key is
// not known: a line is shown only if it begins with a key and does not belong
// to a key that sounds secret.
func (r *reader) blotBlindly(line int, text string) (string, bool) {
	if !anyKey.MatchString(text) && strings.TrimSpace(text) != "" {
		return "", false
	}
	if r.underSecret(line) {
		return "", false
	}
	if at := secretName.FindStringIndex(text); at != nil {
		text = text[:at[1]] + " " + blotted
	}
	return userinfo.ReplaceAllString(text, "://"+blotted+"@"), true
}

// underSecret says whether a line that this one is indented under sounds secret.
func (r *reader) underSecret(line int) bool {
	depth := indent(r.lines[line-1])
	for i := line - 2; i >= 0 && depth > 0; i-- {
		above := r.lines[i]
		if d := indent(above); strings.TrimSpace(above) != "" && d < depth {
			depth = d
			if secretName.MatchString(above) {
				return true
			}
		}
	}
	return false
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// secretKey says whether a key's value is a secret, whatever section it is in.
func secretKey(key string) bool {
	key = strings.ToLower(key)
	switch key {
	case "database", "token", "private_key", "api_key":
		return true
	case "d", "p", "q", "dp", "dq", "qi", "k": // of a private key as a JWK (RFC 7518 section 6)
		return true
	}
	return strings.HasSuffix(key, "_token") || strings.HasSuffix(key, "_private_key") ||
		strings.Contains(key, "secret") || strings.Contains(key, "password")
}
