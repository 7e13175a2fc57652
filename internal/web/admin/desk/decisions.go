package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// DecisionRow is a decision with the names of what it is about.
type DecisionRow struct {
	gatehouse.Decision
	User       gatehouse.User // zero when nobody was found or made
	Connection gatehouse.Connection
}

// Option is a name with its value.
type Option struct{ Name, Value string }

// WithNames finds who and what decisions are about.
func WithNames(tx *store.Tx, all []gatehouse.Decision) ([]DecisionRow, error) {
	connections, err := ConnectionsByID(tx)
	if err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	found := map[string]gatehouse.User{}
	rows := make([]DecisionRow, 0, len(all))
	for _, d := range all {
		u, seen := found[d.UserID]
		if !seen && d.UserID != "" {
			if u, err = tx.User(d.UserID); err != nil && !errors.Is(err, gatehouse.NotFound) {
				return nil, fmt.Errorf("user %s: %w", d.UserID, err)
			}
			found[d.UserID] = u
		}
		rows = append(rows, DecisionRow{Decision: d, User: u, Connection: connections[d.ConnectionID]})
	}
	return rows, nil
}

// OriginOf is the decision by which a user came to be, zero when there is none:
// the account was made by hand, or the decision was cleared away since.
func OriginOf(tx *store.Tx, u gatehouse.User) (DecisionRow, error) {
	if u.Provenance == "" {
		return DecisionRow{}, nil
	}
	d, err := tx.Decision(u.Provenance)
	if errors.Is(err, gatehouse.NotFound) {
		return DecisionRow{}, nil
	}
	if err != nil {
		return DecisionRow{}, fmt.Errorf("decision %s: %w", u.Provenance, err)
	}
	rows, err := WithNames(tx, []gatehouse.Decision{d})
	if err != nil {
		return DecisionRow{}, err
	}
	return rows[0], nil
}

// ConnectionsByID are all connections by their ids.
func ConnectionsByID(tx *store.Tx) (map[string]gatehouse.Connection, error) {
	all, err := tx.Connections()
	byID := make(map[string]gatehouse.Connection, len(all))
	for _, c := range all {
		byID[c.ID] = c
	}
	return byID, err
}

// Reason is a decision's sentence with its values.
func Reason(ctx context.Context, d gatehouse.Decision) string {
	args := make([]any, len(d.Args))
	for i, a := range d.Args {
		args[i] = a
	}
	return i18n.Text(ctx, d.Reason, args...)
}

// Facts are those of a decision in a fixed order.
func Facts(d gatehouse.Decision) []Option {
	var all []Option
	for _, name := range slices.Sorted(maps.Keys(d.Facts)) {
		all = append(all, Option{name, d.Facts[name]})
	}
	return all
}

// ConnectionLabel is what people read for a connection, a dash when there is none.
func ConnectionLabel(c gatehouse.Connection) string {
	if c.ID == "" {
		return "–"
	}
	return ui.ConnectionLabel(c)
}

// CameBy is the connection of a decision, or what was there instead.
func CameBy(ctx context.Context, d DecisionRow) string {
	if d.ConnectionID == "" && strings.HasPrefix(d.Rule, "link_") {
		return i18n.Text(ctx, "one-time link")
	}
	return ConnectionLabel(d.Connection)
}

// Stranger is somebody who has no user here, by what the provider told.
func Stranger(ctx context.Context, d DecisionRow) string {
	return cmp.Or(d.Facts["provider_name"], d.Facts["provider_username"], d.Subject, i18n.Text(ctx, "unknown"))
}

// FactValue is the words for a fact's value; one that we do not know stays as it
// is, since it is what a provider told.
func FactValue(ctx context.Context, v string) string {
	switch v {
	case "yes":
		return i18n.Text(ctx, "yes")
	case "no":
		return i18n.Text(ctx, "no")
	case "unstated":
		return i18n.Text(ctx, "says nothing")
	case string(gatehouse.Verified):
		return i18n.Text(ctx, "verified")
	case string(gatehouse.Unverified):
		return i18n.Text(ctx, "not verified")
	}
	return v
}

