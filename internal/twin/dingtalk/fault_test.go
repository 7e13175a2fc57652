package dingtalk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const userGet = "/topapi/v2/user/get"

func TestFaults_Answers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault Fault
		says  string
	}{
		"Throttled":   {Throttled(userGet), `"sub_code":"90018"`},
		"Crowded":     {Crowded(userGet, time.Unix(0, 0).UTC(), time.Unix(1, 0).UTC()), "apiPath(dingtalk.oapi.v2.user.get), 从 1970-01-01 00:00:00 到 1970-01-01 00:00:01 请求总次数超过 1200 次, 限制将在 1970-01-01 00:00:02 结束.]"},
		"Busy":        {Busy(userGet), `"errcode":-1`},
		"BlockedPage": {BlockedPage(), "<html>"},
		"BlockedWait": {BlockedWait(), `"punish":"deny"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			token := b.appToken()
			b.SetFaults(Faults{List: []Fault{c.fault}})
			r := b.post(userGet+"?access_token="+token, map[string]string{"userid": "lina"})
			if r.status != http.StatusOK || !strings.Contains(r.text, c.says) {
				t.Errorf("%d %s", r.status, r.text)
			}
		})
	}
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{QPSLimited("/v1.0/")}})
	r := b.get("/v1.0/contact/users/me")
	b.same([]any{r.status, r.json["code"]}, []any{403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"})
}

func TestFaults_CountsAndMatches(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{
		{Method: http.MethodGet, Prefix: "/gettoken", After: 1, Times: 2, Status: 502, Body: "bad", Header: http.Header{"Retry-After": {"1"}}},
		{Prefix: "/gettoken", After: 3, Times: 1, Status: 503},
	}})
	var got []int
	for range 6 {
		r := b.get("/gettoken")
		got = append(got, r.status)
		if r.status == 502 && (r.text != "bad" || r.header.Get("Retry-After") != "1") {
			t.Errorf("%s %v", r.text, r.header)
		}
	}
	// The second fault sees only what the first did not take.
	b.same(got, []int{200, 502, 502, 200, 200, 503})
	b.same(b.get("/sns/gettoken").status, 200)
	b.SetFaults(Faults{})
	b.same(b.get("/gettoken").status, 200)
}

func TestFaults_Truncate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{{Truncate: true}}})
	resp, err := b.client.Do(b.request(http.MethodGet, "/gettoken", "", ""))
	b.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 || json.Valid(body) {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestFaults_Reset(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{{Reset: true}}})
	req := b.request(http.MethodPost, "/v1.0/oauth2/accessToken", "application/json", "{}")
	resp, err := b.client.Do(req)
	if err == nil {
		resp.Body.Close()
		t.Fatal("an answer came")
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestFaults_HangUntilTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{{Hang: true}}})
	ctx, cancel := context.WithCancel(t.Context())
	req := b.request(http.MethodGet, "/gettoken", "", "").WithContext(ctx)
	done := make(chan error)
	go func() {
		resp, err := b.client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	for b.Requests()["/gettoken"] == 0 { // until it has arrived
		select {
		case err := <-done:
			t.Fatalf("it did not hang: %v", err)
		default:
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFaults_CloseEndsAHang(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{List: []Fault{{Hang: true}}})
	b.must(b.Close())
	if _, err := b.client.Do(b.request(http.MethodGet, "/gettoken", "", "")); err == nil {
		t.Error("an answer came")
	}
}

func TestFaults_Latency(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.SetFaults(Faults{Latency: 20 * time.Millisecond})
	start := time.Now()
	b.get("/gettoken")
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	b.SetFaults(Faults{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := b.client.Do(b.request(http.MethodGet, "/gettoken", "", "").WithContext(ctx)); err == nil {
		t.Error("an answer came within an hour")
	}
}
