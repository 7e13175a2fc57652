package dingtalk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

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

func (f failure) err() error {
	if f.ErrCode == 0 {
		return nil
	}
	e := &apiError{Code: f.ErrCode, Message: f.ErrMsg, RequestID: f.RequestID}
	if n, err := strconv.Atoi(f.SubCode); err == nil && f.ErrCode == 88 {
		e.Code, e.Message = n, f.SubMsg
	}
	return explain(e)
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
	case e.Name == "invalidClientIdOrSecret" || e.Code == 40089 || e.Code == 40096:
		return gatehouse.Errorf(gatehouse.Unavailable, "DingTalk does not accept the credentials of this connection. An administrator must correct its Client ID and Client Secret.").Because(e)
	case strings.HasSuffix(e.Name, "AccessTokenPermissionDenied") || e.Code == 60011:
		return gatehouse.Errorf(gatehouse.Unavailable, "A permission is missing in DingTalk, so Gatehouse cannot find out who you are. An administrator finds its name with this sign-in.").Because(e)
	case strings.HasSuffix(e.Name, "IpNotInWhiteList") || e.Code == 60020:
		return gatehouse.Errorf(gatehouse.Unavailable, "DingTalk does not accept calls from this server's address. An administrator must add it to the app's list of server addresses.").Because(e)
	case strings.Contains(e.Name, "QpsLimit") || strings.Contains(e.Name, "QpmLimit") || strings.Contains(e.Name, "ApiCountLimit") || e.Code == 90002 || e.Code == 90018 || e.Code == 90020:
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
