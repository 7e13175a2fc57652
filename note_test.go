package gatehouse_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
)

func TestNote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		note     gatehouse.Note
		sentence string
	}{
		{"SaysNothing", gatehouse.Note{}, ""},
		{"WithoutValuesAPercentSignIsSafe", gatehouse.Notef("100% done"), "100% done"},
		{"Texts", gatehouse.Notef("%s lacks %q", "root", "api"), `root lacks "api"`},
		{"NumbersStayNumbers", gatehouse.Notef("%d of %d %s", 21, int64(1)<<60, "accounts"), "21 of 1152921504606846976 accounts"},
		{"AllElseBecomesText", gatehouse.Notef("%s: %s", gatehouse.NotFound, []string{"a"}), "not_found: [a]"},
		{"OfAnError", gatehouse.Errorf(gatehouse.Upstream, "%s refused (%d).", "GitLab", 418).Because(gatehouse.Limited).Note(), "GitLab refused (418)."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.note.Sentence(); got != c.sentence {
				t.Errorf("got %q, want %q", got, c.sentence)
			}
			data, err := json.Marshal(c.note)
			if err != nil {
				t.Fatal(err)
			}
			var kept gatehouse.Note
			if err := json.Unmarshal(data, &kept); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.note, kept); diff != "" {
				t.Errorf("kept as %s: (-made +read)\n%s", data, diff)
			}
		})
	}
}

func TestNoteFromOutside(t *testing.T) {
	t.Parallel()
	t.Run("LongValuesAreCutBetweenCharacters", func(t *testing.T) {
		t.Parallel()
		got := gatehouse.Notef("%s", "a"+strings.Repeat("长", 200)).Sentence()
		if want := "a" + strings.Repeat("长", 166); got != want {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
	})
	t.Run("BrokenTextIsMended", func(t *testing.T) {
		t.Parallel()
		if got := gatehouse.Notef("%s", "a\xffb").Sentence(); got != "ab" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("OtherJSON", func(t *testing.T) {
		t.Parallel()
		var n gatehouse.Note
		if err := json.Unmarshal([]byte(`{"text": "%s %s %s", "args": [1.5, true, null]}`), &n); err != nil || n.Sentence() != "1.5 true <nil>" {
			t.Errorf("got %q: %v", n.Sentence(), err)
		}
		for _, bad := range []string{`"a sentence"`, `[]`, `{"text": 1}`, `{"args": {}}`} {
			kept := gatehouse.Notef("as before")
			if err := json.Unmarshal([]byte(bad), &kept); err == nil || kept.Text != "as before" {
				t.Errorf("%s was read as %+v", bad, kept)
			}
		}
	})
}
