package ui

// Option is a choice of a Select.
type Option struct{ Value, Label string }

func alertRole(tone string) string {
	if tone == "bad" || tone == "warn" {
		return "alert"
	}
	return "status"
}

func alertIcon(tone string) string {
	switch tone {
	case "good":
		return "check"
	case "bad", "warn":
		return "alert"
	}
	return "info"
}

// drawing is the inside of an icon, of constants only. The marks of providers
// are neutral signs of ours, no copies of trade marks.
func drawing(name string) string {
	if d, ok := drawings()[name]; ok {
		return d
	}
	return `<circle cx="12" cy="12" r="8.5"/>`
}

func drawings() map[string]string {
	return map[string]string{
		"home":      `<path d="M4 11l8-7 8 7v8.5a1 1 0 0 1-1 1h-4.500v-6h-5v6H5a1 1 0 0 1-1-1z"/>`,
		"users":     `<circle cx="9" cy="8" r="3.5"/><path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 4.800a3.5 3.5 0 0 1 0 6.400M18 14.200a6.5 6.5 0 0 1 3.5 5.8"/>`,
		"user":      `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.500a7.5 7.5 0 0 1 15 0"/>`,
		"newcomer":  `<circle cx="9.5" cy="8" r="3.5"/><path d="M3 20a6.5 6.5 0 0 1 13 0M18.500 5v6M15.500 8h6"/>`,
		"door":      `<path d="M5 21V10a7 7 0 0 1 14 0v11M2.5 21h19M10 21v-8a2 2 0 0 1 4 0v8"/>`,
		"key":       `<circle cx="8" cy="15.5" r="4.5"/><path d="M11.2 12.300L20 3.500M16 7.500l3 3"/>`,
		"passkey":   `<circle cx="9" cy="7.5" r="3.5"/><path d="M2.5 20v-1a6 6 0 0 1 9-5.200"/><circle cx="17" cy="12.500" r="3"/><path d="M17 15.500V21l1.8-1.500M17 18.500l1.5-.5"/>`,
		"shield":    `<path d="M12 3l7.5 3v5.500c0 4.5-3 7.5-7.5 9.500-4.500-2-7.500-5-7.500-9.500V6z"/><path d="M9 12l2.2 2.200L15.500 10"/>`,
		"sync":      `<path d="M20 5v5h-5M4 19v-5h5"/><path d="M19 10a7.5 7.5 0 0 0-13.5-2.500M5 14a7.5 7.5 0 0 0 13.5 2.5"/>`,
		"scale":     `<path d="M12 4v16M7 20h10M5 7h14"/><path d="M5 7l-2.5 6.500h5zM19 7l-2.5 6.500h5z"/>`,
		"list":      `<path d="M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01"/>`,
		"group":     `<path d="M3 7a1.5 1.5 0 0 1 1.5-1.500H9l2.5 2.500h8A1.5 1.5 0 0 1 21 9.500V18a1.5 1.5 0 0 1-1.5 1.500h-15A1.5 1.5 0 0 1 3 18z"/>`,
		"project":   `<path d="M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.5 8-4.500M12 12v9"/>`,
		"direct":    `<path d="M4 12h15M13 6l6 6-6 6"/>`,
		"inherited": `<path d="M6 4v9a3 3 0 0 0 3 3h10M14 11l5 5-5 5"/>`,
		"shared":    `<circle cx="6" cy="12" r="2.5"/><circle cx="18" cy="6" r="2.5"/><circle cx="18" cy="18" r="2.5"/><path d="M8.2 10.900l7.6-3.800M8.2 13.100l7.6 3.8"/>`,
		"owned":     `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.500a7.5 7.5 0 0 1 15 0"/>`,
		"check":     `<path d="M5 12.500l4.5 4.500L19 7.5"/>`,
		"cross":     `<path d="M6 6l12 12M18 6L6 18"/>`,
		"clock":     `<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>`,
		"alert":     `<path d="M12 4l9 16H3zM12 10v4.500M12 17.300v.01"/>`,
		"info":      `<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.01"/>`,
		"search":    `<circle cx="11" cy="11" r="6.5"/><path d="M16 16l4.5 4.5"/>`,
		"globe":     `<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.500c5 5 5 12 0 17-5-5-5-12 0-17z"/>`,
		"sun":       `<circle cx="12" cy="12" r="4"/><path d="M12 3v1.500M12 19.500V21M3 12h1.500M19.5 12H21M5.6 5.600l1.1 1.100M17.3 17.300l1.1 1.100M5.6 18.400l1.1-1.100M17.3 6.700l1.1-1.1"/>`,
		"mail":      `<rect x="3" y="5.5" width="18" height="13" rx="1.5"/><path d="M3.5 7l8.5 6 8.5-6"/>`,
		"computer":  `<rect x="3" y="4.5" width="18" height="12" rx="1.5"/><path d="M9 20.500h6M12 16.500v4"/>`,
		"phone":     `<rect x="7" y="3" width="10" height="18" rx="2"/><path d="M11 18h2"/>`,
		"link":      `<path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.100a4 4 0 0 0-5.7-5.700L12 6.300M14 10a4 4 0 0 0-5.7 0l-3.1 3.100a4 4 0 0 0 5.7 5.700L12 17.7"/>`,
		"arrow":     `<path d="M9 5l7 7-7 7"/>`,
		"hourglass": `<path d="M6 3.500h12M6 20.500h12M7.5 3.500c0 5 4.5 5.5 4.5 8.500s-4.5 3.5-4.5 8.500M16.5 3.500c0 5-4.5 5.5-4.5 8.500s4.5 3.5 4.5 8.5"/>`,
		"bot":       `<rect x="4" y="8" width="16" height="11" rx="2.5"/><path d="M12 4.500V8M9 13v1.500M15 13v1.5"/>`,
		// Providers.
		"dingtalk": `<path d="M3.5 4c5 3 10.5 4 17 5-1 3.5-3 5.5-5.5 6.500h3L11 21l1.5-4C8 16 5.5 12.5 5 9.5"/>`,
		"gitlab":   `<path d="M12 20.500L3 13.5 5.5 5l3 6.500h7l3-6.500L21 13.500zM8.5 11.500l3.5 9 3.5-9"/>`,
		"github":   `<circle cx="7" cy="6" r="2.3"/><circle cx="7" cy="18" r="2.3"/><circle cx="17" cy="8" r="2.3"/><path d="M7 8.300v7.400M17 10.300c0 4-6 3.2-9.5 5.5"/>`,
		"google":   `<path d="M19.5 12H12.500M19.5 12a7.5 7.5 0 1 1-2.4-5.5"/>`,
		"openid":   `<path d="M13 4v16l-3-1.500M13 4l-3-1v15.500M10 8.500c-4 .8-6.5 2.6-6.5 5 0 2.6 2.7 4.6 6.5 5M13 8.500c2.3.3 4.2 1.1 5.5 2.200M20.5 8.500v3.500h-4"/>`,
		"oauth2":   `<rect x="4.5" y="10.5" width="15" height="10" rx="2"/><path d="M8 10.500V8a4 4 0 0 1 8 0v2.500M12 14.500v2"/>`,
		"feishu":   `<path d="M3.5 8c4.5 3 8 6.5 10.5 11M7 5h7c1.5 2.5 2 4 2 6.500M3.5 8v9c4.5 3 9.5 2.5 12.5-1.5 1.5-2 2-4.5 5-6-3.5-1.5-6.5 0-9 3.5"/>`,
		"lark":     `<path d="M3.5 8c4.5 3 8 6.5 10.5 11M7 5h7c1.5 2.5 2 4 2 6.500M3.5 8v9c4.5 3 9.5 2.5 12.5-1.5 1.5-2 2-4.5 5-6-3.5-1.5-6.5 0-9 3.5"/>`,
		"wecom":    `<path d="M9.5 4.500C5.4 4.5 2.5 7 2.5 10.200c0 1.8 1 3.4 2.6 4.400L4.5 17l2.7-1.300c2.8.6 6-.2 7.5-2.600M15 8.200c3.8 0 6.5 2.3 6.5 5.3 0 1.6-.8 3-2.2 4l.5 2.2-2.5-1.200c-3.9.7-7.5-1.4-7.8-4.6"/>`,
	}
}
