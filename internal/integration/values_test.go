package integration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func form() Form {
	return Form{Scopes: "read", Fields: []Field{
		{Arg: "client_options.site", Type: URLField, Usual: "https://usual.example"},
		{Arg: "pkce", Type: FlagField, Usual: "true"},
		{Arg: "verified", Type: FlagField, Usual: "false"},
		{Arg: "who", Type: ChoiceField, Choices: []Choice{{Value: "some"}, {Value: "all"}}},
		{Arg: "groups", Type: LinesField},
		{Arg: "a.b.c"},
	}}
}

func TestFormSplitsAndJoins(t *testing.T) {
	t.Parallel()
	type table = map[string]any
	tests := map[string]struct {
		args    table
		entered map[string]string
		rest    table
		joined  table // what it becomes again; nil: args
	}{
		"Nothing": {args: table{}, entered: map[string]string{}, rest: table{}},
		"EachType": {
			args: table{
				"scope": []any{"a", "b"}, "client_options": table{"site": "https://x.example"}, "pkce": false, "verified": true,
				"who": "all", "groups": []any{"one two", "three"}, "a": table{"b": table{"c": "d"}},
			},
			entered: map[string]string{
				"scope": "a b", "client_options.site": "https://x.example", "pkce": "false", "verified": "true",
				"who": "all", "groups": "one two\nthree", "a.b.c": "d",
			},
			rest: table{},
		},
		"WhatHasNoFieldStays": {
			args:    table{"client_options": table{"site": "https://x.example", "token_url": "/t"}, "prompt": "login"},
			entered: map[string]string{"client_options.site": "https://x.example"},
			rest:    table{"client_options": table{"token_url": "/t"}, "prompt": "login"},
		},
		"WhatDoesNotFitStays": {
			args:    table{"pkce": "maybe", "client_options": "garbage", "groups": []any{1.5}, "who": table{}, "a": table{"b": "x"}},
			entered: map[string]string{},
			rest:    table{"pkce": "maybe", "client_options": "garbage", "groups": []any{1.5}, "who": table{}, "a": table{"b": "x"}},
		},
		"TextsOfLists": {
			args: table{"scope": "a, b"}, entered: map[string]string{"scope": "a, b"}, rest: table{}, joined: table{"scope": []any{"a", "b"}},
		},
		"TheUsualIsNotSet": {
			args:    table{"pkce": true, "verified": "false", "who": "some"},
			entered: map[string]string{"pkce": "true", "verified": "false", "who": "some"},
			rest:    table{}, joined: table{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := clone(tt.args)
			entered, rest := form().Split(tt.args)
			if diff := cmp.Diff(tt.entered, entered); diff != "" {
				t.Errorf("entered (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.rest, rest); diff != "" {
				t.Errorf("rest (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tt.args); diff != "" {
				t.Errorf("the args were changed:\n%s", diff)
			}
			want := tt.joined
			if want == nil {
				want = tt.args
			}
			if diff := cmp.Diff(want, form().Join(entered, rest)); diff != "" {
				t.Errorf("joined (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFormJoinWinsOverTheRest(t *testing.T) {
	t.Parallel()
	rest := map[string]any{"client_options": map[string]any{"site": "https://old.example", "x": "y"}, "a": "in the way", "scope": "old"}
	got := form().Join(map[string]string{"client_options.site": " https://new.example ", "a.b.c": "d", "scope": "", "unknown": "x"}, rest)
	want := map[string]any{
		"client_options": map[string]any{"site": "https://new.example", "x": "y"},
		"a":              map[string]any{"b": map[string]any{"c": "d"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFormShowsOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	got := form().Shown(map[string]any{
		"scope": []any{"a"}, "client_options": map[string]any{"site": "https://me:s3cr3t@x.example", "secret": "s3cr3t"}, "private_key": "s3cr3t",
	})
	want := map[string]any{"scope": []any{"a"}, "client_options": map[string]any{"site": "https://me:xxxxx@x.example"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
