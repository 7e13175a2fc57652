package dingtalk

import (
	"encoding/json"
	"net/http"
	"regexp"
)

// A page inside the DingTalk client loads a script from DingTalk and asks it for
// a code. The twin's script stands in for both: it asks the twin, which takes the
// person who signed in with this browser last for the one who is signed in to
// the client. Whether the page is in a client at all (User-Agent) is for the
// page to tell. The library answers under the two names that DingTalk's has.
const jsapiLibrary = `"use strict";
(function () {
  var source = document.currentScript.src, waiting = {}, next = 0;
  window.__twinDingTalk = function (id, result) {
    var ask = waiting[id];
    delete waiting[id];
    if (ask) {
      var call = result.code ? ask.onSuccess || ask.success : ask.onFail || ask.fail;
      if (call) { call(result); }
    }
  };
  function requestAuthCode(ask) {
    var id = String(next++), script = document.createElement("script");
    waiting[id] = ask;
    script.src = source + "?id=" + id + "&corpId=" + encodeURIComponent(ask.corpId || "") + "&clientId=" + encodeURIComponent(ask.clientId || "");
    script.onerror = function () { window.__twinDingTalk(id, { errorCode: -1, errorMessage: "unreachable" }); };
    document.head.appendChild(script);
  }
  window.dd = {
    env: { platform: /DingTalk\//.test(navigator.userAgent) ? "pc" : "notInDingTalk" },
    ready: function (fn) { fn(); },
    error: function () {},
    requestAuthCode: requestAuthCode,
    runtime: { permission: { requestAuthCode: requestAuthCode } }
  };
})();
`

// jsapiCall is the number of a call of the library.
var jsapiCall = regexp.MustCompile(`^[0-9]{1,6}$`)

// jsapi is GET /dingtalk-jsapi/dingtalk.open.js: the library, or the answer to a
// call of it.
func (t *Twin) jsapi(c *call) answer {
	a := answer{status: http.StatusOK, body: []byte(jsapiLibrary), header: http.Header{
		"Content-Type": {"text/javascript; charset=utf-8"}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"},
	}}
	id := c.query.Get("id")
	if id == "" {
		return a
	}
	if !jsapiCall.MatchString(id) {
		return answer{status: http.StatusNotFound, body: []byte("There is no such call.\n")}
	}
	result, err := json.Marshal(t.jsapiCode(c))
	if err != nil {
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	a.body = []byte("window.__twinDingTalk(\"" + id + "\", " + string(result) + ");\n")
	return a
}

type jsapiResult struct {
	Code         string `json:"code,omitempty"`
	ErrorCode    int    `json:"errorCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
}

func (t *Twin) jsapiCode(c *call) jsapiResult {
	app := t.state.World.app(c.query.Get("clientId"))
	if app == nil || app.CorpID != c.query.Get("corpId") {
		return jsapiResult{ErrorCode: 3, ErrorMessage: "corpId or clientId is not this app's"}
	}
	person := t.last(c)
	if person == nil {
		return jsapiResult{ErrorCode: 2, ErrorMessage: "nobody is signed in to the client"}
	}
	m := t.state.World.company(app.CorpID).byUnion(person.UnionID)
	if m == nil || m.External || m.Inactive {
		return jsapiResult{ErrorCode: 4, ErrorMessage: "this person is not in the company"}
	}
	return jsapiResult{Code: t.issueCode(code{Flow: flowInApp, App: app.Key, UnionID: m.UnionID, CorpID: app.CorpID}, c.now)}
}
