package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFeedback(t *testing.T) {
	a := newAPI(t, complete())
	for body, want := range map[string]string{
		`{"request_id":"req_1","score":0}`: `200 {"object":"feedback","request_id":"req_1","key_id":"k1",`,
		`{"request_id":"req_1","score":1,"label":"good","comment":"` + strings.Repeat("x", 1024) + `"}`: `200 {"object":"feedback"`,
		`{"request_id":"req_2","score":1}`:                                               `404 {"error":{"message":"no such request"`,
		`{"request_id":"req_1"}`:                                                         `400 {"error":{"message":"score must be`,
		`{"request_id":"req_1","score":null}`:                                            `400 {"error":{"message":"score must be`,
		`{"request_id":"req_1","score":-0.1}`:                                            `400 {"error":{"message":"score must be`,
		`{"request_id":"req_1","score":1.5}`:                                             `400 {"error":{"message":"score must be`,
		`{"request_id":"req_1","score":1e999}`:                                           `400 {"error":{"message":"The body is invalid`,
		`{"request_id":"req_1","score":"1"}`:                                             `400 {"error":{"message":"The body is invalid`,
		`{"score":1}`:                                                                    `400 {"error":{"message":"request_id must`,
		`{"request_id":"` + strings.Repeat("x", 129) + `","score":1}`:                    `400 {"error":{"message":"request_id must`,
		`{"request_id":"req_1","score":1,"label":"` + strings.Repeat("x", 65) + `"}`:     `400 {"error":{"message":"label must`,
		`{"request_id":"req_1","score":1,"label":"a\nb"}`:                                `400 {"error":{"message":"label must`,
		`{"request_id":"req_1","score":1,"comment":"` + strings.Repeat("x", 1025) + `"}`: `400 {"error":{"message":"comment must`,
		`{"request_id":"req_1","scor":1}`:                                                `400 {"error":{"message":"The body is invalid: unknown field`,
		`{"request_id":"req_1","score":1}{}`:                                             `400 {"error":{"message":"The body is invalid: there is data after`,
		`[]`:                                                                             `400 {"error":{"message":"The body is invalid`,
		``:                                                                               `400 {"error":{"message":"The body is invalid`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/feedback", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer member")
		w := httptest.NewRecorder()
		a.Data.ServeHTTP(w, r)
		if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, want) {
			t.Errorf("%.80s: %s, want %s", body, got, want)
		}
	}
}
