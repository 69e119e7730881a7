package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserConfig serves the demo provider to callers with and without keys. Its verbs are the
// API's and the admin's address.
const browserConfig = `listen: %s
admin: {listen: %s}
keys: optional
models:
  demo: {targets: [demo/demo-fast]}
  slow: {targets: [demo/demo-slow]}
ledger: sqlite://penstock.db
`

// browser is one tab of a headless Chromium that is signed in to a gateway's dashboard.
type browser struct {
	ctx context.Context
	// API and Admin are the addresses of the gateway's listeners, Dir its folder.
	API, Admin, Dir string

	mu     sync.Mutex
	faults []string
	// answer is typed into the next dialog; empty makes a dialog a fault.
	answer string
}

// TestDashboardInBrowser uses the dashboard as an operator does, in a real browser. It fails on
// anything that the browser reports: violations of the content security policy, errors of
// scripts, and files that could not be loaded. With SCREENSHOTS=FOLDER it keeps pictures of all
// pages and of the end of each step.
func TestDashboardInBrowser(t *testing.T) {
	b := openBrowser(t)
	for _, step := range []struct {
		name string
		do   func(*testing.T, *browser)
	}{
		{"sign in by a link", signInByLink},
		{"a request appears", requestAppears},
		{"the keyboard moves", keyboardMoves},
		{"spend is filtered", spendIsFiltered},
		{"the playground streams", playgroundStreams},
		{"a key is created", keyIsCreated},
		{"a change is tried", changeIsTried},
		{"pages are accessible", pagesAreAccessible},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, b); b.picture(t, step.name); b.noFaults(t) }) {
			return
		}
	}
}

// openBrowser starts a gateway and a browser. Without Chromium the test is skipped, except in
// CI, where that must not go unnoticed.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && program == "" {
			program = found
		}
	}
	if program == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("the dashboard is not tested in a browser: there is no Chromium; make deps installs it")
		}
		t.Skip("the dashboard is not tested in a browser: there is no Chromium; make deps installs it")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "penstock")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v\n%s", err, out)
	}
	b := &browser{API: freeAddress(), Admin: freeAddress(), Dir: dir}
	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), fmt.Appendf(nil, browserConfig, b.API, b.Admin), 0o600); err != nil {
		t.Fatal(err)
	}
	serveUntilEnd(t, bin, dir)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1280, 1000))...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(allocator, chromedp.WithListener(b.listen))
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(tab, 3*time.Minute)
	t.Cleanup(cancel)
	b.ctx = ctx
	return b
}

// listen keeps what a browser reports as wrong.
func (b *browser) listen(event any) {
	fault := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text, _ := json.Marshal(e.Args)
			fault = fmt.Sprintf("console.%s: %s", e.Type, text)
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Source == cdplog.EntrySourceSecurity {
			fault = fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		go b.reply(e.Message) // the tab waits for it, and this function must not
	}
	if fault != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.faults = append(b.faults, fault)
	}
}

// reply types the answer into a dialog that asks for the name of a thing. Other dialogs are faults.
func (b *browser) reply(message string) {
	b.mu.Lock()
	answer := b.answer
	if b.answer = ""; answer == "" || !strings.Contains(message, answer) {
		b.faults = append(b.faults, "dialog: "+message)
	}
	b.mu.Unlock()
	if _, err := chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: answer != "", PromptText: answer}); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.faults = append(b.faults, "answer a dialog: "+err.Error())
	}
}

// noFaults fails the test if the browser has reported anything since the last call.
func (b *browser) noFaults(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		t.Error("the browser reports", f)
	}
	b.faults = nil
}

// run runs actions in the tab.
func (b *browser) run(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	result(t, b, chromedp.Steps(actions...))
}

// result runs an action in the tab and returns its result.
func result[T any](t *testing.T, b *browser, action chromedp.Action[T]) T {
	t.Helper()
	out, err := chromedp.Run(b.ctx, action)
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		b.noFaults(t)
		t.Fatalf("%v; the page shows:\n%s", err, text)
	}
	return out
}

// open loads a page of the dashboard.
func (b *browser) open(path string) chromedp.Action[chromedp.Void] {
	return chromedp.Navigate("http://" + b.Admin + path)
}

// until waits until an expression of the page is true, also over the loading of another page,
// which ends the wait in the page before.
func until(expression string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, tab *chromedp.Target) (v chromedp.Void, err error) {
		within, stop := context.WithTimeout(ctx, 30*time.Second)
		defer stop()
		for {
			_, err = chromedp.Poll[bool](expression)(within, tab)
			if err == nil || within.Err() != nil || !strings.Contains(err.Error(), "context") && !strings.Contains(err.Error(), "navigated") {
				break
			}
		}
		if err != nil {
			err = fmt.Errorf("wait for %s: %w", expression, err)
		}
		return v, err
	}
}

