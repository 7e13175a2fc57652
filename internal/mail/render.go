package mail

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// Letter is a mail as a person reads it, in one language.
type Letter struct {
	Lang    i18n.Lang
	Subject string // one line
	Text    string
	HTML    string
}

// maxSubject and maxParagraph bound texts that may hold values from outside, in bytes.
const (
	maxSubject   = 200
	maxParagraph = 2000
)

// Read writes the message out in the person's language. url is the address of
// this installation, named at the end so that the person knows who wrote.
func (m Message) Read(url string) (Letter, error) {
	lang := i18n.Match("", m.Locale)
	say := func(n gatehouse.Note, most int) string { return oneLine(i18n.T(lang, n.Text, n.Args...), most) }
	v := letterView{
		Lang: lang, Subject: say(m.Subject, maxSubject), Link: m.Link,
		Foot:  i18n.T(lang, "Gatehouse at %s sent this mail by itself. Nobody reads answers to it.", url),
		Paste: i18n.T(lang, "If the button does not work, copy this address into your browser:"),
	}
	for _, p := range m.Body {
		v.Body = append(v.Body, say(p, maxParagraph))
	}
	if m.Link != "" {
		v.Button = say(m.Button, maxSubject)
	}
	var html bytes.Buffer
	if err := letterHTML.Execute(&html, v); err != nil {
		return Letter{}, fmt.Errorf("write the mail: %w", err)
	}
	return Letter{Lang: lang, Subject: v.Subject, Text: v.text(), HTML: html.String()}, nil
}

// letterView is what the HTML part is made of.
type letterView struct {
	Lang         i18n.Lang
	Subject      string
	Body         []string
	Button, Link string
	Paste, Foot  string
}

// text is the plain part: the same sentences in the same order.
func (v letterView) text() string {
	parts := append([]string{}, v.Body...)
	if v.Link != "" {
		parts = append(parts, v.Button+":\n"+v.Link)
	}
	return strings.Join(append(parts, "-- \n"+v.Foot), "\n\n") + "\n"
}

// oneLine takes out what could break a header, hide a part of a text or turn its
// direction.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:most], "")) + "…"
	}
	return s
}

// letterHTML is the HTML part. Readers of mail know few of the ways to lay out a
// page, so it is one column with its styles beside the words.
var letterHTML = template.Must(template.New("letter").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{{.Subject}}</title>
</head>
<body style="margin:0;padding:0;background:#f6f5f1">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f6f5f1">
<tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:560px;background:#ffffff;border:1px solid #e3e0d8;border-radius:12px">
<tr><td style="padding:32px;font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei','Noto Sans SC',Arial,sans-serif;font-size:16px;line-height:1.6;color:#1d1c19">
<h1 style="margin:0 0 16px;font-size:20px;line-height:1.35;color:#1d1c19">{{.Subject}}</h1>
{{range .Body}}<p style="margin:0 0 16px">{{.}}</p>
{{end}}{{if .Link}}<p style="margin:24px 0"><a href="{{.Link}}" style="display:inline-block;padding:12px 20px;background:#0f6b63;color:#ffffff;text-decoration:none;border-radius:8px;font-weight:600">{{.Button}}</a></p>
<p style="margin:0;font-size:13px;color:#5f5c54">{{.Paste}}<br><a href="{{.Link}}" style="color:#0f6b63;word-break:break-all">{{.Link}}</a></p>
{{end}}</td></tr>
</table>
<p style="max-width:560px;margin:16px auto 0;font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei','Noto Sans SC',Arial,sans-serif;font-size:13px;line-height:1.5;color:#5f5c54">{{.Foot}}</p>
</td></tr>
</table>
</body>
</html>
`))
