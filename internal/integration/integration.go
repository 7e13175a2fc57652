// Package integration is the contract between Gatehouse and the outside
// systems it speaks to: what a connection (a way in) and a connector (something
// kept in order) must be able to do, whatever vendor is behind it. The vendors
// live in folders of their own and know nothing of each other; the list of them
// is server/kinds.go.
package integration

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"gatehouse"
)

// A Kind is one kind of app that this build can speak to. The kinds are listed
// in server/kinds.go, and nowhere else.
type Kind struct {
	Name, Title string
	// OpenConnection and OpenConnector check the settings and return something
	// usable. They do not speak to the app yet. A setting that is wrong is a
	// gatehouse.Error of kind Invalid whose sentence names the setting.
	// nil: this kind has no such door.
	OpenConnection func(gatehouse.Connection, Env) (Door, error)
	OpenConnector  func(gatehouse.Connector, Env) (Connected, error)
	// Hosts are the addresses (URLs) that the settings name, defaults included,
	// so that the guard of outgoing requests can be opened for what the
	// configuration file itself names. nil: none.
	ConnectionHosts func(gatehouse.Connection) []string
	ConnectorHosts  func(gatehouse.Connector) []string
	// ConnectionAuthority gives the certificates, in PEM, of the authority that
	// the settings name for the provider's own certificate, besides the
	// system's; "" = none. nil: this kind has no such setting.
	ConnectionAuthority func(gatehouse.Connection) (string, error)
	// Form is what an administrator enters for a connection on the dashboard.
	Form Form
	// ConnectorForm is what they enter for a connector.
	ConnectorForm ConnectorForm
	// FedByFiles: a connector of this kind reads nothing by itself. What is known
	// of its app comes from files that are imported, each as a whole pull.
	FedByFiles bool
}

// Env is what an opened door or connector may use of ours. Every field is set.
type Env struct {
	HTTP  *http.Client // guarded, bounded in time and size, metered; never another one
	Clock gatehouse.Clock
	Log   *slog.Logger
	// Development is true in `gatehouse dev` only.
	Development bool
}

// Connected is an opened connector. What it can do is which fields are set.
type Connected struct {
	Source   Source
	Target   Target
	Feed     Feed
	Receiver Receiver
	Chooser  Chooser
	// Resources reads one resource afresh, after a Notice about it. nil: such a
	// Notice has everything read.
	Resources Resources
	// Glancer looks for changes between two pulls, cheaply.
	Glancer Glancer
	// VerifiesAddress: before it pushes, the app asks for the address by GET, and
	// the Receiver answers that too.
	VerifiesAddress bool
	// Confirmer is asked before something that a pull did not see counts as gone.
	Confirmer Confirmer
}

// Door is an opened connection, likewise: nil = cannot.
type Door struct {
	Provider    Provider
	Refresher   Refresher
	Logout      Logout
	Embedded    Embedded
	BackChannel BackChannel
	// ShowsFresh: to an Attempt that is Fresh, Vouched.AuthAt says when the person
	// was asked. Otherwise nobody knows whether the provider asked them at all.
	ShowsFresh bool
}

// A Provider signs a person in. It keeps no state between Begin and Finish: what
// must be remembered is in the Attempt. It sees no request and no cookie.
type Provider interface {
	// Begin gives the address to send the browser to. It uses the Attempt's
	// State, and Nonce and Verifier where the provider has them.
	Begin(ctx context.Context, a gatehouse.Attempt) (address string, err error)
	// Finish turns the provider's answer (the callback's query or form) into
	// who the person is. State is checked already. An error is a
	// gatehouse.Error: Forbidden when the provider or the connection's own
	// limits refuse the person (its sentence is shown to them), Invalid when
	// the answer is not one, Upstream when the provider misbehaves, Unavailable
	// when it cannot be reached. Never a Vouched with an empty Subject.
	Finish(ctx context.Context, a gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error)
}

