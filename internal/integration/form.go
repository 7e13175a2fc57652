package integration

// Form says what an administrator enters for a connection of a kind, so that
// the page for it is made of data. Texts are English, keys of their translations
// in the catalogue (internal/i18n/zh-CN/<vendor>.json; a test of package server
// finds what is missing). The zero Form is a usable one: client ID, client
// secret and scopes.
type Form struct {
	// Summary is one sentence of who signs in with it.
	Summary string
	// Icon is the name of a built-in icon; "" = the kind's name.
	Icon string
	// AliasOf names the kind that this one is another name for: it stays usable
	// in the file, and is not offered beside it.
	AliasOf string
	// Guide tells, step by step, what to do at the provider first.
	Guide []string
	// ClientID and ClientSecret are what the provider calls them, when it is
	// something else: "Application ID", "AppKey".
	ClientID, ClientSecret string
	// Scopes are asked for when the administrator enters none, separated by
	// spaces. NoScopes: the provider knows none, and none are asked for.
	Scopes   string
	NoScopes bool
	// Fields are the further settings, in the order of the page.
	Fields []Field
}

// Field is one setting of a connection.
type Field struct {
	Arg         string // where it stands in the args: "issuer", "client_options.site"
	Label       string
	Help        string // beside the field; "" = none
	Placeholder string // an example, not translated
	Usual       string // what an empty field means, not translated
	Type        FieldType
	Choices     []Choice // of a ChoiceField; the first one is what an absent setting means
	Required    bool     // an empty one is refused, here and not by the kind
	// Advanced fields stand folded away below the others.
	Advanced bool
}

// FieldType is what can be entered in a Field.
type FieldType string

// The types. What is not entered is not set.
const (
	TextField   FieldType = ""       // a line of text
	URLField    FieldType = "url"    // an address
	WordsField  FieldType = "words"  // a list, separated by spaces, commas or lines; kept as a list of texts
	LinesField  FieldType = "lines"  // a list, one on each line; kept as a list of texts
	ChoiceField FieldType = "choice" // one of Choices
	FlagField   FieldType = "flag"   // true or false

	// Of connectors alone.
	SecretField FieldType = "secret" // a text that is kept sealed (Connector.Secrets) and never shown again
	PickField   FieldType = "pick"   // a text that the app can offer values for: the connector has a Chooser
)

// Choice is one value of a ChoiceField.
type Choice struct {
	Value string
	Label string // English, key of its translation
}

// ConnectorForm says what an administrator enters for a connector of a kind, as
// Form does for a connection: texts are English, keys of their translations.
type ConnectorForm struct {
	// Summary is one sentence of what is read of such an app.
	Summary string
	// Icon is the name of a built-in icon; "" = the kind's name.
	Icon string
	// Guide tells, step by step, what to do in the app first.
	Guide []string
	// URL is the address of the app (Connector.URL); without a Label none is
	// asked for. Token is the secret that the connector signs in with
	// (Connector.Token). Their Arg and Type do not count.
	URL, Token Field
	// Fields are the further settings, in the order of the page. What is entered
	// is kept as text in Connector.Settings under Arg, and that of a SecretField
	// in Connector.Secrets. An empty one is not kept.
	Fields []Field
}
