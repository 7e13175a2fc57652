package dingtalk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gatehouse"
	"gatehouse/internal/outgoing"
)

// failure is the error form of the old API. The gateway wraps its own refusals
// in 88, with the true code as a text.
type failure struct {
	ErrCode   int    `json:"errcode"`
	ErrMsg    string `json:"errmsg"`
	SubCode   string `json:"sub_code"`
	SubMsg    string `json:"sub_msg"`
	RequestID string `json:"request_id"`
}

// apiError is what DingTalk answered instead of what was asked for.
type apiError struct {
	Code      int    // of the old API; 0: the new one
	Name      string // of the new API
	Message   string
	RequestID string
	Missing   []string // permissions that the app would need, by the names that DingTalk's console has for them
}

// Error is for the log: DingTalk's support asks for the request id.
func (e *apiError) Error() string {
	name := e.Name
	if name == "" {
		name = strconv.Itoa(e.Code)
	}
	return fmt.Sprintf("DingTalk answered %s %q (request %s)", name, e.Message, e.RequestID)
}

// code is the old API's error code in the chain, or 0.
func code(err error) int {
	var e *apiError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// nameOf is the new API's error code in the chain, or "".
func nameOf(err error) string {
	var e *apiError
	if errors.As(err, &e) {
		return e.Name
	}
	return ""
}

func (f failure) err() error {
	if f.ErrCode == 0 {
		return nil
	}
	e := &apiError{Code: f.ErrCode, Message: f.ErrMsg, RequestID: f.RequestID}
	if n, err := strconv.Atoi(f.SubCode); err == nil && f.ErrCode == 88 {
		e.Code, e.Message = n, f.SubMsg
	}
	if e.Code == 60011 {
		if m := bracketed().FindStringSubmatch(e.Message); m != nil {
			e.Missing = strings.Split(m[1], ",")
		}
	}
	return explain(e)
}

// bracketed finds the permission in the old API's text, requestIP our address,
// and applyLink where an administrator asks for a permission. Their counted
// repetitions are dear to compile, and most processes never need them.
var (
	bracketed = lazy(`\[([\w.,]{1,200})\]`)
	requestIP = lazy(`request ip=([0-9a-fA-F.:]{2,45})`)
	applyLink = lazy(`https://open-dev\.dingtalk\.(?:com|io)/[\w./?=&%#-]{1,200}`)
)

// lazy compiles a pattern when it is first asked for.
func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// missing tells the administrator which permission the app lacks, and where to
// ask for it.
func (e *apiError) missing(err *gatehouse.Error) *gatehouse.Error {
	if len(e.Missing) > 0 {
		err = err.With(gatehouse.FactMissingPermission, strings.Join(e.Missing[:min(len(e.Missing), 10)], ", "))
	}
	if link := applyLink().FindString(e.Message); link != "" {
		err = err.With(gatehouse.FactPermissionLink, link)
	}
	return err
}

// refusal reads the error form of the new API.
func refusal(status int, body []byte) error {
	var f struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		RequestID string `json:"requestid"`
		Denied    struct {
			RequiredScopes []string `json:"requiredScopes"`
		} `json:"accessdenieddetail"`
	}
	if err := json.Unmarshal(body, &f); err != nil || f.Code == "" {
		return unusable(fmt.Errorf("status %d, %s", status, excerpt(body)))
	}
	e := &apiError{Name: f.Code, Message: f.Message, RequestID: f.RequestID}
	if scopes := f.Denied.RequiredScopes; len(scopes) > 0 {
		e.Message += " requiredScopes=" + strings.Join(scopes, ",")
		e.Missing = scopes
	}
	return explain(e)
}

// explain turns DingTalk's error into one that can be shown. The person at the
// door is told what to do; what the administrator must mend is in the cause,
// with the permission's own name and the link where it is asked for.
func explain(e *apiError) error {
	switch {
	case e.Name == "invalidParameter.authCode.notFound" || e.Code == 40078:
		return gatehouse.Errorf(gatehouse.Expired, "DingTalk does not know this sign-in any more: its code was used already or is older than five minutes. Please sign in again.").Because(e)
	case e.Name == "invalidClientIdOrSecret" || e.Name == "invalid.client" || e.Code == 40089 || e.Code == 40096 || e.Code == 853003 || e.Code == 853004:
		return gatehouse.Errorf(gatehouse.Unavailable, "DingTalk does not accept the credentials of this connection. An administrator must correct its Client ID and Client Secret.").Because(e)
	case e.Code == 853001 || e.Code == 853002:
		return gatehouse.Errorf(gatehouse.Unavailable, "The clock of this server is more than a minute off, so DingTalk does not accept its signature. An administrator must set it right.").Because(e)
	case e.Code == 50002:
		return gatehouse.Errorf(gatehouse.Forbidden, "The app of this connection may not see you in your company's DingTalk directory, so Gatehouse cannot find out whether you belong to it. Ask an administrator to add you to the app's contact scope.").Because(e)
	case strings.HasSuffix(e.Name, "AccessTokenPermissionDenied") || e.Code == 60011:
		return e.missing(gatehouse.Errorf(gatehouse.Unavailable, "A permission is missing in DingTalk, so Gatehouse cannot find out who you are. An administrator finds its name with this sign-in.").Because(e))
	case strings.HasSuffix(e.Name, "IpNotInWhiteList") || e.Code == 60020:
		err := gatehouse.Errorf(gatehouse.Unavailable, "DingTalk does not accept calls from this server's address. An administrator must add it to the app's list of server addresses.").Because(e)
		if m := requestIP().FindStringSubmatch(e.Message); m != nil {
			err = err.With(gatehouse.FactServerAddress, m[1])
		}
		return err
	case strings.Contains(e.Name, "QpsLimit") || strings.Contains(e.Name, "QpmLimit") || strings.Contains(e.Name, "ApiCountLimit") || e.Code == codeBlocked || e.Code == 90002 || e.Code == 90018 || e.Code == 90020:
		return gatehouse.Errorf(gatehouse.Unavailable, "DingTalk has too many calls at the moment. Please try again in a minute.").Because(e)
	}
	return unusable(e)
}

func unusable(cause error) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "DingTalk answered something that Gatehouse cannot use, so nobody was signed in. Please try again; if it stays so, tell an administrator.").Because(cause)
}

// unreachable says that no answer came. What the guard of outgoing requests
// refused keeps its own sentence.
func unreachable(err error) error {
	var own *gatehouse.Error
	if errors.As(err, &own) {
		return own
	}
	err = outgoing.Redact(err) // the old API has its token in the query
	if errors.Is(err, context.DeadlineExceeded) {
		return gatehouse.Errorf(gatehouse.Unavailable, "DingTalk did not answer in time. Please try again.").Because(err)
	}
	return gatehouse.Errorf(gatehouse.Unavailable, "DingTalk cannot be reached at the moment. Please try again.").Because(err)
}

// quoted is a value from outside for the log: short and on one line.
func quoted(name, value string) error {
	return fmt.Errorf("%s=%q", name, value[:min(len(value), 200)])
}