// A Refresher renews the tokens of a person.
type Refresher interface {
	// Refresh gives new tokens for old.Refresh. Many providers take the old
	// pair back at once, so nobody renews the same pair twice at a time. Invalid
	// or Expired: the provider refuses for good, and the person must connect
	// again. All else may be tried again with the same tokens.
	Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error)
}

// Logout gives the address at which the provider ends its own session.
type Logout interface {
	LogoutURL(ctx context.Context, idToken, returnTo string) (string, error)
}

// BackChannel reads what a provider sends by itself when a session of its own
// has ended (OpenID Connect Back-Channel Logout 1.0).
type BackChannel interface {
	// Ended checks a logout token and says which session it is about. Whether it
	// was used before is for the caller. A token that is not as it must be is
	// Invalid; when the provider's keys cannot be had, Unavailable or Upstream.
	Ended(ctx context.Context, logoutToken string) (Ended, error)
}

// Ended is a session at a provider that is over. Subject or Session is set.
type Ended struct {
	Subject string
	Session string    // "" = all of the subject's
	Token   string    // the id of the logout token, which counts once
	Until   time.Time // how long the token would be good
}

// Embedded signs in silently inside the vendor's own client (DingTalk's H5
// code): a page of ours asks the client for a code, and nobody is asked anything.
type Embedded interface {
	// Page says how the client is known and what the page needs to ask it.
	Page() EmbeddedPage
	// FinishEmbedded turns the client's code into who the person is, with the
	// errors of Provider.Finish.
	FinishEmbedded(ctx context.Context, code string) (gatehouse.Vouched, error)
}

// EmbeddedPage is what the page inside a vendor's client needs.
type EmbeddedPage struct {
	// Agent is a text in the User-Agent by which the client is known. Anybody
	// can send it: it only decides what is offered.
	Agent string
	// Script is the address of the vendor's script, the only one from elsewhere
	// that the page may run.
	Script string
	// Call names the way of asking among those that the page knows: the kind.
	Call string
	// ClientID and Company are what the client asks for; Company "" has to be
	// told by the address of the page, where the client puts it in.
	ClientID, Company string
	// Fill is what the vendor's client replaces in the address of a page that it
	// opens, as a query: "corpid=$CORPID$".
	Fill string
}

// Checkpoint says where a Pull may go on. It is the Source's own text; "" is
// the start.
type Checkpoint string

// Page is one piece of a pull. All parts are optional. What is in it may repeat
// what an earlier page had (the later wins), since an app drifts while it is
// read.
type Page struct {
	Accounts  []gatehouse.Account
	Resources []gatehouse.Resource
	Grants    []gatehouse.Grant
	Shares    []gatehouse.Share
	Next      Checkpoint       // where to go on after this page, once it is staged
	Step      string           // what is being read: "accounts", "projects", "groups", "shares"
	Requests  int64            // requests made for this page
	Notes     []gatehouse.Note // what a person should know: gaps, fallbacks
	// Gaps are resources of which something could not be seen. What was known of
	// them before is kept, and answers about them say that they are not whole.
	Gaps []gatehouse.Gap
	// Seen are accounts as they were met on the way, such as among members. They
	// count only where no page has the account among its Accounts, before or after.
	Seen []gatehouse.Account
}

// Probe is what a connected app says of itself and of us.
type Probe struct {
	Version, Edition string
	Actor            string           // who the token is
	Admin            bool             // sees everything
	Scopes           []string         // of the token
	ExpiresAt        string           // date of the token's end, "" = never
	Notes            []gatehouse.Note // what we will not see
}

