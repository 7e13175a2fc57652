// Package migrations holds the steps by which the database's schema came to be
// what it is. A step that was released is never changed; a new one is a new
// file with the next number.
package migrations

import "embed"

// Files are the steps, in goose's format.
//
//go:embed *.sql
var Files embed.FS
