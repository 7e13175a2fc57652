package store

import (
	"strings"

	"github.com/huandu/go-sqlbuilder"

	"gatehouse"
)

const userColumns = `id, number, username, name, email, email_verified, avatar, locale, job_title, organization, location, state, role,
	external, provenance, merged_into, created_at, updated_at, last_sign_in_at`

// joinedUser is a user, or the zero user, as a part of another row.
const joinedUser = `coalesce(u.id, ''), coalesce(u.number, 0), ` + joinedRest

// knownUser is joinedUser with the number by which a client knows them.
const knownUser = `coalesce(u.id, ''), coalesce(n.number, u.number, 0), ` + joinedRest

const joinedRest = `coalesce(u.username, ''), coalesce(u.name, ''),
	coalesce(u.email, ''), coalesce(u.email_verified, false), coalesce(u.avatar, ''), coalesce(u.locale, ''),
	coalesce(u.job_title, ''), coalesce(u.organization, ''), coalesce(u.location, ''),
	coalesce(u.state, ''), coalesce(u.role, ''), coalesce(u.external, false), coalesce(u.provenance, ''), coalesce(u.merged_into, ''),
	u.created_at, u.updated_at, u.last_sign_in_at`

func userFields(u *gatehouse.User) []any {
	return []any{
		&u.ID, &u.Number, &u.Username, &u.Name, &u.Email, &u.EmailVerified, &u.Avatar, &u.Locale,
		&u.JobTitle, &u.Organization, &u.Location, &u.State, &u.Role,
		&u.External, &u.Provenance, &u.MergedInto, at(&u.CreatedAt), at(&u.UpdatedAt), at(&u.LastSignInAt),
	}
}

func scanUser(r row) (u gatehouse.User, err error) {
	err = r.Scan(userFields(&u)...)
	return u, err
}

// User finds a user by id.
func (tx *Tx) User(id string) (gatehouse.User, error) {
	return one(tx, scanUser, `select `+userColumns+` from users where id = $1`, id)
}

// UserByNumber finds a user by number. The number of a user who was merged into
// another finds that one: it stays a name of the same person.
func (tx *Tx) UserByNumber(n int64) (gatehouse.User, error) {
	u, err := one(tx, scanUser, `select `+userColumns+` from users where number = $1`, n)
	if err != nil || u.MergedInto == "" {
		return u, err
	}
	return tx.Kept(u)
}

// UserByUsername finds a user by username, without regard to case.
func (tx *Tx) UserByUsername(name string) (gatehouse.User, error) {
	return one(tx, scanUser, `select `+userColumns+` from users where lower(username) = lower($1)`, name)
}

// UsersByEmail finds the users with a primary address, without regard to case,
// verified by us or not: whose it is verified as an additional one, only
// UsersByVerifiedEmail knows. Two unverified users may have the same address; only one may have it verified.
// The one who has it verified comes first. "" finds nobody.
func (tx *Tx) UsersByEmail(email string) ([]gatehouse.User, error) {
	if email == "" {
		return nil, nil
	}
	return all(tx, scanUser, `select `+userColumns+` from users where lower(email) = lower($1)
		order by email_verified desc, id`, strings.ToLower(email))
}

// UsernamesTaken says which of the names are taken, without regard to case. The
// keys are the names as they were given.
func (tx *Tx) UsernamesTaken(names []string) (map[string]bool, error) {
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(n)
	}
	found, err := all(tx, scanString, `select lower(username) from users where lower(username) `+
		tx.store.dialect.in("$1"), asList(lower))
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, n := range found {
		has[n] = true
	}
	taken := map[string]bool{}
	for i, n := range names {
		if has[lower[i]] {
			taken[n] = true
		}
	}
	return taken, nil
}

