package api

import (
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
	Sentence string    `json:"sentence" doc:"The steps in words, in English"`
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

func showPaths(kind string, paths []reach.Path) []path {
	return shown(paths, func(p reach.Path) path {
		return path{
			Kind: string(p.Kind), Role: showRole(kind, p.Role), Until: p.Until, Sentence: reach.Sentence(i18n.English, kind, p),
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
