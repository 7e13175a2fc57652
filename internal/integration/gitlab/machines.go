package gitlab

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"gatehouse"
)

// mostMachines bounds the accounts whose type is asked for one by one. Where
// there are more, they are told apart by their names.
const mostMachines = 500

// readTypes learns of what type the accounts are that are no people: bots of
// GitLab itself, service accounts, the ghost, placeholders of imports. The rows
// of accounts do not say it. All other accounts with the flag of a bot are those
// of project and group access tokens, which can be very many.
func (l *look) readTypes(ctx context.Context, a *api) error {
	if !l.All || !l.TypeField {
		return nil
	}
	ids, err := machines(ctx, a)
	if err != nil || len(ids) > mostMachines {
		return err
	}
	types := map[string]gatehouse.AccountType{}
	for some := range slices.Chunk(ids, perPage) {
		whole, err := typesOf(ctx, a, some, types)
		if err != nil || !whole {
			return err
		}
	}
	l.Types = types
	return nil
}

// machines lists the accounts that are neither people nor bots of access tokens.
func machines(ctx context.Context, a *api) (ids []int64, err error) {
	for page := 1; len(ids) <= mostMachines; page++ {
		var rows []userRow
		header, err := a.get(ctx, classUsers, "/users", url.Values{
			"exclude_humans": {"true"}, "without_project_bots": {"true"}, "order_by": {"id"}, "sort": {"asc"},
			"per_page": {strconv.Itoa(perPage)}, "page": {strconv.Itoa(page)},
		}, &rows)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.ID <= 0 {
				return nil, errShape
			}
			ids = append(ids, r.ID)
		}
		if header.Get("X-Next-Page") == "" || len(rows) == 0 {
			break
		}
	}
	return ids, nil
}

// typesOf asks GraphQL for types. It is false when people are among the accounts,
// since a version that does not know the filter of the list gives everybody, and
// when GraphQL refuses the question.
func typesOf(ctx context.Context, a *api, ids []int64, types map[string]gatehouse.AccountType) (whole bool, err error) {
	var data struct {
		Users struct {
			Nodes []struct {
				ID   string `json:"id"`
				Type string `json:"type"`
			} `json:"nodes"`
		} `json:"users"`
	}
	asked := make([]string, len(ids))
	for i, id := range ids {
		asked[i] = gid("User", id)
	}
	err = a.graphQL(ctx, `query($ids: [ID!]) { users(ids: $ids, first: 100) { nodes { id type } } }`, map[string]any{"ids": asked}, &data)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case is(err, http.StatusUnauthorized):
		return false, err
	case err != nil:
		a.log.Info("GitLab's GraphQL does not tell the types of accounts", "error", err)
		return false, nil
	}
	for _, n := range data.Users.Nodes {
		id, err := number(n.ID)
		if err != nil || n.Type == "HUMAN" {
			return false, nil //nolint:nilerr // an id that is none is a reason to go by names
		}
		types[text(id)] = typeNamed(n.Type)
	}
	return true, nil
}

// typeNamed puts GitLab's UserType into our words.
func typeNamed(name string) gatehouse.AccountType {
	switch name {
	case "SERVICE_ACCOUNT":
		return gatehouse.AccountService
	case "PROJECT_BOT":
		return gatehouse.AccountTokenBot
	case "GHOST":
		return gatehouse.AccountGhost
	case "PLACEHOLDER", "IMPORT_USER":
		return gatehouse.AccountPlaceholder
	}
	return gatehouse.AccountInternal
}

// account is what a full row tells, with the type that GitLab itself says.
func (l *look) account(r userRow) gatehouse.Account {
	a := r.account()
	if l.Types == nil {
		return a
	}
	switch t, known := l.Types[a.ID]; {
	case known:
		a.Type = t
	case r.Bot:
		a.Type = gatehouse.AccountTokenBot
	default:
		a.Type = gatehouse.AccountPerson
	}
	return a
}
