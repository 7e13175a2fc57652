package server

import (
	"slices"

	"gatehouse/internal/integration"
	"gatehouse/internal/integration/c1z"
	"gatehouse/internal/integration/dingtalk"
	"gatehouse/internal/integration/feishu"
	"gatehouse/internal/integration/gitlab"
	"gatehouse/internal/integration/oauth2"
	"gatehouse/internal/integration/openid"
	"gatehouse/internal/integration/wecom"
)

// Kinds is the list of kinds of apps that this build can speak to. There is no
// other.
func Kinds() []integration.Kind {
	return slices.Concat(
		[]integration.Kind{dingtalk.Kind(), gitlab.Kind()},
		feishu.Kinds(),
		[]integration.Kind{wecom.Kind(), oauth2.GitHub()},
		openid.Google(),
		openid.Kinds(),
		oauth2.Kinds(),
		[]integration.Kind{c1z.Kind()},
	)
}
