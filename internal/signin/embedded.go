package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// Silent is a sign-in inside a vendor's own client (DingTalk), where nobody is
// asked anything: a page of ours asks the client for a code.
type Silent struct {
	Connection gatehouse.Connection // without credentials
	// State has to come back with the code. "": nobody can be signed in like
	// that here, Why says why, and the usual way stays.
	State string
	Page  integration.EmbeddedPage
	Why   gatehouse.Note
}

// companyForm is what a vendor's id of a company looks like.
var companyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// BeginEmbedded starts a silent sign-in for the page inside a vendor's client.
// company is what the address of the page says, "" = nothing; where the
// connection names one itself, that one counts.
func (s *Service) BeginEmbedded(ctx context.Context, st Start, company string) (Silent, error) {
	if len(st.BrowserHash) == 0 {
		return Silent{}, errors.New("begin a sign-in: the browser is not known")
	}
	c, door, err := s.Apps.DoorByName(ctx, st.Connection)
	if err != nil {
		return Silent{}, fmt.Errorf("begin a sign-in: %w", err)
	}
	if c.Rules.LinkOnly || door.Embedded == nil {
		return Silent{}, gatehouse.Errorf(gatehouse.NotFound, "There is no such way to sign in. Go back to the sign-in page and choose one.")
	}
	silent := Silent{Connection: c}
	silent.Connection.AppID, silent.Connection.AppSecret, silent.Connection.Args = "", "", nil
	page, inside := silently(door, st)
	if page.Company == "" && companyForm.MatchString(company) {
		page.Company = company
	}
	switch demand, err := s.demand(ctx, st); {
	case err != nil:
		return Silent{}, err
	case !inside:
		silent.Why = gatehouse.Notef("This page signs you in without a question inside the %s app. You have opened it in a browser, where you sign in the usual way.", label(c))
	case page.Company == "":
		silent.Why = gatehouse.Notef("This page does not know your company, so it cannot ask the %s app who you are. Sign in the usual way.", label(c))
	case !demand.After.IsZero() || demand.Choose || len(demand.ACR) > 0:
		silent.Why = gatehouse.Notef("The app that you want to use asks for a sign-in of its own. Sign in the usual way.")
	default:
		silent.Page = page
		silent.State, err = s.keepEmbedded(ctx, c, st)
		return silent, err
	}
	return silent, nil
}

// EmbeddedURL is the address to enter at a vendor as the home page of the app
// inside its client; "" where the connection knows no such sign-in, or is not
// in use.
func (s *Service) EmbeddedURL(ctx context.Context, connectionID string) string {
	c, door, err := s.Apps.Door(ctx, connectionID)
	if err != nil || door.Embedded == nil {
		return ""
	}
	page := door.Embedded.Page()
	if page.Company != "" || page.Fill == "" {
		return s.embeddedURI(c)
	}
	return s.embeddedURI(c) + "?" + page.Fill
}

// silently says whether a browser is a client of the vendor's in which nobody
// has to be asked.
func silently(door integration.Door, st Start) (integration.EmbeddedPage, bool) {
	if door.Embedded == nil || st.Agent == "" || st.Fresh || st.Purpose != gatehouse.ForSignIn {
		return integration.EmbeddedPage{}, false
	}
	page := door.Embedded.Page()
	return page, page.Agent != "" && strings.Contains(st.Agent, page.Agent)
}

// demand is what an app asks of the sign-in. Silence answers nothing that has to
// be fresh, chosen, or proved in a certain way.
func (s *Service) demand(ctx context.Context, st Start) (gatehouse.Demand, error) {
	if st.Request == "" {
		return gatehouse.Demand{}, nil
	}
	var d gatehouse.Demand
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		r, err := ownRequest(tx, st.Request, st.BrowserHash)
		d = r.Demand
		return err
	})
	return d, err
}

func (s *Service) keepEmbedded(ctx context.Context, c gatehouse.Connection, st Start) (state string, err error) {
	a, err := s.attempt(ctx, c, st)
	if err != nil {
		return "", err
	}
	a.RedirectURI = s.embeddedURI(c) // marks it: the state of a sign-in that asks is no good here
	if err := s.Store.Update(ctx, func(tx *store.Tx) error { return tx.SaveAttempt(&a) }); err != nil {
		return "", fmt.Errorf("keep the sign-in under way: %w", err)
	}
	return a.State, nil
}

// FinishEmbedded ends the silent sign-in that the answer's state names, with the
// code of the vendor's client. It is Finish in everything else.
func (s *Service) FinishEmbedded(ctx context.Context, a Answer) (Result, error) {
	return s.finish(ctx, a, s.askEmbedded)
}

func (s *Service) askEmbedded(ctx context.Context, at gatehouse.Attempt, c gatehouse.Connection, answer url.Values) (gatehouse.Vouched, *stop) {
	if at.RedirectURI != s.embeddedURI(c) || at.Purpose != gatehouse.ForSignIn || at.Fresh {
		return gatehouse.Vouched{}, asked(c)
	}
	_, door, err := s.Apps.Door(ctx, at.ConnectionID)
	if err == nil && door.Embedded == nil {
		err = gatehouse.Errorf(gatehouse.Invalid, "%s cannot be used to sign in. Use another way to sign in.", label(c))
	}
	if err != nil {
		no := byProvider(c, err)
		return gatehouse.Vouched{}, &no
	}
	v, err := door.Embedded.FinishEmbedded(ctx, answer.Get("code"))
	if err != nil {
		no := byProvider(c, err)
		return gatehouse.Vouched{}, &no
	}
	return v, nil
}

// asked refuses a silent answer to a sign-in in which the person was to be asked.
func asked(c gatehouse.Connection) *stop {
	return halt(gatehouse.Forbidden, gatehouse.Decision{
		Outcome: gatehouse.OutcomeRefused, Rule: "state_embedded",
		Reason: "This sign-in with %s was to ask you, but the answer came without that. Please sign in again.", Args: []string{label(c)},
	})
}

func (s *Service) embeddedURI(c gatehouse.Connection) string { return s.URL + embeddedPath(c, Start{}) }

// embeddedPath is the page inside a vendor's client, for the same purpose.
func embeddedPath(c gatehouse.Connection, st Start) string {
	q := url.Values{}
	if st.Request != "" {
		q.Set("request", st.Request)
	}
	if to := ui.OwnPath(st.ReturnTo); to != "" {
		q.Set("return_to", to)
	}
	path := "/sign-in/" + c.Name + "/embedded"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}
