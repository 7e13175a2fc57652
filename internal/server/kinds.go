package server

import (
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/dingtalk"
	"gatehouse/internal/integration/gitlab"
)

// Kinds is the list of kinds of apps that this build can speak to. There is no
// other.
func Kinds() []integration.Kind {
	return []integration.Kind{
		dingtalk.Kind(),
		gitlab.Kind(),
	}
}
