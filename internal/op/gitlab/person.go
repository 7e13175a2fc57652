package gitlab

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"

	"gatehouse"
)

// Email is an address of a person, as GET /user/emails has it.
type Email struct {
	ID          int64  `json:"id"`
	Email       string `json:"email"`
	ConfirmedAt Time   `json:"confirmed_at"`
}

// EmailsOf are the verified addresses of a person, the primary one first.
func EmailsOf(u gatehouse.User, more []gatehouse.Email) []Email {
	all := []Email{}
	if u.Email != "" && u.EmailVerified {
		all = append(all, Email{ID: number(u.ID + "\x00" + u.Email), Email: u.Email, ConfirmedAt: Time(u.CreatedAt)})
	}
	for _, e := range more {
		if e.Verified {
			all = append(all, Email{ID: number(u.ID + "\x00" + e.Address), Email: e.Address, ConfirmedAt: Time(e.CreatedAt)})
		}
	}
	return all
}

// number makes the number that GitLab's rows have of what is known by a text
// here: always the same one, of 52 bits, which JavaScript keeps whole.
func number(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 12)
}

// PersonalToken is GitLab's PersonalAccessToken entity.
type PersonalToken struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Revoked     bool     `json:"revoked"`
	CreatedAt   Time     `json:"created_at"`
	Description string   `json:"description"`
	Scopes      []string `json:"scopes"`
	UserID      int64    `json:"user_id"`
	LastUsedAt  Time     `json:"last_used_at"`
	Active      bool     `json:"active"`
	ExpiresAt   Date     `json:"expires_at"`
	LastUsedIPs []string `json:"last_used_ips"`
}

// PersonalTokenOf shapes a live personal token.
func PersonalTokenOf(t gatehouse.PersonalToken, u gatehouse.User) PersonalToken {
	shaped := PersonalToken{
		ID: number(t.ID), Name: t.Name, CreatedAt: Time(t.CreatedAt), Scopes: t.Scopes, UserID: u.Number,
		LastUsedAt: Time(t.LastUsedAt), Active: true, ExpiresAt: Date(t.ExpiresAt), LastUsedIPs: []string{},
	}
	if t.LastUsedAddress != "" {
		shaped.LastUsedIPs = append(shaped.LastUsedIPs, t.LastUsedAddress)
	}
	return shaped
}

// NoMember is for somebody who is no member, or of whom nothing is said.
func NoMember() *Failure {
	return &Failure{Status: http.StatusNotFound, Body: Message{"404 Not found"}}
}
