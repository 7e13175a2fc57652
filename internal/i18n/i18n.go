// Package i18n is the catalogue of every text that people see, in English and
// Simplified Chinese. The English sentence is the key. Translations lie in one
// JSON file for each part of the program (zh-CN/admin.json, zh-CN/op.json …); a
// missing one fails a test.
package i18n

import (
	"context"
	"fmt"

	"golang.org/x/text/language"
)

// Lang is a language that we speak.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh-CN"
)

// Langs are the languages in the order in which a page offers them.
func Langs() []Lang { return []Lang{English, Chinese} }

// Name is what the language calls itself.
func (l Lang) Name() string {
	if l == Chinese {
		return "简体中文"
	}
	return "English"
}

// maxWish bounds what is parsed of a browser's wish; real ones are under 200 bytes.
const maxWish = 1024

// Match picks the best language for what a browser asks for (Accept-Language, RFC 9110) after
// explicit wishes (a cookie, ui_locales, a user's own choice), in that order; English if none fits.
func Match(acceptLanguage string, wishes ...string) Lang {
	for _, w := range wishes {
		if w == "" || len(w) > maxWish {
			continue
		}
		if tag, err := language.Parse(w); err == nil {
			if l, ok := best(tag); ok {
				return l
			}
		}
	}
	if len(acceptLanguage) > maxWish {
		return English
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return English
	}
	l, _ := best(tags...)
	return l
}

// best is English, and false, when no tag fits. Traditional Chinese fits
// Chinese: who reads the one reads the other more easily than English.
func best(tags ...language.Tag) (Lang, bool) {
	langs := Langs()
	_, i, confidence := matcher.Match(tags...)
	if len(tags) == 0 || confidence == language.No {
		return English, false
	}
	return langs[i], true
}

// matcher knows the languages in the order of Langs.
var matcher = language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})

// T is the text in the language, with args put in as by fmt.Sprintf. A text
// without translation stays English. Without args nothing is put in, so that a
// lone percent sign is safe.
func T(l Lang, english string, args ...any) string {
	text := english
	if l == Chinese {
		if zh, ok := catalogue().texts[english]; ok {
			text = zh
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Known says whether a text has a translation: for texts that are data, which
// the test of the catalogue cannot find in the code.
func Known(english string) bool {
	_, ok := catalogue().texts[english]
	return ok
}

type langKey struct{}

// With returns a context that carries the language for pages.
func With(ctx context.Context, l Lang) context.Context {
	return context.WithValue(ctx, langKey{}, l)
}

// From is the language of the context; English if none.
func From(ctx context.Context) Lang {
	if l, ok := ctx.Value(langKey{}).(Lang); ok && l == Chinese {
		return Chinese
	}
	return English
}

// Text is T in the context's language.
func Text(ctx context.Context, english string, args ...any) string {
	return T(From(ctx), english, args...)
}
