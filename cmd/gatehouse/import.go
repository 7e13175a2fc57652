package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"gatehouse/internal/config"
	"gatehouse/internal/server"
)

func (c *cli) imports() *cobra.Command {
	return group("import", "Take over what other software knows", c.importGitLab(), c.importC1Z())
}

// importing is one run of import gitlab.
type importing struct {
	file, output, secrets, url string
}

func (c *cli) importGitLab() *cobra.Command {
	var i importing
	cmd := &cobra.Command{
		Use:   "gitlab FILE",
		Short: "Make a configuration of how people sign in to a GitLab, from its gitlab.rb or gitlab.yml",
		Long: `Reads the omniauth settings of a gitlab.rb (the lines gitlab_rails['omniauth_…'])
or of a gitlab.yml (the section omniauth) and writes a configuration of Gatehouse
that means the same. Nothing of the file is executed, and nothing is changed.

It tells what it took, what it could not take and why. Secrets do not go into the
configuration: it names variables, and --secrets writes them to a file for
systemd's EnvironmentFile that only you can read.`,
		Example: "  gatehouse import gitlab /etc/gitlab/gitlab.rb --url https://id.example.com --output gatehouse.yml --secrets gatehouse.env",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			i.file = args[0]
			return c.runImport(i)
		},
	}
	cmd.Flags().StringVar(&i.url, "url", "", "address at which browsers will reach Gatehouse")
	cmd.Flags().StringVar(&i.output, "output", "", "file to write the configuration to (default: print it)")
	cmd.Flags().StringVar(&i.secrets, "secrets", "", "file to write the secrets to")
	cmd.Flags().BoolVar(&c.json, "json", false, "print what was taken and what was not as JSON; needs --output")
	return cmd
}

// longestImport bounds what is read; real files have some hundred kilobytes.
const longestImport = 4 << 20

func (c *cli) runImport(i importing) error {
	if c.json && i.output == "" {
		return usageError{errors.New("--json needs --output, since the configuration would be printed among it")}
	}
	data, err := readAtMost(i.file, longestImport)
	if err != nil {
		return err
	}
	got, err := config.ImportGitLab(i.file, data, config.ImportOptions{URL: i.url, Kinds: server.KnowsConnection})
	if err != nil {
		return err
	}
	if err := c.writeImport(i, got); err != nil {
		return err
	}
	wrong := check(got)
	if err := c.tellImport(i, got, wrong); err != nil {
		return err
	}
	if wrong != nil {
		return errors.New("the configuration is written, but does not work as it is")
	}
	return nil
}

func readAtMost(path string, n int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, n+1))
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if int64(len(data)) > n {
		return nil, fmt.Errorf("%s is longer than %d bytes, which no configuration is", path, n)
	}
	return data, nil
}

// writeImport writes new files only: nobody loses a configuration by it.
func (c *cli) writeImport(i importing, got *config.Imported) error {
	var env []byte
	var err error
	if i.secrets != "" {
		if env, err = got.Environment(); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		path string
		data []byte
	}{{i.secrets, env}, {i.output, got.YAML}} {
		if f.path == "" {
			continue
		}
		if err := writeNew(f.path, f.data); err != nil {
			return err
		}
	}
	if i.output == "" {
		_, err = c.out.Write(got.YAML)
	}
	return err
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and stays as it is; name another file, or move it away", path)
	}
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// check says what is wrong with the written configuration, as serve would.
func check(got *config.Imported) error {
	env := func(name string) (string, bool) {
		if v, ok := got.Secrets[name]; ok {
			return v, true
		}
		return "set-by-the-operator", true // ENV['…'] of the file
	}
	read, _, err := config.Parse("gatehouse.yml", got.YAML, env)
	if err != nil {
		return err
	}
	return server.Check(read, slog.New(slog.DiscardHandler))
}

// tellImport tells what became of the file: beside the configuration, not in it.
func (c *cli) tellImport(i importing, got *config.Imported, wrong error) error {
	type remark struct {
		Line int    `json:"line"`
		What string `json:"what"`
		Why  string `json:"why,omitempty"`
	}
	said := struct {
		Output  string   `json:"output"`
		Taken   []remark `json:"taken"`
		Left    []remark `json:"left"`
		Secrets []string `json:"secrets"`
		Wrong   string   `json:"wrong,omitempty"`
	}{Output: i.output, Taken: []remark{}, Left: []remark{}, Secrets: append([]string{}, got.SecretNames()...)}
	for _, r := range got.Taken {
		said.Taken = append(said.Taken, remark(r))
	}
	for _, r := range got.Left {
		said.Left = append(said.Left, remark(r))
	}
	if wrong != nil {
		said.Wrong = wrong.Error()
	}
	if c.json {
		return c.print(said, nil)
	}
	p := &printer{to: c.err, zone: c.zone()}
	for _, r := range said.Taken {
		p.line("taken      line %d: %s", r.Line, clean(r.What))
	}
	for _, r := range said.Left {
		p.line("not taken  line %d: %s: %s", r.Line, clean(r.What), clean(r.Why))
	}
	switch {
	case i.secrets != "":
		p.line("The secrets are in %s, which only you can read.", i.secrets)
	case len(said.Secrets) > 0:
		p.line("Set these variables to the secrets before you start it, or give --secrets FILE: %v", said.Secrets)
	}
	if i.url == "" {
		p.line("Change url in it to the address at which browsers reach Gatehouse.")
	}
	p.line("At each provider, register the callback address of Gatehouse: its url and /users/auth/NAME/callback.")
	if wrong != nil {
		p.line("This is still wrong with it:\n%s", wrong)
	}
	return p.err
}
