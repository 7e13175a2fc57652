package api

import (
	"context"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
)

// role is a Role for programs.
type role struct {
	Level  int    `json:"level"`
	Name   string `json:"name"`
	Custom string `json:"custom_role_id,omitempty" doc:"Of a custom role"`
}

func showRole(kind string, r gatehouse.Role) role {
	return role{Level: r.Level, Name: reach.RoleName(kind, r), Custom: r.Custom}
}

// path is one reason why an account reaches a resource.
type path struct {
	Kind     string    `json:"kind" enum:"direct,inherited,shared,inherited_shared,owned"`
	Role     role      `json:"role" doc:"What it gives in the end"`
	Until    time.Time `json:"until,omitzero" required:"false" doc:"When the first of its steps ends; absent: never"`
	Sentence string    `json:"sentence" doc:"The steps in words, in the language of Accept-Language"`
	Steps    []step    `json:"steps" nullable:"false" doc:"From the account to the resource"`
}

// step is one step of a path.
type step struct {
	Kind      string    `json:"kind" enum:"member,owner,invited,inherits"`
	Resource  place     `json:"resource"`
	Role      role      `json:"role" doc:"What is held after this step"`
	Cap       *role     `json:"cap,omitempty" doc:"Of an invitation: the most that it gives"`
	ExpiresAt time.Time `json:"expires_at,omitzero" required:"false"`
}

// place is as much of a resource as a step needs.
type place struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Path string `json:"path"`
}

func showPaths(ctx context.Context, kind string, paths []reach.Path) []path {
	return shown(paths, func(p reach.Path) path {
		return path{
			Kind: string(p.Kind), Role: showRole(kind, p.Role), Until: p.Until, Sentence: sentence(ctx, kind, p),
			Steps: shown(p.Steps, func(s reach.Step) step { return showStep(kind, s) }),
		}
	})
}

func showStep(kind string, s reach.Step) step {
	v := step{
		Kind: string(s.Kind), Role: showRole(kind, s.Role), ExpiresAt: s.ExpiresAt,
		Resource: place{ID: publicID(s.Resource.ID), Kind: string(s.Resource.Kind), Path: s.Resource.Path},
	}
	if s.Kind == reach.Invited {
		limit := showRole(kind, s.Cap)
		v.Cap = &limit
	}
	return v
}

// sentence says all steps of a path, one after the other.
func sentence(ctx context.Context, kind string, p reach.Path) string {
	said := ""
	for i, s := range p.Steps {
		before := ""
		if i > 0 {
			before = p.Steps[i-1].Resource.Path
		}
		words := inWords(ctx, kind, before, s)
		if said == "" {
			said = words
			continue
		}
		said = i18n.Text(ctx, "%s; %s", said, words)
	}
	return said
}

// inWords says one step; before is where the step before led to.
func inWords(ctx context.Context, kind, before string, s reach.Step) string {
	at := s.Resource.Path
	switch s.Kind {
	case reach.Member:
		return i18n.Text(ctx, "direct member of %s as %s", at, reach.RoleName(kind, s.Role))
	case reach.Owner:
		return i18n.Text(ctx, "owner of the personal project %s", at)
	case reach.Invited:
		return i18n.Text(ctx, "the group %s is invited to %s with at most %s", before, at, reach.RoleName(kind, s.Cap))
	case reach.Inherits:
		return i18n.Text(ctx, "%s lies in %s", at, before)
	}
	return string(s.Kind)
}
