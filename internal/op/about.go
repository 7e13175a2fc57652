package op

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// nameIn is what a client is called on a page, in the language of the page.
func nameIn(r *http.Request, c gatehouse.Client) string {
	return c.NameIn(string(i18n.From(r.Context())))
}

// names are all names of a client, in one order.
func names(c gatehouse.Client) string {
	text := c.Name
	for _, tag := range slices.Sorted(maps.Keys(c.Settings.About.Names)) {
		text += "\x00" + tag + "\x00" + c.Settings.About.Names[tag]
	}
	return text
}

// aboutLink leads to what a client says of itself, at the host that is shown.
type aboutLink struct{ label, host, address string }

// aboutOf are the links of a client that registered itself. Its logo is not among
// them: its host would hear of everybody who is asked.
func aboutOf(r *http.Request, c gatehouse.Client, by maker) (all []aboutLink) {
	if !by.self {
		return nil
	}
	ctx, a := r.Context(), c.Settings.About
	for _, l := range []aboutLink{
		{label: i18n.Text(ctx, "About it"), address: a.URI}, {label: i18n.Text(ctx, "Privacy policy"), address: a.PolicyURI}, {label: i18n.Text(ctx, "Terms of use"), address: a.TermsURI},
	} {
		if u, err := url.Parse(l.address); err == nil && u.Scheme == "https" && u.Host != "" {
			l.host = u.Host
			all = append(all, l)
		}
	}
	return all
}
