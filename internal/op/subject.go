package op

import (
	"gatehouse"
	"gatehouse/internal/op/request"
)

// subject is what a client knows a user by (sub).
func (p *Provider) subject(_ gatehouse.Client, u gatehouse.User) string {
	return request.Subject(u)
}
