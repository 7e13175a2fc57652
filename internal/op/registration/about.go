package registration

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"gatehouse"
)

const (
	namePrefix   = "client_name#"
	mostNames    = 20
	mostContacts = 10
	longestWord  = 255 // bytes of a contact, software_id and software_version
)

// language is a tag of BCP 47, as far as names need one.
var language = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)

// Read reads metadata, with the names in other languages (client_name#zh-CN, RFC
// 7591 section 2.2).
func Read(raw []byte, m *Metadata) error {
	if err := json.Unmarshal(raw, m); err != nil {
		return fmt.Errorf("read client metadata: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("read client metadata: %w", err)
	}
	for key, value := range all {
		tag, ok := strings.CutPrefix(key, namePrefix)
		if !ok {
			continue
		}
		var name string
		if err := json.Unmarshal(value, &name); err != nil {
			return fmt.Errorf("read a name of a client: %w", err)
		}
		if m.Names == nil {
			m.Names = map[string]string{}
		}
		m.Names[tag] = name
	}
	return nil
}

// WithNames is an answer in JSON with the names of a client in other languages.
func WithNames(answer any, names map[string]string) any {
	raw, err := json.Marshal(answer)
	if err != nil {
		return answer
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return answer
	}
	for tag, name := range names {
		all[namePrefix+tag] = name
	}
	return all
}

// checkAbout keeps what a client says of itself. Addresses are https; nothing of
// it is loaded here.
func checkAbout(_ Policy, m Metadata, c *gatehouse.Client) error {
	a := gatehouse.ClientAbout{
		Contacts: m.Contacts, URI: m.ClientURI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TermsURI: m.TermsURI,
		SoftwareID: m.SoftwareID, SoftwareVersion: m.SoftwareVersion,
	}
	for _, one := range []struct{ name, address string }{{"client_uri", a.URI}, {"logo_uri", a.LogoURI}, {"policy_uri", a.PolicyURI}, {"tos_uri", a.TermsURI}} {
		if one.address != "" && !https(one.address) {
			return invalid(one.name + " is no https address without fragment.")
		}
	}
	if len(m.Contacts) > mostContacts || len(m.Names) > mostNames {
		return invalid("contacts or client_name has too many entries.")
	}
	for _, word := range append([]string{m.SoftwareID, m.SoftwareVersion}, m.Contacts...) {
		if len(word) > longestWord || word != oneLine(word) && len(word) > 0 {
			return invalid("contacts, software_id and software_version are short texts on one line.")
		}
	}
	for tag, said := range m.Names {
		name := oneLine(said)
		if !language.MatchString(tag) {
			return invalid("client_name has an entry whose language is none.")
		}
		if name == "" {
			continue
		}
		if a.Names == nil {
			a.Names = map[string]string{}
		}
		a.Names[tag] = name
	}
	c.Settings.About = a
	return nil
}