// A Source says who exists in an app and what they may reach.
type Source interface {
	// Probe asks who we are and what we may see, before anything is read. A
	// token that is wrong is Unauthorized, one that may too little Forbidden
	// with the scope that is missing, an address that is no such app Upstream.
	Probe(ctx context.Context) (Probe, error)
	// Pull reads everything from a checkpoint on ("" = the start), a page at a
	// time. It yields an error at most once, as its last pair. Only a Pull that
	// ends without one has seen everything: until then nothing counts as gone.
	Pull(ctx context.Context, from Checkpoint) iter.Seq2[Page, error]
	// Account reads one account afresh with its direct grants. NotFound: the app
	// says that there is none, or that we may not see it. Where Connected has
	// Resources too, a grant that is missing here is looked for there before it
	// counts as gone; else the grants are all of them.
	Account(ctx context.Context, id string) (gatehouse.Account, []gatehouse.Grant, error)
}

// A Chooser knows what a setting of the connector can be, since the app can be
// asked for it.
type Chooser interface {
	// Choose gives at most 50 values of the field (a PickField of the kind's
	// ConnectorForm) that a search finds, the best first; "" finds all. A Value
	// is what is kept in Settings, a Label what people read in the app's own
	// words. Errors are those of Source.Probe.
	Choose(ctx context.Context, field, search string) ([]Choice, error)
}

// Resources reads single groups and projects.
type Resources interface {
	// Resource reads one afresh: itself, all direct grants on it and all groups
	// that are invited to it. NotFound as of Source.Account.
	Resource(ctx context.Context, id gatehouse.ResourceID) (Contents, error)
}

// Contents is a resource as it is now.
type Contents struct {
	Resource gatehouse.Resource
	Grants   []gatehouse.Grant
	Shares   []gatehouse.Share
	Accounts []gatehouse.Account // that Source.Account cannot read: invitations
}

// A Glancer finds out with a few requests what changed since the last time. What
// it misses, the next pull finds.
type Glancer interface {
	// Glance looks at what is new since mark, the text that it gave as Next the
	// time before; "": it was never asked, and only finds out where things stand.
	Glance(ctx context.Context, mark string) (Glance, error)
}

// Glance is what a Glancer found.
type Glance struct {
	Accounts []gatehouse.Account // as they are now, without their grants: those that may have changed
	Notices  []gatehouse.Notice  // what is to be read afresh
	Next     string
	Requests int64
}

// A Confirmer asks an app about what a whole pull did not see, before it counts
// as gone: an app drifts while it is read, and may show us less than it did.
type Confirmer interface {
	// Confirm asks about at most 100 accounts and resources together that were
	// there before and are not in the pull.
	Confirm(ctx context.Context, accounts []string, resources []gatehouse.ResourceID) (Confirmed, error)
}

// Confirmed is what an app says of what a pull did not see. What is neither in
// it nor a reason to hold the pull is gone.
type Confirmed struct {
	Still Page           // what is there all the same, to be staged with the rest; its Next says nothing
	Again bool           // so much was missed that the pull has to be made again
	Held  gatehouse.Note // why a person must look: it is there, and not shown to us any more; empty: need not
}

// A Target carries out changes. Apply may be called again for a change already
// carried out, in whole or in part, and then returns nil.
type Target interface {
	Verbs() []gatehouse.Verb
	Apply(ctx context.Context, c gatehouse.Change) error
}

// A Feed tells of joiners, movers and leavers as they happen. A notice is
// acknowledged only after deliver returned nil.
type Feed interface {
	Listen(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error
}

// Delivery is what an app pushed to us.
type Delivery struct {
	Header http.Header
	Query  url.Values
	Body   []byte // at most 1 MiB
	Method string // POST, or GET where the app verifies the address
}

// Answer is what to say to the app that pushed.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// A Receiver reads what an app pushes to us (a GitLab hook, DingTalk's encrypted
// callback) and says what to answer. It checks the secret, and acts on nothing.
type Receiver interface {
	// Receive reads a delivery. A wrong secret or signature is Unauthorized, one
	// that is too old Expired, what cannot be read Invalid. No notices: it is
	// about nothing that matters here. The zero Answer is 200 without a body. A
	// notice whose ID was seen before is dropped by the caller; the Answer is
	// given all the same.
	Receive(ctx context.Context, d Delivery) (Answer, []gatehouse.Notice, error)
}
