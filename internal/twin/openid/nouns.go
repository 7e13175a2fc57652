package openid

import "gatehouse/internal/twin/openid/world"

// World is all that the twin knows before anyone calls it.
type World = world.World

// Person is somebody with an account at the company.
type Person = world.Person

// Client is an application that signs people in here.
type Client = world.Client

// How a client may prove itself at the token endpoint.
const (
	AuthBasic      = world.AuthBasic
	AuthPost       = world.AuthPost
	AuthPrivateKey = world.AuthPrivateKey
	AuthNone       = world.AuthNone // a public client: PKCE is required
)

// What an application for trying out may be called.
const (
	DemoClientID     = world.DemoClientID
	DemoClientSecret = world.DemoClientSecret
)

// DemoClient is a client for AddClient that takes its secret by
// client_secret_basic or client_secret_post.
func DemoClient(redirectURIs ...string) Client { return world.DemoClient(redirectURIs...) }

// DemoSub is the subject of a person in the DemoWorld by user name: zhao.yun,
// qin.shu, nora …; priya and ghost, who have none, by these.
func DemoSub(username string) string { return world.DemoSub(username) }

// DemoNumber is the id of a person of the DemoWorld at the plain provider, by
// the place in the list. Each is odd and beyond 2^53.
func DemoNumber(place int) int64 { return world.DemoNumber(place) }

// DemoWorld returns the people of a company, the same each time; see
// world.DemoWorld for who is who.
func DemoWorld() *World { return world.DemoWorld() }
