package i18n

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, accept string
		wishes       []string
		want         Lang
	}{
		{"NothingIsEnglish", "", nil, English},
		{"SimplifiedChinese", "zh-CN,zh;q=0.9,en;q=0.8", nil, Chinese},
		{"PlainChinese", "zh", nil, Chinese},
		{"SingaporeReadsSimplified", "zh-SG", nil, Chinese},
		{"TraditionalReadsChineseRatherThanEnglish", "zh-TW", nil, Chinese},
		{"BritishIsEnglish", "en-GB,zh;q=0.5", nil, English},
		{"QualityDecides", "en;q=0.2, zh-CN;q=0.9", nil, Chinese},
		{"RefusedLanguageIsNotPicked", "zh;q=0, en", nil, English},
		{"UnknownLanguageIsEnglish", "fr-FR,de;q=0.9", nil, English},
		{"SecondChoiceThatWeSpeak", "fr-FR,zh-CN;q=0.5", nil, Chinese},
		{"StarIsEnglish", "*", nil, English},
		{"WishBeatsBrowser", "en", []string{"zh-CN"}, Chinese},
		{"FirstWishWins", "en", []string{"en", "zh-CN"}, English},
		{"EmptyWishIsNone", "en", []string{"", "zh-CN"}, Chinese},
		{"UnknownWishIsPassedOver", "en", []string{"fr", "zh-Hans-CN"}, Chinese},
		{"UnknownWishLeavesTheBrowser", "zh-CN", []string{"fr"}, Chinese},
		{"GarbageWishIsPassedOver", "zh-CN", []string{"<script>", "\x00"}, Chinese},
		{"GarbageHeaderIsEnglish", ";;q=;,,-,\x00", nil, English},
		{"HugeHeaderIsNotParsed", strings.Repeat("zh-CN,", 10_000), nil, English},
		{"HugeWishIsNotParsed", "en", []string{strings.Repeat("zh-", 10_000)}, English},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Match(c.accept, c.wishes...); got != c.want {
				t.Errorf("Match(%.60q, %.60q) = %s, want %s", c.accept, c.wishes, got, c.want)
			}
		})
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("zh-CN,zh;q=0.9", "en")
	f.Add("*;q=x", "zh_Hans")
	f.Fuzz(func(t *testing.T, accept, wish string) {
		if l := Match(accept, wish); l != English && l != Chinese {
			t.Errorf("Match(%q, %q) = %q", accept, wish, l)
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	const known = `Gatehouse may not connect to %s, because %s is not a public address. If that is meant, an administrator adds this line to the configuration file: outgoing: {allow: ["%s"]}`
	t.Run("TranslatesAndPutsIn", func(t *testing.T) {
		t.Parallel()
		got := T(Chinese, known, "db.internal", "10.0.0.1", "10.0.0.1/32")
		if !strings.HasPrefix(got, "Gatehouse 不能连接 db.internal") || strings.Contains(got, "%!") {
			t.Errorf("T = %q", got)
		}
	})
	t.Run("UntranslatedStaysEnglish", func(t *testing.T) {
		t.Parallel()
		if got := T(Chinese, "No such text, %s", "you"); got != "No such text, you" {
			t.Errorf("T = %q", got)
		}
	})
	t.Run("WithoutArgumentsPercentIsPlain", func(t *testing.T) {
		t.Parallel()
		if got := T(English, "100% sure"); got != "100% sure" {
			t.Errorf("T = %q", got)
		}
	})
	t.Run("ContextCarriesTheLanguage", func(t *testing.T) {
		t.Parallel()
		ctx := With(context.Background(), Chinese)
		if From(ctx) != Chinese || !strings.Contains(Text(ctx, known, "a", "b", "c"), "公网") {
			t.Errorf("From = %s, Text = %q", From(ctx), Text(ctx, known, "a", "b", "c"))
		}
	})
	t.Run("WithoutLanguageEnglish", func(t *testing.T) {
		t.Parallel()
		if got := From(context.Background()); got != English {
			t.Errorf("From = %s", got)
		}
		if got := From(With(context.Background(), "xx")); got != English {
			t.Errorf("From of a language that we do not speak = %s", got)
		}
	})
	t.Run("LanguagesNameThemselves", func(t *testing.T) {
		t.Parallel()
		var names []string
		for _, l := range Langs() {
			names = append(names, l.Name())
		}
		if diff := cmp.Diff([]string{"English", "简体中文"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files map[string]string
		want  map[string]string
		err   string // "" = none
	}{
		{"FilesAreMerged", map[string]string{"a": `{"A": "甲"}`, "b": `{"B": "乙"}`}, map[string]string{"A": "甲", "B": "乙"}, ""},
		{"SameTranslationTwiceIsFine", map[string]string{"a": `{"A": "甲"}`, "b": `{"A": "甲"}`}, map[string]string{"A": "甲"}, ""},
		{"OtherTranslationIsAnError", map[string]string{"a": `{"A": "甲"}`, "b": `{"A": "乙"}`}, map[string]string{"A": "甲"}, `zh-CN/b.json: "A" is "乙", but zh-CN/a.json has "甲"`},
		{"OtherTranslationInOneFileIsAnError", map[string]string{"a": `{"A": "甲", "A": "乙"}`}, map[string]string{"A": "甲"}, `zh-CN/a.json: "A" is "乙"`},
		{"EmptyTranslationIsAnError", map[string]string{"a": `{"A": ""}`}, map[string]string{}, "want a text on both sides"},
		{"NestedIsAnError", map[string]string{"a": `{"A": {"B": "乙"}}`}, map[string]string{}, "want a text on both sides"},
		{"ListIsAnError", map[string]string{"a": `["A"]`}, map[string]string{}, "want one JSON object"},
		{"CutOffIsAnError", map[string]string{"a": `{"A": "甲"`}, map[string]string{"A": "甲"}, "zh-CN/a.json"},
		{"BrokenFileDoesNotTakeOthersAlong", map[string]string{"a": `{`, "b": `{"B": "乙"}`}, map[string]string{"B": "乙"}, "zh-CN/a.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{}
			for name, text := range c.files {
				fsys["zh-CN/"+name+".json"] = &fstest.MapFile{Data: []byte(text)}
			}
			got := merge(fsys)
			if diff := cmp.Diff(c.want, got.texts); diff != "" {
				t.Error(diff)
			}
			if c.err == "" && got.err != nil || c.err != "" && (got.err == nil || !strings.Contains(got.err.Error(), c.err)) {
				t.Errorf("error %v, want %q", got.err, c.err)
			}
		})
	}
}
