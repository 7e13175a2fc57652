package dingtalk

import (
	"encoding/json"
	"strconv"
	"time"
)

// event is something that happened in a company, as its apps hear of it.
type event struct {
	ID, Kind, CorpID string
	At               time.Time
	Users            []string
	Departments      []int64
}

// emit tells every app of the company.
func (t *Twin) emit(corpID, kind string, users []string, departments []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := event{ID: newUUID(), Kind: kind, CorpID: corpID, At: t.clock(), Users: users, Departments: departments}
	for i := range t.state.World.Apps {
		app := &t.state.World.Apps[i]
		if app.CorpID != corpID {
			continue
		}
		if app.Callback.URL != "" {
			t.callBack(*app, e)
		}
		if t.streamed[app.Key] {
			t.outbox[app.Key] = append(t.outbox[app.Key], &push{event: e, message: secret()})
		}
	}
	t.tell()
}

// tell wakes whoever waits for something to happen. It runs under the lock.
func (t *Twin) tell() {
	close(t.news)
	t.news = make(chan struct{})
}

// streamData is the data of an event's frame: JSON as a text.
func (e event) streamData() string {
	data, err := json.Marshal(struct {
		Timestamp   string   `json:"timeStamp"`
		ID          string   `json:"eventId"`
		Users       []string `json:"userId,omitempty"`
		Departments []int64  `json:"deptId,omitempty"`
	}{strconv.FormatInt(e.At.UnixMilli(), 10), e.ID, e.Users, e.Departments})
	if err != nil {
		panic(err) // it holds nothing that JSON cannot
	}
	return string(data)
}

// callbackBody is what a callback's message holds.
func (e event) callbackBody() []byte {
	data, err := json.Marshal(struct {
		Kind        string   `json:"EventType"`
		At          int64    `json:"EventTime"`
		CorpID      string   `json:"CorpId"`
		ID          string   `json:"eventId"`
		Timestamp   string   `json:"timeStamp"`
		Users       []string `json:"userId,omitempty"`
		Departments []int64  `json:"deptId,omitempty"`
	}{e.Kind, e.At.UnixMilli(), e.CorpID, e.ID, strconv.FormatInt(e.At.UnixMilli(), 10), e.Users, e.Departments})
	if err != nil {
		panic(err) // as above
	}
	return data
}