func scanString(r row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

// SaveUser inserts (ID == "": id, number and times are filled in) or updates a
// user. A username or verified address that somebody else has is a Conflict.
// Number and CreatedAt never change. An address that was an additional one of the
// user is so no more, and stays verified if it was.
func (tx *Tx) SaveUser(u *gatehouse.User) error {
	u.Email = strings.ToLower(u.Email)
	if u.Username == "" || len(u.Username) > longestKey || len(u.Email) > longestKey {
		return gatehouse.Errorf(gatehouse.Invalid, "The username is missing, or the username or the address is too long.")
	}
	if err := tx.userIsFree(u); err != nil {
		return err
	}
	if err := tx.takeOver(u); err != nil {
		return err
	}
	if u.ID != "" {
		return tx.updateUser(u)
	}
	fresh := *u
	number, err := one(tx, scanInt, `update counters set value = value + 1 where name = 'user_number' returning value`)
	if err != nil {
		return err
	}
	fresh.ID, fresh.Number, fresh.UpdatedAt = NewID(), number, tx.now
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = tx.now
	}
	_, err = tx.exec(`insert into users (`+userColumns+`, search)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		fresh.ID, fresh.Number, fresh.Username, fresh.Name, fresh.Email, fresh.EmailVerified, fresh.Avatar, fresh.Locale,
		fresh.JobTitle, fresh.Organization, fresh.Location,
		fresh.State, fresh.Role, fresh.External, fresh.Provenance, fresh.MergedInto, fresh.CreatedAt, fresh.UpdatedAt, fresh.LastSignInAt,
		searchable(fresh.Name, fresh.Username, fresh.Email))
	if err == nil {
		*u = fresh
	}
	return err
}

func scanInt(r row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

// userIsFree looks before writing, so that a conflict leaves the transaction
// usable; the indexes stand behind it.
func (tx *Tx) userIsFree(u *gatehouse.User) error {
	other := func(condition, value string) (bool, error) {
		n, err := one(tx, scanInt, `select count(*) from users where id <> $1 and `+condition, u.ID, value)
		return n > 0, err
	}
	if taken, err := other(`lower(username) = lower($2)`, u.Username); err != nil {
		return err
	} else if taken {
		return gatehouse.Errorf(gatehouse.Conflict, "The username %s is taken. Choose another one.", u.Username)
	}
	if !u.EmailVerified || u.Email == "" {
		return nil
	}
	return tx.addressIsFree(u.ID, u.Email)
}

func (tx *Tx) updateUser(u *gatehouse.User) error {
	err := must(tx.exec(`update users set username = $2, name = $3, email = $4, email_verified = $5, avatar = $6, locale = $7,
		state = $8, role = $9, external = $10, provenance = $11, updated_at = $12, last_sign_in_at = $13, search = $14,
		merged_into = $15, job_title = $16, organization = $17, location = $18 where id = $1`,
		u.ID, u.Username, u.Name, u.Email, u.EmailVerified, u.Avatar, u.Locale,
		u.State, u.Role, u.External, u.Provenance, tx.now, u.LastSignInAt, searchable(u.Name, u.Username, u.Email),
		u.MergedInto, u.JobTitle, u.Organization, u.Location))
	if err == nil {
		u.UpdatedAt = tx.now
	}
	return err
}

// DeleteUser removes a user and all that is theirs, for good; decisions and the
// audit log go on to name them. It is for accounts that never were open: others
// leave. Nobody is NotFound.
func (tx *Tx) DeleteUser(id string) error {
	return must(tx.exec(`delete from users where id = $1`, id))
}

// UserFilter chooses users.
type UserFilter struct {
	Search string              // part of name, username or address
	State  gatehouse.UserState // "": all but those who were merged into another
	Role   gatehouse.AdminRole
}

// Users lists users, the newest first.
func (tx *Tx) Users(f UserFilter, c Cursor) (Page[gatehouse.User], error) {
	q := selecting(userColumns, "users")
	if f.Search != "" {
		q.Where("search like " + q.Var(containing(f.Search)) + ` escape '\'`)
	}
	if f.State != "" {
		q.Where(q.Equal("state", string(f.State)))
	} else {
		q.Where(q.NotEqual("state", string(gatehouse.UserMerged)))
	}
	if f.Role != "" {
		q.Where(q.Equal("role", string(f.Role)))
	}
	return newest(tx, q, c, scanUser, func(u gatehouse.User) string { return u.ID })
}

func selecting(columns, table string) *sqlbuilder.SelectBuilder {
	return sqlbuilder.PostgreSQL.NewSelectBuilder().Select(columns).From(table)
}

// newest runs a query a page at a time, the newest rows first: ids grow with time.
func newest[T any](tx *Tx, q *sqlbuilder.SelectBuilder, c Cursor, scan func(row) (T, error), id func(T) string) (Page[T], error) {
	key, err := c.key(1)
	if err != nil {
		return Page[T]{}, err
	}
	if key != nil {
		q.Where(q.LessThan("id", key[0]))
	}
	query, args := q.OrderBy("id desc").Limit(c.limit() + 1).Build()
	items, err := all(tx, scan, query, args...)
	if err != nil {
		return Page[T]{}, err
	}
	return paged(c, items, func(v T) []string { return []string{id(v)} }), nil
}

// CountUsers counts users by state.
func (tx *Tx) CountUsers() (map[gatehouse.UserState]int64, error) {
	counts := map[gatehouse.UserState]int64{}
	err := tx.query(func(r row) error {
		var state gatehouse.UserState
		var n int64
		err := r.Scan(&state, &n)
		counts[state] = n
		return err
	}, `select state, count(*) from users group by state`)
	return counts, err
}

// AnyAdministrator says whether an active super administrator exists.
func (tx *Tx) AnyAdministrator() (bool, error) {
	n, err := one(tx, scanInt, `select count(*) from users where role = $1 and state = $2`,
		gatehouse.RoleSuperAdministrator, gatehouse.UserActive)
	return n > 0, err
}
