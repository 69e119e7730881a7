package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// TestRelayCopies checks that the floor does not change plain and streamed replies.
func TestRelayCopies(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "plain %s", body)
		if string(body) == "stream" {
			for range 3 {
				fmt.Fprint(w, "data: x\n\n")
				w.(http.Flusher).Flush()
			}
		}
	}))
	defer upstream.Close()
	e := echo.New()
	e.POST("/", relay(upstream.URL, upstream.Client()))
	proxy := httptest.NewServer(e)
	defer proxy.Close()
	for body, want := range map[string]string{"one": "plain one", "stream": "plain stream" + strings.Repeat("data: x\n\n", 3)} {
		req, _ := http.NewRequest(http.MethodPost, proxy.URL, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer k")
		reply, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil || string(got) != want || reply.StatusCode != http.StatusTeapot || reply.Header.Get("X-Seen") != "Bearer k" {
			t.Errorf("POST %s = %d %q %v, want %q", body, reply.StatusCode, got, err, want)
		}
	}
}
