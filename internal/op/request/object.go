package request

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// FromObject reads the payload of a request object, whose signature was checked,
// as the parameters that it stands for (RFC 9101 section 4). It must be of the
// client, for us, and in time.
func FromObject(payload []byte, clientID, issuer string, now time.Time) (url.Values, error) {
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, errors.New("the request object cannot be read")
	}
	if err := checkObject(claims, clientID, issuer, now); err != nil {
		return nil, err
	}
	v := url.Values{}
	for name, raw := range claims {
		switch name {
		case "iss", "aud", "exp", "nbf", "iat", "jti", "sub", "typ":
			continue
		case "request", "request_uri":
			return nil, errors.New("a request object in a request object")
		}
		for _, text := range texts(raw) {
			v.Add(name, text)
		}
	}
	v.Set("client_id", clientID)
	return v, nil
}

func checkObject(claims map[string]json.RawMessage, clientID, issuer string, now time.Time) error {
	at := func(name string) (time.Time, bool) {
		var n float64
		if claims[name] == nil {
			return time.Time{}, true
		}
		err := json.Unmarshal(claims[name], &n)
		return time.Unix(int64(max(1, min(n, 1<<40))), 0), err == nil
	}
	const leeway = 30 * time.Second
	iss, ok1 := readText(claims["iss"])
	id, ok2 := readText(claims["client_id"])
	exp, ok3 := at("exp")
	nbf, ok4 := at("nbf")
	switch {
	case !ok1 || !ok2 || !ok3 || !ok4:
		return errors.New("the request object has a claim of the wrong type")
	case claims["iss"] != nil && iss != clientID:
		return errors.New("the iss of the request object is not the client")
	case claims["client_id"] == nil && claims["iss"] == nil:
		return errors.New("the request object does not say whose it is: client_id is missing")
	case claims["client_id"] != nil && id != clientID:
		return errors.New("the client_id of the request object is another")
	case !exp.IsZero() && !now.Before(exp.Add(leeway)):
		return errors.New("the request object has expired")
	case nbf.Sub(now) > leeway:
		return errors.New("the request object is not good yet")
	}
	if aud := claims["aud"]; aud != nil {
		for _, a := range texts(aud) {
			if a == issuer || a == issuer+"/oauth/authorize" {
				return nil
			}
		}
		return errors.New("the aud of the request object is another")
	}
	return nil
}

func readText(raw json.RawMessage) (string, bool) {
	var s string
	ok := raw == nil || json.Unmarshal(raw, &s) == nil
	return s, ok
}

// texts is a value of JSON as parameters: a text or a number as it is, a list as
// several, a map as JSON.
func texts(raw json.RawMessage) []string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	switch v := value.(type) {
	case string:
		return []string{v}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	case bool:
		return []string{strconv.FormatBool(v)}
	case []any:
		var all []string
		for _, one := range v {
			if s, ok := one.(string); ok {
				all = append(all, s)
			}
		}
		return all
	case map[string]any:
		return []string{string(raw)}
	}
	return nil
}
