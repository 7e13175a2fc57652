package users

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/users/names"
)

// reserved are names that nobody gets by signing in: they look like ours, like
// an authority, or like a part of an address.
const reserved = " abuse account accounts admin administrator administrators anonymous api app apps assets audit auditor auth" +
	" billing blog callback ci client clients contact dashboard deploy dev dev-admin docs everyone explore favicon.ico gatehouse" +
	" ghost gitlab group groups guest healthz help hostmaster hooks info jwt login logout mail metrics me moderator news new nobody none noc" +
	" notifications null oauth office owner postmaster privacy profile project projects public readyz register root robots.txt" +
	" search security service session sessions settings sign-in sign-out sign-up signin signout signup sitemap.xml sso staff status" +
	" superuser support sysadmin system team test tls undefined unknown uploads user users v1 v2 webmaster well-known www you "

func isReserved(name string) bool { return strings.Contains(reserved, " "+name+" ") }

// wish is the username that a person would like: the claim that the connection
// names (gitlab_username_claim), what the provider calls them, else their address
// before the @, else their name, else one that can at least be read out.
func wish(c gatehouse.Connection, v gatehouse.Vouched) string {
	p := v.Profile
	local, _, _ := strings.Cut(p.Email, "@")
	claimed := map[string]string{
		"username": p.Username, "preferred_username": p.Username, "nickname": p.Nickname, "name": p.Name, "email": local,
	}
	claim, _ := c.Args["gitlab_username_claim"].(string)
	for _, s := range []string{claimed[claim], p.Username, p.Nickname, local, p.Name} {
		if s = names.Sanitize(s); s != "" && !isReserved(s) {
			return s
		}
	}
	// The same person would get the same number again, another one hardly ever.
	return fmt.Sprintf("user-%06d", number(seed(c, v), 0)%1_000_000)
}

func seed(c gatehouse.Connection, v gatehouse.Vouched) string { return c.ID + "\x00" + v.Subject }

// variants are a name and its variants in the order in which they are tried:
// round 0 has name, name1 … name9, later rounds have longer numbers. Which
// numbers depends on seed only.
func variants(name, seed string, round int) []string {
	var all []string
	if round == 0 {
		all = append(all, name)
		for i := 1; i < 10; i++ {
			all = append(all, name+strconv.Itoa(i))
		}
		return all
	}
	for i := range 20 {
		all = append(all, name+strconv.FormatUint(number(seed, round*100+i)%1_000_000_000_000+1000, 10))
	}
	return all
}

// pickUsername finds the first free one of a name and its variants. A suffix
// reads better than a person's next wish, which is why there is one name.
func pickUsername(name, seed string, taken func([]string) (map[string]bool, error)) (string, error) {
	for round := range 10 {
		all := variants(name, seed, round)
		t, err := taken(all)
		if err != nil {
			return "", err
		}
		for _, name := range all {
			if !t[name] {
				return name, nil
			}
		}
	}
	return "", gatehouse.Errorf(gatehouse.Conflict, "No free username could be found for this account. Ask an administrator to make the account.")
}

func number(seed string, i int) uint64 {
	sum := sha256.Sum256([]byte(seed + "\x00" + strconv.Itoa(i)))
	return binary.BigEndian.Uint64(sum[:8])
}
