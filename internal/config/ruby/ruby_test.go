package ruby

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func omniauth(object, key string) bool {
	return object == "gitlab_rails" && strings.HasPrefix(key, "omniauth_")
}

func read(source string) ([]Assignment, []Problem) { return Read(source, omniauth) }

// plain is a value without its places.
func plain(v Value) any {
	switch v.Kind {
	case Bool:
		return v.Bool
	case Int:
		return v.Int
	case Float:
		return v.Float
	case Text:
		return v.Text
	case Env:
		return "ENV:" + v.Text
	case Array:
		all := []any{}
		for _, i := range v.Items {
			all = append(all, plain(i))
		}
		return all
	case Hash:
		all := map[string]any{}
		for _, p := range v.Pairs {
			all[p.Key] = plain(p.Value)
		}
		return all
	case Nil:
	}
	return nil
}

func TestValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ruby string
		want any
	}{
		"True":                       {`true`, true},
		"False":                      {`false`, false},
		"Nil":                        {`nil`, nil},
		"Whole":                      {`250_000`, int64(250000)},
		"Negative":                   {`-3`, int64(-3)},
		"Fraction":                   {`1.5e1`, 15.0},
		"SingleQuotes":               {`'it\'s \n \\'`, `it's \n \`},
		"DoubleQuotes":               {`"a\tb\"\#{x} # no comment"`, "a\tb\"#{x} # no comment"},
		"Chinese":                    {`"钉钉登录"`, "钉钉登录"},
		"Symbol":                     {`:client_secret_basic`, "client_secret_basic"},
		"QuotedSymbol":               {`:"a-b"`, "a-b"},
		"Words":                      {`%w[dingtalk gitlab]`, []any{"dingtalk", "gitlab"}},
		"Symbols":                    {"%i(\n openid\n email )", []any{"openid", "email"}},
		"PercentQ":                   {`%q{it's}`, "it's"},
		"EmptyList":                  {`[]`, []any{}},
		"ListOverLines":              {"[\n  'a', # why\n\n  'b',\n]", []any{"a", "b"}},
		"Hash":                       {`{ name: "x", "label" => 'y', :icon => nil, "k": 1, 'q' => [true] }`, map[string]any{"name": "x", "label": "y", "icon": nil, "k": int64(1), "q": []any{true}}},
		"HashRocketsOverLines":       {"{\n 'name' =>\n  'x',\n}", map[string]any{"name": "x"}},
		"Nested":                     {`[{ args: { client_options: { site: "https://a" } } }]`, []any{map[string]any{"args": map[string]any{"client_options": map[string]any{"site": "https://a"}}}}},
		"ListWithoutBraces":          {"[\n  name: \"dingtalk\",\n  app_id: 'a',\n]", []any{map[string]any{"name": "dingtalk", "app_id": "a"}}},
		"ItemsThenPairsWithoutBrace": {`['a', b: 1]`, []any{"a", map[string]any{"b": int64(1)}}},
		"Environment":                {`ENV['SECRET']`, "ENV:SECRET"},
		"EnvironmentFetch":           {`ENV.fetch("SECRET")`, "ENV:SECRET"},
		"EnvironmentInText":          {`"#{ENV['SECRET']}"`, "ENV:SECRET"},
		"ColonInText":                {`{ a: "b:c", d: ':e' }`, map[string]any{"a": "b:c", "d": ":e"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, problems := read("gitlab_rails['omniauth_x'] = " + tt.ruby + "\nfoo['bar'] = 1\n")
			if len(problems) > 0 || len(found) != 1 {
				t.Fatalf("found %v, problems %v", found, problems)
			}
			if diff := cmp.Diff(tt.want, plain(found[0].Value)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	type found struct {
		Line  int
		Key   string
		Op    string
		Under int
	}
	tests := map[string]struct {
		ruby string
		want []found
	}{
		"CommentsAreNone":       {"# gitlab_rails['omniauth_a'] = 1\ngitlab_rails['omniauth_b'] = 2 # why\n", []found{{2, "omniauth_b", "=", 0}}},
		"BlockCommentsAreNone":  {"=begin\ngitlab_rails['omniauth_a'] = 1\n=end\ngitlab_rails['omniauth_b'] = 2", []found{{4, "omniauth_b", "=", 0}}},
		"AfterEndIsNothing":     {"gitlab_rails['omniauth_b'] = 2\n__END__\ngitlab_rails['omniauth_a'] = 1", []found{{1, "omniauth_b", "=", 0}}},
		"OthersArePassedOver":   {"external_url 'https://x'\nnginx['a'] = \"gitlab_rails['omniauth_a'] = 1\"\nputs(\n [1, {a: 'x'}]\n)\ngitlab_rails['omniauth_b'] = 2", []found{{6, "omniauth_b", "=", 0}}},
		"HeredocsArePassedOver": {"gitlab_rails['ldap_servers'] = YAML.load <<-'EOS'\n  main: it's\n gitlab_rails['omniauth_a'] = 1\n  EOS\ngitlab_rails['omniauth_b'] = 2", []found{{5, "omniauth_b", "=", 0}}},
		"DoubleQuotesAndSymbol": {"gitlab_rails[\"omniauth_a\"] = 1; gitlab_rails[:omniauth_b]=2", []found{{1, "omniauth_a", "=", 0}, {1, "omniauth_b", "=", 0}}},
		"Operators":             {"gitlab_rails['omniauth_a'] << {}\ngitlab_rails['omniauth_a'] += []\ngitlab_rails['omniauth_a'] ||= 1", []found{{1, "omniauth_a", "<<", 0}, {2, "omniauth_a", "+=", 0}, {3, "omniauth_a", "||=", 0}}},
		"ComparisonIsNone":      {"puts gitlab_rails['omniauth_a'] == 1\ngitlab_rails['omniauth_b'] = 1", []found{{2, "omniauth_b", "=", 0}}},
		"UnderACondition":       {"if ENV['X']\n  gitlab_rails['omniauth_a'] = 1\nend\nunless x then y end\n[1].each do |n|\n gitlab_rails['omniauth_c'] = 2\nend\ngitlab_rails['omniauth_b'] = 1", []found{{2, "omniauth_a", "=", 1}, {6, "omniauth_c", "=", 5}, {8, "omniauth_b", "=", 0}}},
		"WindowsLineEnds":       {"gitlab_rails['omniauth_a'] = [\r\n 'x'\r\n]\r\n", []found{{1, "omniauth_a", "=", 0}}},
		"Empty":                 {"", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, problems := read(tt.ruby)
			var got []found
			for _, a := range all {
				got = append(got, found{a.Line, a.Key, a.Op, a.Under})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(problems) > 0 {
				t.Errorf("problems %v (-want +got)\n%s", problems, diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ruby string
		line int
		says string
	}{
		"UnclosedList":              {"x = 1\ngitlab_rails['omniauth_providers'] = [\n  { name: 'a' },\n\ngitlab_rails['omniauth_enabled'] = true\n", 2, "never closed"},
		"UnclosedListOfPairs":       {"gitlab_rails['omniauth_providers'] = [\n  name: 'a',\n  app_id: 'b'\n\ngitlab_rails['omniauth_enabled'] = true\n", 1, "never closed"},
		"UnclosedHashInList":        {"gitlab_rails['omniauth_providers'] = [\n  {\n    name: 'a'\n  ]\n", 4, "comma"},
		"UnclosedToTheEnd":          {"gitlab_rails['omniauth_providers'] = [\n  { name: 'a' },\n", 1, "never closed"},
		"UnclosedText":              {"gitlab_rails['omniauth_a'] = 'b\ngitlab_rails['omniauth_enabled'] = true\n", 1, "never closed"},
		"UnclosedTextAtTheEnd":      {"gitlab_rails['omniauth_a'] = \"b\n", 1, "never closed"},
		"UnclosedTextElsewhere":     {"puts 'b\ngitlab_rails(\n", 1, "never closed"},
		"UnclosedBracketElsewhere":  {"nginx['a'] = [\n 1\ngitlab_rails['omniauth_enabled'] = true\n", 1, "never closed"},
		"UnendedHeredoc":            {"x = <<~EOS\n a\n", 1, "EOS"},
		"Method":                    {"gitlab_rails['omniauth_a'] = File.read('/etc/passwd')\n", 1, "File is computed"},
		"Interpolation":             {"gitlab_rails['omniauth_a'] = \"a#{`id`}\"\n", 1, "computed"},
		"Concatenation":             {"gitlab_rails['omniauth_a'] = 'a' + 'b'\n", 1, "computed from here on"},
		"MethodOnText":              {"gitlab_rails['omniauth_a'] = [\n 'a'.strip,\n]", 2, "comma"},
		"ConditionAfter":            {"gitlab_rails['omniauth_a'] = true if ENV['A']\n", 1, "condition"},
		"EnvironmentWithADefault":   {"gitlab_rails['omniauth_a'] = ENV.fetch('A', 'b')\n", 1, "computed"},
		"MissingValue":              {"gitlab_rails['omniauth_a'] =", 1, "missing"},
		"KeyWithoutValue":           {"gitlab_rails['omniauth_a'] = {\n a: }\n", 2, "expected a value"},
		"NoKey":                     {"gitlab_rails['omniauth_a'] = { 1 => 2 }", 1, "expected a key"},
		"BackTicks":                 {"gitlab_rails['omniauth_a'] = `id`", 1, "expected a value"},
		"Octal":                     {"gitlab_rails['omniauth_a'] = 017", 1, "number"},
		"UnicodeEscape":             {`gitlab_rails['omniauth_a'] = "\u4e00"`, 1, "escape"},
		"TooDeep":                   {"gitlab_rails['omniauth_a'] = " + strings.Repeat("[", 100), 1, "levels deep"},
		"TooMany":                   {"gitlab_rails['omniauth_a'] = [" + strings.Repeat("1,", 30_000) + "]", 1, "more than"},
		"UnendedBlock":              {"\nif x\n puts 1\n", 2, "never ended"},
		"LaterOnesAreStillRead":     {"gitlab_rails['omniauth_a'] = nope\ngitlab_rails['omniauth_b'] = nope\n", 1, "nope is computed"},
		"ProblemInALineOfAnArgHash": {"gitlab_rails['omniauth_providers'] = [\n {\n  name: 'a',\n  args: {\n   scope: lambda { 1 }\n  }\n }\n]\n", 5, "lambda is computed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := read(tt.ruby)
			if len(problems) == 0 || problems[0].Line != tt.line || !strings.Contains(problems[0].Message, tt.says) {
				t.Errorf("problems %+v, want line %d with %q", problems, tt.line, tt.says)
			}
		})
	}
}

func TestAWrongStatementDoesNotHideTheNext(t *testing.T) {
	t.Parallel()
	found, problems := read("gitlab_rails['omniauth_providers'] = [\n  { name: 'a' }\ngitlab_rails['omniauth_enabled'] = true\ngitlab_rails['omniauth_b'] = nope\n")
	if len(found) != 1 || found[0].Key != "omniauth_enabled" || len(problems) != 2 || problems[1].Line != 4 {
		t.Errorf("found %+v, problems %+v", found, problems)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	found, _ := read("gitlab_rails['omniauth_providers'] = [\n  { name: '名',\n    'x' => 1 },\n]")
	want := Value{
		Line: 1, Column: 38, Kind: Array, Items: []Value{{Line: 2, Column: 3, Kind: Hash, Pairs: []Pair{
			{Line: 2, Column: 5, Key: "name", Value: Value{Line: 2, Column: 11, Kind: Text, Text: "名"}},
			{Line: 3, Column: 5, Key: "x", Value: Value{Line: 3, Column: 12, Kind: Int, Int: 1}},
		}}},
	}
	if diff := cmp.Diff(want, found[0].Value, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("gitlab_rails['omniauth_providers'] = [\n  name: 'a', args: { a: %w[x y], b: ENV['C'] }\n]\nif x\nend\n")
	f.Add("x = <<~E\n'\nE\ngitlab_rails['omniauth_a'] = \"\\\n")
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 64<<10 {
			t.Skip()
		}
		began := time.Now()
		found, problems := read(source)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		lines := strings.Count(source, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Message == "" {
				t.Errorf("problem %+v in %d lines", p, lines)
			}
		}
		for _, a := range found {
			if !omniauth(a.Object, a.Key) || a.Line < 1 || a.Line > lines {
				t.Errorf("assignment %+v", a)
			}
		}
	})
}
