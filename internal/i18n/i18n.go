// Package i18n is the catalogue of every text that people see, in English and
// Simplified Chinese. The English sentence is the key. Translations lie in one
// JSON file for each part of the program (zh-CN/admin.json, zh-CN/op.json …); a
// missing one fails a test.
package i18n

import "context"

// Lang is a language that we speak.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh-CN"
)

// Match picks the best language for what a browser asks for (Accept-Language, RFC 9110) after
// explicit wishes (a cookie, ui_locales, a user's own choice), in that order; English if none fits.
func Match(acceptLanguage string, wishes ...string) Lang { panic("todo") }

// T is the text in the language, with args put in as by fmt.Sprintf. A text
// without translation stays English.
func T(l Lang, english string, args ...any) string { panic("todo") }

// With returns a context that carries the language for pages.
func With(ctx context.Context, l Lang) context.Context { panic("todo") }

// From is the language of the context; English if none.
func From(ctx context.Context) Lang { panic("todo") }

// Text is T in the context's language.
func Text(ctx context.Context, english string, args ...any) string { panic("todo") }