// text returns what an element shows.
func (b *browser) text(t *testing.T, selector string) string {
	t.Helper()
	return result(t, b, chromedp.Text(selector))
}

// ask sends a request to the gateway as an application does.
func (b *browser) ask(t *testing.T, model string) {
	t.Helper()
	resp, err := http.Post("http://"+b.API+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("a request for %s = %d", model, resp.StatusCode)
	}
}

// link returns a path that signs in.
func (b *browser) link(t *testing.T) string {
	t.Helper()
	resp, err := http.Post("http://"+b.Admin+"/admin/v1/sign-in", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ Path string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Path == "" {
		t.Fatalf("no sign-in link: %v", err)
	}
	return made.Path
}

func signInByLink(t *testing.T, b *browser) {
	b.run(t, b.open(b.link(t)), until(`document.querySelector("h1")?.textContent === "Home"`))
	if who := b.text(t, ".who span"); who != "operator" {
		t.Errorf("signed in as %q, want operator", who)
	}
}

func requestAppears(t *testing.T, b *browser) {
	b.run(t, b.open("/requests"), until(`document.getElementById("live-state").textContent === "live"`))
	b.ask(t, "demo")
	b.run(t, until(`document.querySelector("#requests tbody tr.new")?.textContent.includes("demo/demo-fast")`),
		chromedp.Click("#pause"), until(`document.getElementById("live-state").textContent === "paused"`))
}

// keyboardMoves walks in the table of requests and opens another page, without a pointer.
func keyboardMoves(t *testing.T, b *browser) {
	b.run(t, chromedp.KeyEvent("j"), until(`document.activeElement.dataset.href?.startsWith("/requests/")`), chromedp.KeyEvent("\r"), until(`document.querySelector("h1")?.textContent.startsWith("Request ") && document.readyState === "complete"`),
		chromedp.KeyEvent("gk"), until(`document.querySelector("h1")?.textContent === "Keys and budgets" && document.readyState === "complete"`),
		chromedp.KeyEvent("/"), until(`document.activeElement.name === "team"`))
}

func spendIsFiltered(t *testing.T, b *browser) {
	b.ask(t, "slow")
	b.run(t, b.open("/spend?range=24h&by=model"), until(`document.querySelectorAll(".rows tbody tr").length === 2`),
		chromedp.Click(`.rows a[href*="model=slow"]`), until(`document.querySelectorAll(".rows tbody tr").length === 1`))
	if address := result(t, b, chromedp.Location()); !strings.Contains(address, "model=slow") {
		t.Errorf("the address is %s, want it to hold the filter", address)
	}
}

func playgroundStreams(t *testing.T, b *browser) {
	b.run(t, b.open("/playground?a=demo&b=slow"), chromedp.SendKeys("[name=prompt]", "Say hello."), chromedp.Click("[name=run]"),
		until(`document.getElementById("play-state").textContent === "done"`))
	for _, side := range []string{"left", "right"} {
		in := `[data-side="` + side + `"] `
		if text := b.text(t, in+".reply"); len(text) < 10 {
			t.Errorf("the %s model said %q", side, text)
		}
		if tokens, first := b.text(t, in+`[data-of="tokens"]`), b.text(t, in+`[data-of="first"]`); !strings.Contains(tokens, "out") || !strings.HasSuffix(first, "s") {
			t.Errorf("the %s reply has %q tokens and its first after %q", side, tokens, first)
		}
	}
	b.run(t, chromedp.Click(`[data-language="Go"]`))
	b.picture(t, "playground replies")
	if code := b.text(t, "#snippet"); !strings.Contains(code, "openai-go") || !strings.Contains(code, "Say hello.") {
		t.Errorf("the code is %q", code)
	}
	b.run(t, chromedp.Click(`[data-side="right"] [data-of="why"]`), until(`document.querySelector("h1")?.textContent.startsWith("Request")`))
	if text := b.text(t, "main"); !strings.Contains(text, "penstock:playground") {
		t.Errorf("the record lacks the playground's tag: %s", text)
	}
}

// keyIsCreated makes a key by the page, uses it, and revokes it.
func keyIsCreated(t *testing.T, b *browser) {
	b.run(t, b.open("/keys"), chromedp.SendKeys("#create [name=name]", "shop"), chromedp.SendKeys("#create [name=team]", "sales"), chromedp.SendKeys("#create [name=budget]", "5"),
		chromedp.SetValue("#create [name=for]", "Claude Code"), chromedp.Click("#create button"), until(`document.getElementById("secret")?.textContent.startsWith("pk_")`))
	key := b.text(t, "#secret")
	if text := b.text(t, "main"); !strings.Contains(text, `ANTHROPIC_AUTH_TOKEN="`+key+`"`) {
		t.Errorf("the page does not say how Claude Code uses the key: %s", text)
	}
	if status := b.status(t, key); status != http.StatusOK {
		t.Errorf("a request with the new key = %d", status)
	}
	b.run(t, b.open("/keys"), until(`document.querySelector("main").textContent.includes("of $5.00 a day")`))
	if text := b.text(t, "main"); strings.Contains(text, key) {
		t.Error("the key is shown again")
	}
	b.mu.Lock()
	b.answer = "shop"
	b.mu.Unlock()
	b.run(t, chromedp.Click(".rows details summary"), chromedp.Click(".rows .danger"), until(`document.querySelector(".rows .word")?.textContent === "revoked"`))
	if status := b.status(t, key); status != http.StatusUnauthorized {
		t.Errorf("a request with the revoked key = %d, want 401", status)
	}
}

// status sends a request with a key and returns the status of the reply.
func (b *browser) status(t *testing.T, key string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.API+"/v1/chat/completions", strings.NewReader(`{"model":"demo","messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// changeIsTried asks what a policy that denies a model would have done.
func changeIsTried(t *testing.T, b *browser) {
	b.run(t, b.open("/policies"), chromedp.SetValue("[name=text]", "package penstock\n\ndeny contains {\"code\": \"no_slow\", \"message\": \"The slow model is closed.\"} if input.request.model == \"slow\"\n"),
		chromedp.Click(`form[action^="/policies"] button`), until(`document.querySelector("#what-if ~ .figures .value")?.textContent === "2"`))
	if text := b.text(t, "main"); !strings.Contains(text, "denied no_slow") || !strings.Contains(text, "change.rego:3") || !strings.Contains(text, "key budget") || !strings.Contains(text, "builtin/default.rego:") {
		t.Errorf("the page does not name the rules of the change and of the policy in force: %s", text)
	}
}

// dashboardPages are the pages by the name of their pictures.
func dashboardPages() map[string]string {
	return map[string]string{"home": "/", "spend": "/spend?range=24h&by=model", "health": "/health", "requests": "/requests", "playground": "/playground", "policies": "/policies", "keys": "/keys", "audit": "/audit"}
}

// pagesAreAccessible looks at every page in light and dark, wide and on a phone: axe-core must
// find nothing serious, and nothing may be wider than the screen.
func pagesAreAccessible(t *testing.T, b *browser) {
	axe, err := os.ReadFile(filepath.Join("testdata", "browser", "node_modules", "axe-core", "axe.min.js"))
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("pages are not checked for accessibility: axe-core is not installed; make deps installs it")
	}
	if err != nil {
		t.Skip("pages are not checked for accessibility: axe-core is not installed; make deps installs it")
	}
	pages := dashboardPages()
	b.run(t, b.open("/requests"), until(`document.querySelector("#requests tbody a") !== null`))
	pages["record"] = result(t, b, chromedp.Evaluate[string](`document.querySelector("#requests tbody a").getAttribute("href")`)) + "?replay=1"
	for name, path := range pages {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				view := fmt.Sprintf("%s-%s-%d", name, scheme, width)
				t.Run(view, func(t *testing.T) {
					b.run(t, colorScheme(scheme), chromedp.EmulateViewport(width, 1000), b.open(path), until(`document.readyState === "complete"`))
					b.picture(t, view)
					b.checkPage(t, string(axe))
				})
			}
		}
	}
}

// colorScheme sets what the reader prefers: light or dark.
func colorScheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, tab *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
		return v, err
	}
}

// checkPage reports what axe-core finds on the page that is open, and whether it is too wide.
func (b *browser) checkPage(t *testing.T, axe string) {
	t.Helper()
	result(t, b, chromedp.Evaluate[any](axe+";true"))
	found := result(t, b, chromedp.Evaluate[[]string](`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations
		.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.html).join(" | ")))`, chromedp.EvalAwaitPromise))
	for _, f := range found {
		t.Errorf("axe-core: %.600s", f)
	}
	if wider := result(t, b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); wider > 0 {
		t.Errorf("the page is %d pixels wider than the screen", wider)
	}
}

// picture keeps a picture of the page that is open, where SCREENSHOTS names a folder.
func (b *browser) picture(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png := result(t, b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}
