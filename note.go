package gatehouse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Note is a remark for people that is kept until somebody reads it, in whatever
// language that will be: why a pull failed, what a token cannot see. The zero
// Note says nothing.
type Note struct {
	Text string `json:"text,omitempty"` // a sentence in English, the key of its translation in the catalogue
	Args []any  `json:"args,omitempty"` // values for the sentence, put in by the catalogue as by fmt.Sprintf: string or int64
}

// longestArg bounds a value of a Note, in bytes: it may come from outside.
const longestArg = 500

// Notef returns a Note. The format is the key of its translation, so it is a
// constant; args fill it. Whole numbers stay numbers, all else becomes text of at
// most 500 bytes, so that what was kept reads like what was made.
func Notef(format string, args ...any) Note {
	n := Note{Text: format}
	for _, a := range args {
		n.Args = append(n.Args, keepable(a))
	}
	return n
}

func keepable(a any) any {
	switch v := a.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case int64:
		return v
	}
	s := fmt.Sprint(a)
	if len(s) > longestArg {
		s = s[:longestArg]
	}
	return strings.ToValidUTF8(s, "")
}

// Note is what the error says to people, without its kind and its cause.
func (e *Error) Note() Note { return Notef(e.Message, e.Args...) }

// Sentence is the remark in English with its values put in.
func (n Note) Sentence() string { return filled(n.Text, n.Args) }

// UnmarshalJSON reads whole numbers among the values as such.
func (n *Note) UnmarshalJSON(data []byte) error {
	type plain Note // without this method
	var p plain
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&p); err != nil {
		return fmt.Errorf("read a note: %w", err)
	}
	for i, a := range p.Args {
		if number, ok := a.(json.Number); ok {
			if whole, err := number.Int64(); err == nil {
				p.Args[i] = whole
				continue
			}
		}
		p.Args[i] = keepable(p.Args[i])
	}
	*n = Note(p)
	return nil
}

// filled is a text with its values put in; without any, a lone percent sign is safe.
func filled(text string, args []any) string {
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}
