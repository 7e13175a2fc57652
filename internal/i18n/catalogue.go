package i18n

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

//go:embed zh-CN/*.json
var files embed.FS

// catalogue is the merged translations. A file that is wrong leaves its texts
// English at run time; a test makes sure that none is.
var catalogue = sync.OnceValue(func() merged { return merge(files) })

var errShape = errors.New("it begins with something else")

type merged struct {
	texts  map[string]string // English to Chinese
	origin map[string]string // English to the file that said it first
	err    error             // everything that is wrong with the files
}

// merge reads all files of zh-CN. The first file that has a key wins; another
// one that says something else is an error.
func merge(fsys fs.FS) merged {
	m := merged{texts: map[string]string{}, origin: map[string]string{}}
	names, err := fs.Glob(fsys, "zh-CN/*.json")
	if err != nil {
		m.err = err
		return m
	}
	var errs []error
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, m.add(name, data))
	}
	m.err = errors.Join(errs...)
	return m
}

// add reads one file, a flat map. It goes token by token since encoding/json
// would silently let the last of two equal keys win.
func (m merged) add(name string, data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return fmt.Errorf("%s: want one JSON object of texts: %w", name, cmp.Or(err, errShape))
	}
	var errs []error
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		value, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		english, _ := key.(string)
		chinese, isText := value.(string)
		if !isText || english == "" || chinese == "" {
			return fmt.Errorf("%s: %q: want a text on both sides", name, english)
		}
		errs = append(errs, m.put(name, english, chinese))
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return errors.Join(errs...)
}

func (m merged) put(name, english, chinese string) error {
	old, there := m.texts[english]
	if !there {
		m.texts[english], m.origin[english] = chinese, name
		return nil
	}
	if old != chinese {
		return fmt.Errorf("%s: %q is %q, but %s has %q", name, english, chinese, m.origin[english], old)
	}
	return nil
}
