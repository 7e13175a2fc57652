package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
)

func (a *API) mountNews(h huma.API) {
	serve(a, h, route{path: "/connectors/{connector}/news", id: "getNews", tag: "connectors", summary: "How a connector hears of changes between its pulls", may: readers()}, a.getNews)
	serve(a, h, route{
		method: http.MethodPost, path: "/connectors/{connector}/hook_secret", id: "newHookSecret", tag: "connectors", may: keepers(),
		summary: "Give a connector a new secret for hooks; it is told this once, and the one before is good no more",
	}, a.newHookSecret)
}

// news are News for programs.
type news struct {
	Address     string    `json:"address" doc:"Where the app pushes to"`
	Receives    bool      `json:"receives" doc:"There is a secret for hooks"`
	LastAt      time.Time `json:"last_at,omitzero" required:"false"`
	LastEvent   string    `json:"last_event" doc:"In the app's own words"`
	Received    int64     `json:"received"`
	Waiting     int64     `json:"waiting" doc:"What was not looked up yet"`
	Refused     int64     `json:"refused" doc:"Deliveries with a wrong secret, or that could not be read"`
	RefusedAt   time.Time `json:"refused_at,omitzero" required:"false"`
	RefusedWhy  string    `json:"refused_why"`
	Feed        string    `json:"feed" enum:",listening,broken" doc:"How it stands with listening to the app; empty: it is not listened to"`
	FeedError   string    `json:"feed_error"`
	GlancedAt   time.Time `json:"glanced_at,omitzero" required:"false" doc:"When there was a quick look last"`
	GlanceError string    `json:"glance_error"`
}

func (a *API) showNews(c gatehouse.Connector, n gatehouse.News) news {
	return news{
		Address: a.URL + "/hooks/" + c.Key, Receives: c.HookSecret != "", LastAt: n.LastAt, LastEvent: n.LastEvent, Received: n.Received,
		Waiting: n.Waiting, Refused: n.Refused, RefusedAt: n.RefusedAt, RefusedWhy: n.RefusedWhy.Sentence(), Feed: string(n.Feed),
		FeedError: n.FeedError.Sentence(), GlancedAt: n.GlancedAt, GlanceError: n.GlanceError.Sentence(),
	}
}

func (a *API) getNews(ctx context.Context, _ caller, in *OfConnector) (news, error) {
	return view(ctx, a, "news", func(tx *store.Tx) (news, error) {
		c, err := in.find(tx)
		if err != nil {
			return news{}, err
		}
		n, err := tx.News(c.ID)
		return a.showNews(c, n), err
	})
}

// toldSecret is told once.
type toldSecret struct {
	Address string `json:"address"`
	Secret  string `json:"secret"`
}

func (a *API) newHookSecret(ctx context.Context, by caller, in *OfConnector) (toldSecret, error) {
	return update(ctx, a, "make a secret for hooks", func(tx *store.Tx) (toldSecret, error) {
		c, err := in.find(tx)
		if err != nil {
			return toldSecret{}, err
		}
		secret, err := a.Access.NewHookSecret(tx, by.actor, c.ID)
		return toldSecret{Address: a.URL + "/hooks/" + c.Key, Secret: secret}, err
	})
}
