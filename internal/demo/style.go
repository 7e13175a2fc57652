package demo

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// styleHash is the SHA-256 of the page's style element, for the
// Content-Security-Policy (CSP Level 3, section 2.3.1).
func styleHash() string {
	_, rest, _ := strings.Cut(pageText, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}
