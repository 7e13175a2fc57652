package people

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/admin/desk"
)

// second is the line below a person's name.
func second(u gatehouse.User) string {
	if u.Email != "" {
		return "@" + u.Username + " · " + u.Email
	}
	return "@" + u.Username
}

// longestLine bounds what a table shows of a text, in letters.
const longestLine = 80

// short is the beginning of a text, in one line.
func short(s string) string {
	letters := []rune(strings.Join(strings.Fields(s), " "))
	if len(letters) <= longestLine {
		return string(letters)
	}
	return string(letters[:longestLine]) + "…"
}

// mostGroups is how many groups of a person a page names.
const mostGroups = 20

func firstOf(groups []string) []string {
	if len(groups) <= mostGroups {
		return groups
	}
	return append(append([]string{}, groups[:mostGroups]...), "…")
}

// sentence is what an error says to people.
func sentence(ctx context.Context, err error) string {
	var e *gatehouse.Error
	if errors.As(err, &e) {
		return i18n.Text(ctx, e.Message, e.Args...)
	}
	return ""
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func clientName(n names, id string) string { return cmp.Or(n.Clients[id], id) }

func identityNames(n names, all []gatehouse.Identity) (names []string) {
	for _, i := range all {
		who := cmp.Or(i.Profile.Name, i.Profile.Username, i.Subject)
		names = append(names, desk.ConnectionLabel(n.Connections[i.ConnectionID])+": "+who)
	}
	return names
}

func emailNames(ctx context.Context, all []gatehouse.Email) (names []string) {
	for _, e := range all {
		name := e.Address
		if !e.Verified {
			name += " " + i18n.Text(ctx, "(not verified)")
		}
		names = append(names, name)
	}
	return names
}

func accountNames(n names, all []gatehouse.AccountReference) (names []string) {
	for _, a := range all {
		names = append(names, cmp.Or(n.Connectors[a.ConnectorID], a.ConnectorID)+": "+a.ID)
	}
	return names
}

func consentNames(n names, all []gatehouse.Consent) (names []string) {
	for _, c := range all {
		names = append(names, clientName(n, c.ClientID))
	}
	return names
}

// mergeSentence says which of the two an account was.
func mergeSentence(ctx context.Context, row MergeRow) string {
	if row.Kept {
		return i18n.Text(ctx, "was merged into this account")
	}
	return i18n.Text(ctx, "is the account that this one was merged into")
}
