package gitlab

import "gatehouse/internal/twin/gitlab/world"

// The nouns of the twin's world.
type (
	World       = world.World
	Data        = world.Data
	User        = world.User
	Identity    = world.Identity
	Email       = world.Email
	Group       = world.Group
	Project     = world.Project
	Member      = world.Member
	Share       = world.Share
	Role        = world.Role
	Source      = world.Source
	Application = world.Application
	Token       = world.Token
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
