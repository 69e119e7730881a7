package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
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
//	eventually …, refused …      request, again and again, until it succeeds or fails
//	until METHOD URL REGEXP      request until the reply matches
//	signal NAME                  send SIGTERM or SIGHUP to the gateway in the background
//	rate FILE                    for each line {"model", "prompt", "score", "copy"} send the prompt
//	                             and rate its reply, and with copy that of its mirrored copy
//	serve-folder FOLDER          serve files with ETags at $WEB, to those with the token "open sesame"
//	bundle FOLDER ARCHIVE KEY    build a policy bundle and sign it with KEY.pem, which is made with KEY.pub
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
			env.Setenv("API", freeAddress())
			env.Setenv("ADMIN", freeAddress())
			env.Setenv("PENSTOCK_CACHE_DIR", filepath.Join(cache, "penstock-test")) // modules compile once
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GOCACHE", goCache(t)) // plugins' projects build from what is compiled already
			env.Values[lastReply{}] = new(string)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"expand": storyExpand, "ready": storyReady, "request": storyRequest, "capture": storyCapture,
			"signal": storySignal, "eventually": storyEventually, "refused": storyRefused, "until": storyUntil, "rate": storyRate,
			"serve-folder": storyServeFolder, "bundle": storyBundle,
		},
	})
}

// goCache is where the Go toolchain keeps what it has compiled.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatalf("go env GOCACHE: %v", err)
	}
	return strings.TrimSpace(string(out))
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

// maxWait bounds the wait for something that another process does, and between asks
// there is a pause: it can't be waited for in any other way.
const (
	maxWait  = time.Minute
	askEvery = 20 * time.Millisecond
)

// keepAsking repeats a request until its reply is as wanted.
func keepAsking(ts *testscript.TestScript, args []string, wanted func(status int, text string) bool) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var text string
	for giveUp := time.After(maxWait); ; {
		resp, err := http.DefaultTransport.RoundTrip(storyHTTP(ts, args))
		if err == nil {
			text = printed(resp)
			resp.Body.Close()
			if wanted(resp.StatusCode, text) {
				show(ts, text)
				return
			}
		}
		select {
		case <-giveUp:
			ts.Fatalf("%s did not happen within %s: %v\n%s", strings.Join(args, " "), maxWait, err, text)
		case <-tick.C:
		}
	}
}

func storyReady(ts *testscript.TestScript, _ bool, _ []string) {
	keepAsking(ts, []string{"GET", "http://" + ts.Getenv("API") + "/readyz"}, func(status int, _ string) bool { return status == 200 })
}

func storyEventually(ts *testscript.TestScript, _ bool, args []string) {
	keepAsking(ts, args, func(status int, _ string) bool { return status < 400 })
}

func storyRefused(ts *testscript.TestScript, _ bool, args []string) {
	keepAsking(ts, args, func(status int, _ string) bool { return status >= 400 })
}

func storyUntil(ts *testscript.TestScript, _ bool, args []string) {
	last := len(args) - 1
	keepAsking(ts, args[:last], func(_ int, text string) bool { return regexp.MustCompile(args[last]).MatchString(text) })
}

func storyRequest(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.DefaultTransport.RoundTrip(storyHTTP(ts, args))
	ts.Check(err)
	defer resp.Body.Close()
	text := printed(resp)
	show(ts, text)
	if failed := resp.StatusCode >= 400; failed != neg {
		ts.Fatalf("%s %s: %s\n%s", args[0], args[1], resp.Status, text)
	}
}

// storyHTTP makes a request of METHOD URL [-H NAME:VALUE]… [BODY-FILE].
func storyHTTP(ts *testscript.TestScript, args []string) *http.Request {
	if len(args) < 2 {
		ts.Fatalf("usage: METHOD URL [-H NAME:VALUE]… [BODY-FILE]")
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
	return req
}

func storyRate(ts *testscript.TestScript, _ bool, args []string) {
	api := "http://" + ts.Getenv("API") + "/v1/"
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var in struct {
			Model, Prompt string
			Score         float64
			Copy          *float64
		}
		ts.Check(json.Unmarshal([]byte(line), &in))
		body := fmt.Sprintf(`{"model":%q,"max_tokens":1,"messages":[{"role":"user","content":%q}]}`, in.Model, in.Prompt)
		resp, err := http.Post(api+"chat/completions", "application/json", strings.NewReader(body))
		ts.Check(err)
		resp.Body.Close()
		id := resp.Header.Get("X-Penstock-Request-Id")
		rateOnce(ts, api, id, in.Score)
		if in.Copy != nil {
			rateOnce(ts, api, id+"_mirror", *in.Copy)
		}
	}
}

// rateOnce sends feedback on a request, as soon as that is recorded.
func rateOnce(ts *testscript.TestScript, api, id string, score float64) {
	ts.Check(os.WriteFile(ts.MkAbs("rating.json"), fmt.Appendf(nil, `{"request_id":%q,"score":%g}`, id, score), 0o600))
	keepAsking(ts, []string{"POST", api + "feedback", "rating.json"}, func(status int, _ string) bool { return status == 200 })
}

// show makes a reply the story's stdout.
func show(ts *testscript.TestScript, text string) {
	*ts.Value(lastReply{}).(*string) = text
	_, _ = io.WriteString(ts.Stdout(), text)
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

func storySignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
	}
}

func storyCapture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	text := ts.ReadFile("stdout")
	m := regexp.MustCompile(args[1]).FindStringSubmatch(text)
	if len(m) < 2 {
		ts.Fatalf("capture %s: %s does not match\n%s", args[0], args[1], text)
	}
	ts.Setenv(args[0], m[1])
}
