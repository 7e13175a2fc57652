// Keeps a page that something is under way on up to date: asks for it again now
// and then and puts the new content in place of the old, so that nobody who
// reads it is interrupted. Without scripts the browser reloads the page instead.
"use strict";
(function () {
  var root = document.documentElement;

  function seconds(of) {
    var n = parseInt(of.dataset.refresh || "", 10);
    return n > 0 ? n : 0;
  }

  function put(text) {
    var next = new DOMParser().parseFromString(text, "text/html");
    var now = document.querySelector("main"), then = next.querySelector("main");
    if (!now || !then) { // it has become another page, the browser itself shall go there
      location.reload();
      return;
    }
    if (now.innerHTML !== then.innerHTML) {
      now.replaceWith(document.adoptNode(then));
      document.title = next.title;
    }
    root.dataset.refresh = next.documentElement.dataset.refresh || "";
    later();
  }

  function ask() {
    if (document.hidden || document.querySelector("main :focus")) { // nobody looks, or somebody works with it
      later();
      return;
    }
    fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html", "X-Refresh": "yes" } }).then(function (r) {
      if (r.redirected || !r.ok) {
        location.replace(r.redirected ? r.url : location.href);
        return null;
      }
      return r.text().then(put);
    }).catch(later);
  }

  function later() {
    var n = seconds(root);
    if (n) {
      setTimeout(ask, n * 1000);
    }
  }

  later();
})();
