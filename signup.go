package gatehouse

// SignUp says whose addresses may make an account, whichever connection they
// come by. It is asked of newcomers and of addresses that people add, never of
// people who have an account.
//
// An entry is an address (alice@example.com) or a domain (example.com, or
// @example.com). In a domain, * at the front stands for any number of labels
// (*.example.com: every domain below example.com, and not example.com itself);
// elsewhere * is one whole label.
type SignUp struct {
	Allow             []string `json:"allow"`              // not empty: only these; they win over Deny
	Deny              []string `json:"deny"`               // never these
	BlockSubaddresses bool     `json:"block_subaddresses"` // no + = # before the @, unless Allow has the very address
	BlockDisposable   bool     `json:"block_disposable"`   // no domains of throw-away addresses
}
