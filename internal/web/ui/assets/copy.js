// Shows the buttons that copy the value beside them, and copies it. Without
// this, a press on the value marks it as a whole.
"use strict";
(function () {
  function select(element) {
    var range = document.createRange();
    range.selectNodeContents(element);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  document.querySelectorAll("button[data-copied]").forEach(function (button) {
    var value = button.parentElement.querySelector(".copy");
    if (!value) {
      return;
    }
    var usual = button.textContent;
    var done = function () {
      button.textContent = button.dataset.copied;
      window.setTimeout(function () { button.textContent = usual; }, 2000);
    };
    button.hidden = false;
    button.addEventListener("click", function () {
      if (navigator.clipboard && window.isSecureContext) {
        navigator.clipboard.writeText(value.textContent).then(done, function () { select(value); });
        return;
      }
      select(value);
      if (document.execCommand("copy")) {
        done();
      }
    });
  });

  // A name that stands in an address: the address follows what is typed.
  document.querySelectorAll("[data-name-from]").forEach(function (value) {
    var input = document.getElementById(value.dataset.nameFrom);
    if (!input) {
      return;
    }
    var before = value.dataset.before, after = value.dataset.after;
    input.addEventListener("input", function () {
      value.textContent = before + encodeURIComponent(input.value.trim()) + after;
    });
  });
})();
