package store

import (
	"errors"
	"time"

	"gatehouse"
)

const newsColumns = `connector_id, last_at, last_event, last_source, received, refused, refused_at, refused_why, mark, glanced_at,
	glance_error, feed, feed_at, feed_error`

// news is a statement that changes the news of a connector, whether or not there
// is a row. The values that a new row has besides come last.
func (tx *Tx) news(set string, connectorID string, args ...any) error {
	if _, err := tx.exec(`insert into news (`+newsColumns+`, feed_holder, feed_until)
		values ($1, 0, '', '', 0, 0, 0, '{}', '', 0, '{}', '', 0, '{}', '', 0) on conflict (connector_id) do nothing`, connectorID); err != nil {
		return err
	}
	return must(tx.exec(`update news set `+set+` where connector_id = $1`, append([]any{connectorID}, args...)...))
}

// News is how a connector hears of changes, and how that goes. One that never
// heard anything has empty News.
func (tx *Tx) News(connectorID string) (gatehouse.News, error) {
	n, err := one(tx, func(r row) (n gatehouse.News, err error) {
		err = r.Scan(&n.ConnectorID, at(&n.LastAt), &n.LastEvent, &n.LastSource, &n.Received, &n.Refused, at(&n.RefusedAt),
			fromJSON(&n.RefusedWhy), &n.Mark, at(&n.GlancedAt), fromJSON(&n.GlanceError), &n.Feed, at(&n.FeedAt), fromJSON(&n.FeedError))
		return n, err
	}, `select `+newsColumns+` from news where connector_id = $1`, connectorID)
	if errors.Is(err, gatehouse.NotFound) {
		n, err = gatehouse.News{ConnectorID: connectorID}, nil
	}
	if err != nil {
		return n, err
	}
	n.Waiting, err = tx.CountNotices(connectorID)
	return n, err
}

// CountReceived adds notices that came to a connector.
func (tx *Tx) CountReceived(connectorID string, source gatehouse.NoticeSource, event string, notices int) error {
	return tx.news(`received = received + $2, last_at = $3, last_event = $4, last_source = $5`,
		connectorID, notices, tx.now, cut(clean(event), longestWord), source)
}

// CountRefused adds deliveries that were refused, and says when it was done last
// before.
func (tx *Tx) CountRefused(connectorID string, deliveries int64, why gatehouse.Note) (before time.Time, err error) {
	n, err := tx.News(connectorID)
	if err != nil {
		return time.Time{}, err
	}
	return n.RefusedAt, tx.news(`refused = refused + $2, refused_at = $3, refused_why = $4`, connectorID, deliveries, tx.now, asJSON(why))
}

// SetGlance keeps how far a connector's app was looked at between pulls, or why
// that failed; then the mark stays.
func (tx *Tx) SetGlance(connectorID, mark string, failed gatehouse.Note) error {
	return tx.news(`mark = case when $4 then mark else $2 end, glanced_at = $3, glance_error = $5`,
		connectorID, mark, tx.now, failed.Text != "", asJSON(failed))
}

// HoldFeed takes or extends the right to listen to a connector's app, which one
// holder has at a time. false: somebody else has it.
func (tx *Tx) HoldFeed(connectorID, holder string, until time.Time) (bool, error) {
	if err := tx.news(`feed_until = feed_until`, connectorID); err != nil {
		return false, err
	}
	n, err := tx.exec(`update news set feed_holder = $2, feed_until = $3
		where connector_id = $1 and (feed_holder = $2 or feed_until <= $4)`, connectorID, holder, until, tx.now)
	return n > 0, err
}

// SetFeed says how it stands with a holder's listening; end: its right ends.
// NotFound when the holder has the right no more.
func (tx *Tx) SetFeed(connectorID, holder string, s gatehouse.FeedState, why gatehouse.Note, end bool) error {
	return must(tx.exec(`update news set feed_at = case when feed = $3 then feed_at else $4 end, feed = $3, feed_error = $5,
		feed_until = case when $6 then 0 else feed_until end where connector_id = $1 and feed_holder = $2`,
		connectorID, holder, s, tx.now, asJSON(why), end))
}
