package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets stories run this very binary as penstock.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"penstock": main})
}

// TestStories runs the command line and the whole gateway as users do. A story gets
// two free addresses, $API and $ADMIN, and these commands besides testscript's own:
//
//	expand FILE…                 replace $NAME in files by the environment
//	ready                        wait until the gateway at $API answers
//	request METHOD URL [-H NAME:VALUE]… [BODY-FILE]
//	                             send a request; status, headers and body are stdout
//	capture NAME REGEXP          keep the first group of what stdout matches as $NAME
func TestStories(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("API", freeAddress(t))
			env.Setenv("ADMIN", freeAddress(t))
			env.Setenv("PENSTOCK_CACHE_DIR", filepath.Join(cache, "penstock-test")) // modules compile once
			env.Setenv("HOME", env.WorkDir)
			env.Values[lastReply{}] = new(string)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"expand": storyExpand, "ready": storyReady, "request": storyRequest, "capture": storyCapture,
		},
	})
}

// lastReply is the key of what the story's last request or command printed.
type lastReply struct{}

func storyExpand(ts *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		text := os.Expand(ts.ReadFile(file), func(name string) string {
			if value := ts.Getenv(name); value != "" {
				return value
			}
			return "$" + name
		})
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// startLimit bounds the wait for a gateway that a story has started.
const startLimit = time.Minute

// storyReady asks until the gateway answers: another process can't be waited for in
// any other way.
func storyReady(ts *testscript.TestScript, _ bool, _ []string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for giveUp := time.After(startLimit); ; {
		select {
		case <-giveUp:
			ts.Fatalf("the gateway at %s was not ready after %s", ts.Getenv("API"), startLimit)
		case <-tick.C:
		}
		resp, err := http.Get("http://" + ts.Getenv("API") + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
}

func storyRequest(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: request METHOD URL [-H NAME:VALUE]… [BODY-FILE]")
	}
	req, err := http.NewRequest(args[0], args[1], nil)
	ts.Check(err)
	rest := args[2:]
	for len(rest) > 1 && rest[0] == "-H" {
		name, value, _ := strings.Cut(rest[1], ":")
		req.Header.Set(name, strings.TrimSpace(value))
		rest = rest[2:]
	}
	if len(rest) == 1 {
		body := ts.ReadFile(rest[0])
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", "application/json")
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	defer resp.Body.Close()
	text := printed(resp)
	*ts.Value(lastReply{}).(*string) = text
	_, _ = io.WriteString(ts.Stdout(), text)
	if failed := resp.StatusCode >= 400; failed != neg {
		ts.Fatalf("%s %s: %s\n%s", args[0], args[1], resp.Status, text)
	}
}

// printed is a reply as stories see it: status, sorted headers, body.
func printed(resp *http.Response) string {
	var lines []string
	for name := range resp.Header {
		lines = append(lines, strings.ToLower(name)+": "+resp.Header.Get(name))
	}
	slices.Sort(lines)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		body = fmt.Appendf(body, "\n(broken off: %v)\n", err)
	}
	return fmt.Sprintf("%d\n%s\n\n%s\n", resp.StatusCode, strings.Join(lines, "\n"), body)
}

func storyCapture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	text := *ts.Value(lastReply{}).(*string) + ts.ReadFile("stdout")
	m := regexp.MustCompile(args[1]).FindStringSubmatch(text)
	if len(m) < 2 {
		ts.Fatalf("capture %s: %s does not match\n%s", args[0], args[1], text)
	}
	ts.Setenv(args[0], m[1])
}
