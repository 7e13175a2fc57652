// Asks the client that this page is open in (DingTalk) for a sign-in code, once,
// and sends the code with the form that waits for it. When that does not work,
// the page says so and the usual way stays open.
"use strict";
(function () {
  var form = document.querySelector("form[data-embedded]");
  if (!form) {
    return;
  }
  var done = false;

  function fail() {
    if (done) {
      return;
    }
    done = true;
    document.querySelectorAll("[data-embedded-while]").forEach(function (e) { e.hidden = true; });
    document.querySelectorAll("[data-embedded-failed]").forEach(function (e) { e.hidden = false; });
  }

  function send(code) {
    if (done) {
      return;
    }
    if (typeof code !== "string" || code === "") {
      fail();
      return;
    }
    done = true;
    form.elements.code.value = code;
    form.submit();
  }

  var ways = {
    dingtalk: function (clientID, company) {
      var dd = window.dd;
      if (!dd) {
        fail();
        return;
      }
      var ask = { corpId: company, clientId: clientID };
      ask.onSuccess = ask.success = function (result) { send(result && (result.code || result.authCode)); };
      ask.onFail = ask.fail = fail;
      var run = function () {
        if (dd.runtime && dd.runtime.permission && dd.runtime.permission.requestAuthCode) {
          dd.runtime.permission.requestAuthCode(ask);
        } else if (dd.requestAuthCode) {
          dd.requestAuthCode(ask);
        } else {
          fail();
        }
      };
      if (dd.error) {
        dd.error(fail);
      }
      if (dd.ready) {
        dd.ready(run);
      } else {
        run();
      }
    }
  };

  window.setTimeout(fail, 15000);
  try {
    var way = ways[form.dataset.embedded];
    if (way) {
      way(form.dataset.client, form.dataset.company);
    } else {
      fail();
    }
  } catch (e) {
    fail();
  }
})();
