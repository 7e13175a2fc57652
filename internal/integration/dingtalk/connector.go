package dingtalk

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Settings of a connector, by their names in Connector.Settings.
const (
	settingApp      = "app_id"         // the AppKey; the AppSecret is the connector's token
	settingCompany  = "corp_id"        // "" = the company that the app belongs to
	settingMode     = "mode"           // how news come: "", stream or callback
	settingAPI      = "api_url"        // the host of the new API
	settingOldAPI   = "oapi_url"       // the host of the old API
	settingRate     = "qps"            // calls of one API in a second
	settingManagers = "managers"       // false: who people's managers are is not read
	settingVerified = "email_verified" // true: the company's addresses count as verified
)

// Secrets of a connector, by their names in Connector.Secrets.
const (
	secretToken = "callback_token"
	secretKey   = "callback_aes_key"
)

// How news come from DingTalk.
const (
	modeStream   = "stream"
	modeCallback = "callback"
)

// The rate of calls. The standard edition of DingTalk allows 20 in a second for
// each app and API; people who sign in need some of them.
const (
	usualRate = 15
	mostRate  = 200
)

// directory are the settings of a connector, checked.
type directory struct {
	settings      // the app and the hosts
	company       string
	mode          string
	secrets       callbackSecrets
	rate          int
	managers      bool
	emailVerified bool
}

// readDirectory checks a connector's settings.
func readDirectory(c gatehouse.Connector) (directory, error) {
	d := directory{
		settings: settings{key: c.Settings[settingApp], secret: c.Token, api: apiHost, oapi: oapiHost},
		company:  c.Settings[settingCompany], mode: c.Settings[settingMode], rate: usualRate, managers: true,
	}
	if d.key == "" || d.secret == "" {
		return d, gatehouse.Errorf(gatehouse.Invalid, "The DingTalk connector %s needs app_id and app_secret: the Client ID (AppKey) and Client Secret (AppSecret) of the app in DingTalk's developer console.", c.Name)
	}
	wrong := func(setting, expected string) (directory, error) {
		return d, gatehouse.Errorf(gatehouse.Invalid, "The setting %s of the DingTalk connector %s is not right: expected %s.", setting, c.Name, expected)
	}
	if d.company != "" && !corpIDForm.MatchString(d.company) {
		return wrong(settingCompany, "a CorpId, letters and digits such as ding0123456789abcdef")
	}
	for name, to := range map[string]*string{settingAPI: &d.api, settingOldAPI: &d.oapi} {
		if given := c.Settings[name]; given != "" {
			if *to = hostOf(given); *to == "" {
				return wrong(name, "an address such as https://api.dingtalk.com")
			}
		}
	}
	if given := c.Settings[settingRate]; given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > mostRate {
			return wrong(settingRate, "a number from 1 to 200")
		}
		d.rate = n
	}
	for name, to := range map[string]*bool{settingManagers: &d.managers, settingVerified: &d.emailVerified} {
		switch c.Settings[name] {
		case "":
		case "true", "false":
			*to = c.Settings[name] == "true"
		default:
			return wrong(name, "true or false")
		}
	}
	switch d.mode {
	case "", modeStream:
		return d, nil
	case modeCallback:
		var err error
		d.secrets, err = readCallbackSecrets(c)
		return d, err
	}
	return wrong(settingMode, "stream or callback")
}

// callbackSecrets prove that a callback comes from DingTalk.
type callbackSecrets struct {
	token  string // goes into the signature
	aesKey string // 43 characters, the key of the encryption in base64
}

var (
	tokenForm  = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)
	aesKeyForm = regexp.MustCompile(`^[A-Za-z0-9]{43}$`)
)

func readCallbackSecrets(c gatehouse.Connector) (callbackSecrets, error) {
	token, key := c.Secrets[secretToken], c.Secrets[secretKey]
	switch {
	case !tokenForm.MatchString(token):
		return callbackSecrets{}, gatehouse.Errorf(gatehouse.Invalid, "The DingTalk connector %s takes callbacks, so it needs callback_token: the token of the event subscription in DingTalk's developer console, 3 to 32 letters and digits.", c.Name)
	case !aesKeyForm.MatchString(key):
		return callbackSecrets{}, gatehouse.Errorf(gatehouse.Invalid, "The DingTalk connector %s takes callbacks, so it needs callback_aes_key: the aes_key of the event subscription in DingTalk's developer console, 43 letters and digits.", c.Name)
	}
	return callbackSecrets{token, key}, nil
}

// hostOf is an address without a slash at its end, or "".
func hostOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/")
}

func openConnector(cn gatehouse.Connector, env integration.Env) (integration.Connected, error) {
	d, err := readDirectory(cn)
	if err != nil {
		return integration.Connected{}, err
	}
	s := newSource(d, env)
	c := integration.Connected{Source: s, Confirmer: s, Resources: s, Glancer: s}
	switch d.mode {
	case modeStream:
		c.Feed = &stream{source: s, pulse: streamPulse}
	case modeCallback:
		e, err := newEnvelope(d.secrets)
		if err != nil {
			return integration.Connected{}, gatehouse.Errorf(gatehouse.Invalid, "The setting %s of the DingTalk connector %s is not right: expected %s.", secretKey, cn.Name, "a key in base64").Because(err)
		}
		c.Receiver = &receiver{settings: d, envelope: e, clock: env.Clock}
	}
	return c, nil
}

func connectorHosts(c gatehouse.Connector) []string {
	d, err := readDirectory(c)
	if err != nil {
		return nil
	}
	return []string{d.api, d.oapi}
}
