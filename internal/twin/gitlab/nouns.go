package gitlab

import (
	"gatehouse/internal/twin/gitlab/hooks"
	"gatehouse/internal/twin/gitlab/world"
)

// The nouns of the world, so that callers need this package only.
type (
	// World is what a twin knows: people, groups, projects and memberships.
	World = world.World
	// Data is the inside of a World, as Read and Write hand it out.
	Data = world.Data
	// User is an account.
	User = world.User
	// Identity ties a user to an account at a sign-in provider.
	Identity = world.Identity
	// Email is a secondary address of a user.
	Email = world.Email
	// Group is a group or subgroup.
	Group = world.Group
	// Project is a project of a group or person.
	Project = world.Project
	// Member is a direct membership, an invitation or a request for access.
	Member = world.Member
	// Share invites a group to a group or project.
	Share = world.Share
	// GroupLink makes the people of a directory's group members.
	GroupLink = world.GroupLink
	// Role is a custom role.
	Role = world.Role
	// Source is a group or project that has members.
	Source = world.Source
	// Application is an OAuth application.
	Application = world.Application
	// Token is a personal access token or an OAuth access token.
	Token = world.Token
	// Hook is an address that is told of changes.
	Hook = hooks.Hook
)

// NewWorld returns an empty world.
func NewWorld() *World { return world.New() }

// DemoWorld returns a small company with something of everything; see
// [world.Demo]. Ids are the same each time.
func DemoWorld() *World { return world.Demo() }

// GeneratedWorld returns a large company; see [world.Generated].
func GeneratedWorld(users, groups, projects int, seed int64) *World {
	return world.Generated(users, groups, projects, seed)
}

// InGroup is the source of a group's members.
func InGroup(id int64) Source { return world.InGroup(id) }

// InProject is the source of a project's members.
func InProject(id int64) Source { return world.InProject(id) }
