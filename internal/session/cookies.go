package session

import (
	"net/http"

	"gatehouse"
)

func (m *Manager) Browser(w http.ResponseWriter, r *http.Request) []byte { panic("todo") }
func (m *Manager) BrowserOf(r *http.Request) ([]byte, bool)              { panic("todo") }
func (m *Manager) SetCookie(w http.ResponseWriter, token string)         { panic("todo") }
func (m *Manager) Current(r *http.Request) (gatehouse.Session, gatehouse.User, error) {
	panic("todo")
}
func (m *Manager) End(w http.ResponseWriter, r *http.Request) (gatehouse.Session, error) {
	panic("todo")
}
func (m *Manager) Require(r *http.Request, roles ...gatehouse.AdminRole) (gatehouse.User, error) {
	panic("todo")
}
func (m *Manager) RequireAdmin(r *http.Request) (gatehouse.User, error) { panic("todo") }