// FactLabel is the words for a fact of a decision; one that we do not know
// stays as it is.
func FactLabel(ctx context.Context, name string) string {
	t := func(english string, args ...any) string { return i18n.Text(ctx, english, args...) }
	if rule, ok := strings.CutPrefix(name, "rule_"); ok {
		return t("Rule %s", rule)
	}
	switch name {
	case "connection":
		return t("Connection")
	case "provider_username":
		return t("Username there")
	case "provider_nickname":
		return t("Nickname there")
	case "provider_name":
		return t("Name there")
	case "provider_email":
		return t("E-mail there")
	case "provider_email_verified":
		return t("The provider says of the e-mail")
	case "provider_other_ids":
		return t("Other ids there")
	case "email_counts_as_verified":
		return t("The e-mail counts as verified")
	case "users_with_this_email":
		return t("Users with this e-mail")
	case "verified_holder_of_this_email":
		return t("Who has this e-mail verified")
	case "identity_known":
		return t("The identity was known")
	case "identity_known_by_its_older_id":
		return t("It was known by an older id")
	case "linking_user":
		return t("Connected by")
	case "proof_of_decision":
		return t("Went on from the decision")
	case "address_was_unproven":
		return t("The address was unproven until then, and older ways in were ended")
	case "username":
		return t("Username here")
	case "tested_by":
		return t("Tested by")
	case "test_outcome":
		return t("What would have come of it")
	case "test_rule":
		return t("The rule that would have spoken")
	case "test_user":
		return t("Who it would have been")
	case "error", "error_description":
		return t("Error")
	}
	return profileLabel(ctx, name)
}

// profileLabel is the words for what a provider told of a person.
func profileLabel(ctx context.Context, name string) string {
	t := func(english string) string { return i18n.Text(ctx, english) }
	if kind, ok := strings.CutPrefix(name, "provider_id_"); ok {
		return kind
	}
	switch name {
	case "provider_groups":
		return t("Groups")
	case "provider_scopes":
		return t("Scopes that were granted")
	case "provider_title":
		return t("Job title")
	case "provider_organization":
		return t("Organization")
	case "provider_location":
		return t("Location")
	case "provider_avatar":
		return t("Picture")
	case "provider_web_url":
		return t("Profile page")
	case "provider_website":
		return t("Website")
	case "provider_locale":
		return t("Language")
	case "provider_phone":
		return t("Phone")
	case "provider_bio":
		return t("About themselves")
	case "provider_pronouns":
		return t("Pronouns")
	}
	if told := toldLabel(ctx, strings.TrimPrefix(name, "provider_")); told != "" {
		return told
	}
	return name
}

// toldLabel is the words for what a provider or its error told.
func toldLabel(ctx context.Context, name string) string {
	t := func(english string) string { return i18n.Text(ctx, english) }
	switch name {
	case gatehouse.FactMissingPermission:
		return t("Permission that is missing there")
	case gatehouse.FactPermissionLink:
		return t("Where to ask for the permission")
	case gatehouse.FactServerAddress:
		return t("Address of this server, as the provider sees it")
	case "cause":
		return t("What the provider answered")
	case "company", "tenant_key":
		return t("Company there")
	case "departments":
		return t("Departments there")
	case "departments_unread":
		return t("Why there are no departments")
	case "directory":
		return t("Why the directory does not know them")
	case "details_unread":
		return t("Why there are no details")
	case "contact_type":
		return t("Kind of contact there")
	}
	return ""
}

// OutcomeBadge is the tone and the words of what came of a sign-in.
func OutcomeBadge(ctx context.Context, o gatehouse.Outcome) (tone, label string) {
	switch o {
	case gatehouse.OutcomeSignedIn:
		return "good", i18n.Text(ctx, "Signed in")
	case gatehouse.OutcomeCreated:
		return "good", i18n.Text(ctx, "Account created")
	case gatehouse.OutcomeLinked:
		return "good", i18n.Text(ctx, "Account linked")
	case gatehouse.OutcomePending:
		return "warn", i18n.Text(ctx, "Waits for approval")
	case gatehouse.OutcomeRefused:
		return "bad", i18n.Text(ctx, "Refused")
	case gatehouse.OutcomeFailed:
		return "bad", i18n.Text(ctx, "Failed")
	case gatehouse.OutcomeTested:
		return "info", i18n.Text(ctx, "Tested")
	}
	return "", string(o)
}
