package integration

// Mapping are the settings by which fields of a person are worked out of what
// the provider tells (package authcode reads them).
func Mapping() []Field {
	return []Field{
		{
			Arg: "mapping.username", Label: "Username, worked out", Placeholder: `split(claims.email, "@")[0]`, Advanced: true,
			Help: "An expression over claims, all that the provider tells. With ?? a default follows.",
		},
		{Arg: "mapping.name", Label: "Name, worked out", Placeholder: `claims.name ?? claims.nickname`, Advanced: true},
		{Arg: "mapping.email", Label: "E-mail address, worked out", Placeholder: `claims.mail ?? claims.email`, Advanced: true},
		{
			Arg: "mapping.email_verified", Label: "Whether the address is verified, worked out", Placeholder: `claims.email_verified ?? false`, Advanced: true,
			Help: "An address that is worked out counts as verified only if this says so.",
		},
		{Arg: "mapping.groups", Label: "Groups, worked out", Placeholder: `map(claims.roles ?? [], .name)`, Advanced: true},
	}
}

// Authority is the setting of a provider whose certificate no public authority gave.
func Authority() Field {
	return Field{
		Arg: "ca", Label: "Certificate of your own authority", Type: LinesField, Advanced: true,
		Help: "In PEM, when the certificate of the provider is not from a public authority.",
	}
}

// PKCE is the setting that switches the proof of the code's owner off (RFC 7636),
// for providers that refuse it.
func PKCE() Field {
	return Field{Arg: "pkce", Label: "Use PKCE", Type: FlagField, Usual: "true", Advanced: true}
}
