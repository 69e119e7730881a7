package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRequestsAreListed(t *testing.T) {
	t.Parallel()
	f := &fake{records: []*llm.Record{
		{ID: "req_2", Model: "m", Status: 200, Cost: 1_500_000_000, Price: llm.Price{Known: true}, Usage: llm.Usage{Input: 3, Output: 4}, RequestText: "secret"},
		{ID: "req_1", Model: "m", Status: 429},
	}}
	status, reply, err := call(t, f, "GET", "/admin/v1/requests?model=m&tag=usecase=a=b&outcome=ok&before=req_3&limit=2", "")
	if status != 200 {
		t.Fatal(status, err)
	}
	if want := (llm.RecordFilter{Model: "m", Tag: "usecase=a=b", Outcome: "ok", Before: "req_3", Limit: 2}); f.filter != want {
		t.Errorf("asked for %+v", f.filter)
	}
	var list RequestList
	if err := json.Unmarshal(reply.Body, &list); err != nil {
		t.Fatal(err)
	}
	if list.Next != "req_1" || len(list.Requests) != 2 || list.Requests[0].CostUSD != "1.5" || list.Requests[1].CostUSD != "" || list.Requests[1].Outcome != "refused" {
		t.Errorf("%s", reply.Body)
	}
	if strings.Contains(string(reply.Body), "secret") {
		t.Errorf("the list has texts: %s", reply.Body)
	}
	if _, reply, _ = call(t, new(fake), "GET", "/admin/v1/requests", ""); string(reply.Body) != "{\"requests\":[]}\n" {
		t.Errorf("an empty list: %s", reply.Body)
	}
}

func TestWrongRequestFilters(t *testing.T) {
	t.Parallel()
	for query, param := range map[string]string{"outcome=fine": "outcome", "tag=usecase": "tag", "limit=0": "limit", "limit=1001": "limit", "colour=red": "colour", "model=a&model=b": "model"} {
		if status, _, err := call(t, new(fake), "GET", "/admin/v1/requests?"+query, ""); status != 400 || err.Param != param {
			t.Errorf("%s: %d %v", query, status, err)
		}
	}
	for _, query := range []string{"before=req_1", "limit=5", "outcome=fine"} {
		if status, _, _ := call(t, new(fake), "GET", "/admin/v1/requests/live?"+query, ""); status != 400 {
			t.Errorf("live with %s: %d", query, status)
		}
	}
}

// caller is input of a key with roles.
type caller struct {
	input
	who llm.Principal
}

func (c caller) Caller() (llm.Principal, bool) { return c.who, false }

func TestMembersSeeTheirOwnRequests(t *testing.T) {
	t.Parallel()
	member := []string{llm.RoleMember}
	for _, c := range []struct {
		who   llm.Principal
		query string
		want  llm.RecordFilter
		own   bool
	}{
		{llm.Principal{KeyID: "k", Roles: member}, "", llm.RecordFilter{Key: "k"}, true},
		{llm.Principal{KeyID: "k", User: "alice", Roles: member}, "?model=m", llm.RecordFilter{Model: "m", User: "alice"}, true},
		{llm.Principal{KeyID: "k", User: "alice", Roles: member}, "?user=bob", llm.RecordFilter{User: "alice"}, false},
		{llm.Principal{KeyID: "k", Roles: member}, "?key=other", llm.RecordFilter{Key: "k"}, false},
		{llm.Principal{Roles: member}, "", llm.RecordFilter{}, false},
		{llm.Principal{KeyID: "k", Roles: []string{llm.RoleMember, llm.RoleViewer}}, "?key=other", llm.RecordFilter{Key: "other"}, true},
	} {
		got, own, err := requestFilter(httptest.NewRequest("GET", "/"+c.query, nil), caller{who: c.who})
		if err != nil || own != c.own || got != c.want {
			t.Errorf("%+v with %q: %+v, %t, %v", c.who, c.query, got, own, err)
		}
	}
}

// TestRequestsAreFollowed has a gateway that hands out two records and then says that too many
// follow.
func TestRequestsAreFollowed(t *testing.T) {
	t.Parallel()
	f := &fake{records: []*llm.Record{{ID: "req_1", Model: "m"}, {ID: "req_2", Model: "other"}}}
	status, reply, err := call(t, f, "GET", "/admin/v1/requests/live?model=m", "")
	if status != 200 || reply.ContentType != "application/x-ndjson" {
		t.Fatal(status, err)
	}
	var lines []string
	if err := reply.Stream(t.Context(), func(p []byte) error { lines = append(lines, string(p)); return nil }); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(strings.Join(lines, ""), "{\"error\":{\"message\":\"unknown\"}}\n") || lines[0] != "\n" || strings.Contains(strings.Join(lines, ""), "req_2") {
		t.Errorf("%q", lines)
	}
}

// busy is a gateway in which a request ends every millisecond for a second.
type busy struct{ *fake }

func (busy) Follow(ctx context.Context, each func(*llm.Record)) error {
	for i := range 1000 {
		each(&llm.Record{ID: fmt.Sprint("req_", i)})
		time.Sleep(time.Millisecond)
	}
	<-ctx.Done()
	return nil
}

// TestRowsAreWrittenTogether: each row is written within the pause, and none is lost.
func TestRowsAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, reply, _ := call(t, busy{new(fake)}, "GET", "/admin/v1/requests/live", "")
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		began, rows, writes := time.Now(), 0, 0
		err := reply.Stream(ctx, func(p []byte) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if p = bytes.TrimSpace(p); len(p) == 0 {
				return nil
			}
			for line := range bytes.Lines(p) {
				var row RequestRow
				if err := json.Unmarshal(line, &row); err != nil {
					t.Error(err)
				}
				ended, _ := strconv.Atoi(strings.TrimPrefix(row.ID, "req_"))
				if late := time.Since(began) - time.Duration(ended)*time.Millisecond; ended != rows || late > followPause {
					t.Errorf("row %d came as number %d, %v after its end", ended, rows, late)
				}
				rows++
			}
			if writes++; rows == 1000 {
				return errors.New("gone")
			}
			return nil
		})
		if err != nil || rows != 1000 || writes < 20 || writes > 22 {
			t.Errorf("%d rows in %d writes, %v; want 1,000 in 21", rows, writes, err)
		}
	})
}

// waiting is a gateway that nothing happens in.
type waiting struct{ *fake }

func (waiting) Follow(ctx context.Context, _ func(*llm.Record)) error {
	<-ctx.Done()
	return nil
}

func TestFollowingEndsWithItsReader(t *testing.T) {
	t.Parallel()
	_, reply, _ := call(t, waiting{new(fake)}, "GET", "/admin/v1/requests/live", "")
	if err := reply.Stream(t.Context(), func([]byte) error { return errors.New("gone") }); err != nil {
		t.Error(err)
	}
}
