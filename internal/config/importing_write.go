package config

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// exampleURL stands in an imported configuration until somebody changes it.
const exampleURL = "https://id.example.com"

// write makes the section a configuration file of ours.
func (im *importer) write(section *value) error {
	var b bytes.Buffer
	b.WriteString("# Taken over from the configuration of a GitLab by gatehouse import gitlab.\n")
	if im.options.URL == "" {
		b.WriteString("# Change url to the address at which browsers reach Gatehouse.\n")
	}
	fmt.Fprintf(&b, "url: %s\n", cmp.Or(im.options.URL, exampleURL))
	b.WriteString("\n# Names, meanings and defaults are GitLab's.\n")
	out, err := yaml.MarshalWithOptions(yaml.MapSlice{{Key: "omniauth", Value: im.ordered(section, "")}}, yaml.Indent(2), yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	b.Write(out)
	im.out.YAML = b.Bytes()
	return nil
}

// ordered is a value for the writer, in the order of the file. Secrets become
// variables.
func (im *importer) ordered(v *value, provider string) any {
	switch v.shape {
	case list:
		all := make([]any, 0, len(v.items))
		for _, i := range v.items {
			name := provider
			if n, _ := im.kindOf(i); n != "" && provider == "" {
				name = n
			}
			all = append(all, im.ordered(i, name))
		}
		return all
	case dict:
		all := yaml.MapSlice{}
		for _, e := range v.keys {
			if e.value.shape == null {
				continue
			}
			if e.value.shape == text && e.value.from == "" && e.value.text != "" && secretKey(e.key) {
				name := im.secretName(provider, e.key)
				im.out.Secrets[name] = e.value.text
				all = append(all, yaml.MapItem{Key: e.key, Value: "${" + name + "}"})
				continue
			}
			all = append(all, yaml.MapItem{Key: e.key, Value: im.ordered(e.value, provider)})
		}
		return all
	case text:
		if v.from != "" {
			return v.text
		}
		return strings.ReplaceAll(v.text, "${", "$${")
	case null:
		return nil
	default:
		return v.plainScalar()
	}
}

// Environment is the secrets as a file for systemd's EnvironmentFile, which
// also shells read. A secret that such a file cannot hold is an error.
func (i *Imported) Environment() ([]byte, error) {
	var b bytes.Buffer
	for _, name := range i.SecretNames() {
		secret := i.Secrets[name]
		if strings.ContainsAny(secret, "'\n\r\x00") {
			return nil, fmt.Errorf("the secret for %s has a quote or a line break, which a file of variables cannot hold; set it by other means", name)
		}
		fmt.Fprintf(&b, "%s='%s'\n", name, secret)
	}
	return b.Bytes(), nil
}
