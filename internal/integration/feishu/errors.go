package feishu

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// ask sends a request and reads the answer, whose code is 0 when all is well,
// whatever the status says.
func (d *door) ask(req *http.Request) (map[string]any, error) {
	status, body, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	told, err := authcode.Object(body)
	if err != nil {
		if status >= 500 || status == http.StatusTooManyRequests {
			return nil, d.client.Unreachable(fmt.Errorf("%s answered %d", req.URL.Path, status))
		}
		return nil, d.client.Garbled(fmt.Errorf("%s: %w", req.URL.Path, err))
	}
	code, ok := authcode.Integer(told["code"])
	switch {
	case !ok:
		return nil, d.client.Garbled(fmt.Errorf("%s: there is no code in the answer", req.URL.Path))
	case code != 0:
		return nil, d.explain(req.URL.Path, code, told)
	case status/100 != 2:
		return nil, d.client.Garbled(fmt.Errorf("%s answered %d with code 0", req.URL.Path, status))
	}
	return told, nil
}

// Codes of errors. Source: the tables of the three pages that signin.go names,
// and "Generic error codes" for the long ones.
func ended() []int64  { return []int64{20003, 20004, 20024, 20026, 20037, 20049, 20064, 20065, 20073} } // of a code or refresh token
func absent() []int64 { return []int64{20008, 20021, 20022, 20023, 20066} }                             // of a person
func busy() []int64   { return []int64{20050, 20072, 99991400} }
func secret() []int64 { return []int64{20002, 20048} } // of the app
func lacking() []int64 {
	return []int64{20027, 99991672, 99991676, 99991679} // permissions
}

// explain turns a code into one of our sentences. What Feishu says in words is
// for the administrator.
func (d *door) explain(path string, code int64, told map[string]any) error {
	cause := fmt.Errorf("%s answered code %d: %s", path, code, said(told))
	label := d.client.Label
	switch {
	case slices.Contains(ended(), code):
		return d.client.Ended().Because(cause)
	case slices.Contains(secret(), code):
		return d.client.Unaccepted().Because(cause)
	case slices.Contains(busy(), code):
		return d.client.Unreachable(cause)
	case slices.Contains(absent(), code):
		return gatehouse.Errorf(gatehouse.Forbidden, "Your account at %s is not active any more, so you were not signed in. Ask an administrator of your company if that is wrong.", label).Because(cause)
	case code == 20010:
		return gatehouse.Errorf(gatehouse.Forbidden, "You may not use the app of this connection at %s. Ask an administrator of your company to make it available to you.", label).Because(cause)
	case code == 20009 || code == 20069:
		return gatehouse.Errorf(gatehouse.Unavailable, "The app of this connection is not installed or not enabled in your company at %s, so nobody there can sign in with it. Ask an administrator of your company.", label).Because(cause)
	case slices.Contains(lacking(), code):
		err := gatehouse.Errorf(gatehouse.Unavailable, "A permission is missing at %s, so Gatehouse cannot find out who you are. An administrator finds its name with this sign-in.", label).Because(cause)
		if names := missing(told); names != "" {
			err = err.With(gatehouse.FactMissingPermission, names)
		}
		return err
	}
	return gatehouse.Errorf(gatehouse.Upstream, "%s refused the sign-in (%s). Ask an administrator to check the connection.", label, fmt.Sprint(code)).Because(cause)
}

// said is what Feishu says of an error, short and on one line. The v2 token
// endpoint says it as OAuth does, the others as msg.
func said(told map[string]any) string {
	for _, name := range []string{"error_description", "msg", "message"} {
		if s := authcode.Text(told[name]); s != "" {
			return strings.ToValidUTF8(s[:min(len(s), 300)], "")
		}
	}
	return errNothingSaid.Error()
}

var errNothingSaid = errors.New("no reason was given")

// permission is the name of one, as the console has it: contact:user.email:readonly.
var permission = regexp.MustCompile(`^[a-z0-9_.]+(?::[a-z0-9_.]+)*$`)

// missing are the permissions that an error names, which it does in a list, or
// in the text between brackets.
func missing(told map[string]any) string {
	var names []string
	list, _ := authcode.Find(told, "error", "permission_violations").([]any)
	for _, v := range list {
		row, _ := v.(map[string]any)
		names = append(names, authcode.Text(row["subject"]))
	}
	if _, tail, ok := strings.Cut(said(told), "["); ok && len(names) == 0 {
		inside, _, _ := strings.Cut(tail, "]")
		names = strings.FieldsFunc(inside, func(r rune) bool { return r == ',' || r == ' ' })
	}
	names = slices.DeleteFunc(names, func(s string) bool { return len(s) > 100 || !permission.MatchString(s) })
	return strings.Join(names[:min(len(names), 10)], ", ")
}
