package dingtalk

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
)

// event is what DingTalk says of a change. The names of its fields come in two
// spellings, and the ids as texts or as numbers (open.dingtalk.com, "events of
// the directory"); Go's decoder does not mind the case.
type event struct {
	Kind    string     `json:"eventType"`
	ID      string     `json:"eventId"`
	Company string     `json:"corpId"`
	People  []flexible `json:"userId"`
	Rooms   []flexible `json:"deptId"`
}

// flexible is an id that may be a text or a number.
type flexible string

// UnmarshalJSON reads either.
func (f *flexible) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err == nil {
		*f = flexible(text)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*f = flexible(n)
	return nil
}

// mostSubjects is how many things an event may name before everything is read.
const mostSubjects = 500

// notices are what an event is about. An event of another company, and one of a
// kind that changes nothing here, is about nothing. raw tells events apart that
// have no id.
func (e event) notices(company string, raw []byte) []gatehouse.Notice {
	if company != "" && e.Company != "" && e.Company != company {
		return nil
	}
	id := e.ID
	if id == "" {
		sum := sha256.Sum256(raw)
		id = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	var all []gatehouse.Notice
	add := func(kind gatehouse.NoticeKind, subject string) {
		n := gatehouse.Notice{ID: id + "/" + subject, Kind: kind, Subject: subject, Event: e.Kind}
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	if len(e.People)+len(e.Rooms) > mostSubjects {
		return []gatehouse.Notice{{ID: id, Kind: gatehouse.NoticeAll, Event: e.Kind}}
	}
	switch e.Kind {
	case "user_add_org", "user_modify_org", "user_leave_org", "user_active_org", "org_admin_add", "org_admin_remove":
		for _, p := range e.People {
			if p != "" && len(p) <= 256 {
				add(gatehouse.NoticeAccount, string(p))
			}
		}
	case "org_dept_create", "org_dept_modify", "org_dept_remove":
		for _, r := range e.Rooms {
			if n, err := strconv.ParseInt(string(r), 10, 64); err == nil && n > 0 {
				add(gatehouse.NoticeResource, string(departmentID(n)))
			}
		}
	case "org_change", "org_remove":
		return []gatehouse.Notice{{ID: id, Kind: gatehouse.NoticeAll, Event: e.Kind}}
	}
	return all
}

// readEvent reads an event's body.
func readEvent(body []byte) (event, error) {
	var e event
	err := json.Unmarshal(body, &e)
	e.Kind = strings.TrimSpace(e.Kind)
	return e, err
}
