package signin

// Browser is what is known of the browser in which somebody proves who they are.
type Browser struct {
	Hash              []byte // of its own cookie; nil: it has none
	UserAgent         string
	Address           string
	UserID, SessionID string // who is signed in with it now; "" = nobody
}
