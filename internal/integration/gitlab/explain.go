package gitlab

import (
	"context"
	"errors"
	"net/http"

	"gatehouse"
)

func errStranger(host string) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s does not answer like a GitLab. Check the URL: it is the address at which people open GitLab.", host)
}

func errScope(scope string) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Forbidden, "The access token lacks the scope %s. Make a token that has it in GitLab and enter it here.", scope)
}

func errAdminMode() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Forbidden, "The access token belongs to an administrator, but GitLab treats it as an ordinary one, because Admin Mode is on there. Make a token with the scopes api and admin_mode and enter it here.")
}

// explain turns what went wrong into a sentence for the owner of a connector.
func explain(err error, host string) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var known *gatehouse.Error
	if errors.As(err, &known) {
		return err
	}
	var no *refusal
	switch {
	case errors.As(err, &no):
		return explainRefusal(no, host).Because(err)
	case errors.Is(err, errShape):
		return gatehouse.Errorf(gatehouse.Upstream, "%s answered something that we cannot read. If it is a GitLab, its version may be too old or too new.", host).Because(err)
	}
	return gatehouse.Errorf(gatehouse.Unavailable, "%s cannot be reached, or breaks off before it has answered. Check that it runs, and try again.", host).Because(err)
}

func explainRefusal(no *refusal, host string) *gatehouse.Error {
	switch {
	case no.status == http.StatusUnauthorized:
		return gatehouse.Errorf(gatehouse.Unauthorized, "GitLab does not accept the access token: it is wrong, expired or revoked. Make a new one and enter it here.")
	case no.scope != "":
		return errScope(oneScope(no.scope))
	case no.status == http.StatusTooManyRequests:
		return gatehouse.Errorf(gatehouse.Limited, "%s limits how often it may be asked, for longer than we wait. Try again later, or have the limit raised.", host)
	case no.tooLong:
		return gatehouse.Errorf(gatehouse.Upstream, "%s answered something that we cannot read. If it is a GitLab, its version may be too old or too new.", host)
	case no.status >= 500:
		return gatehouse.Errorf(gatehouse.Unavailable, "%s cannot be reached, or breaks off before it has answered. Check that it runs, and try again.", host)
	case no.foreign || no.status < 400:
		return errStranger(host)
	case no.status == http.StatusForbidden:
		return gatehouse.Errorf(gatehouse.Forbidden, "GitLab does not let the owner of the access token in. The account may be blocked, or may not use the API.")
	}
	return gatehouse.Errorf(gatehouse.Upstream, "%s refused what a GitLab usually answers (%d). Its version may be too old or too new.", host, no.status)
}
