package llmtest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is a fault of a provider, and what a gateway must make of it.
type Fault struct {
	// Row is its number in the table of faults. Name is that of the model that has it.
	Row  int
	Name string
	// Does says what the provider does.
	Does string
	// Alone and Fallback are how a reply may end for the caller when the faulty target is
	// the route's only one, and when a healthy one could take over.
	Alone, Fallback Endings
	// Attempts is the most that the faulty target may be asked for one request.
	Attempts int
	// Status is the status of a refusal; 0 means any of 500 and more. Says is what is in
	// its message.
	Status int
	Says   string
	// Clock says that the fault lasts; such a route needs limits that fit FaultTimes.
	Clock bool
	// Stays says that the fallback must not be asked.
	Stays bool
	// Large says that the request must be too large for the buffers of a connection.
	Large bool
	// NoPrefill says that the fallback refuses a conversation that ends with the assistant.
	NoPrefill bool

	place  place
	answer func(*faultCall) Step
}

// Endings are how a streamed and a plain reply may end.
type Endings struct{ Stream, Plain string }

// ends allows the same endings streamed and plain. Several are separated by "|".
func ends(how string) Endings { return Endings{how, how} }

// place is where a faulty target is, other than at the server's own address.
type place int

const (
	here place = iota
	badCertificate
	noSuchHost
	nobodyListens
)

// broken is how a stream may end that broke off after some content: it is refused when the
// gateway had not sent any of it.
const broken = EndWhole + "|" + EndInBand + "|" + EndRefused

var (
	whole   = ends(EndWhole)
	refused = ends(EndRefused)
	// cut is how a reply ends that broke off: alone, and with a fallback.
	cutAlone    = Endings{broken, EndRefused}
	cutFallback = Endings{broken, EndWhole}
)

// earlyFault is the model that answers before it has read the request, and redirected the
// path that a redirect leads to.
const (
	earlyFault = "f18-early"
	redirected = "/elsewhere/"
)

// Faults returns all faults, by their rows.
func Faults() []Fault {
	return []Fault{
		{Row: 1, Name: "f01-429-once", Does: "429 with Retry-After, then an answer", Alone: whole, Fallback: whole, Attempts: 2,
			answer: func(c *faultCall) Step {
				return c.once(Steps(c.retryAfter(c.server.times.RetryAfter), c.rateLimited()))
			}},
		{Row: 1, Name: "f01-429-year", Does: "429 with Retry-After of a year", Alone: refused, Fallback: whole, Attempts: 1, Status: 429, Says: "slow down",
			answer: func(c *faultCall) Step { return Steps(Header("Retry-After", "31536000"), c.rateLimited()) }},
		{Row: 1, Name: "f01-429-date", Does: "429 with a Retry-After date in 2099", Alone: refused, Fallback: whole, Attempts: 1, Status: 429, Says: "slow down",
			answer: func(c *faultCall) Step {
				return Steps(Header("Retry-After", "Fri, 01 Jan 2099 00:00:00 GMT"), c.rateLimited())
			}},
		{Row: 1, Name: "f01-429-absurd", Does: "429 with a Retry-After that is no time", Alone: refused, Fallback: whole, Attempts: 6, Status: 429, Says: "slow down",
			answer: func(c *faultCall) Step {
				return Steps(Header("Retry-After", []string{"-5", "soon", "1e309", "99999999999999999999"}[c.n%4]), c.rateLimited())
			}},
		{Row: 2, Name: "f02-429", Does: "429 always, no header", Alone: refused, Fallback: whole, Attempts: 6, Status: 429, Says: "slow down",
			answer: (*faultCall).rateLimited},
		{Row: 3, Name: "f03-500-once", Does: "500 once", Alone: whole, Fallback: whole, Attempts: 2,
			answer: func(c *faultCall) Step {
				return c.once(c.refuse(http.StatusInternalServerError, "server_error", "", "The server had an error."))
			}},
		{Row: 4, Name: "f04-503", Does: "503 always", Alone: refused, Fallback: whole, Attempts: 6, Status: 503, Says: "out for lunch",
			answer: (*faultCall).unavailable},
		{Row: 5, Name: "f05-reset", Does: "TCP reset before headers", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(*faultCall) Step { return Reset() }},
		{Row: 5, Name: "f05-reset-once", Does: "TCP reset before headers, once", Alone: whole, Fallback: whole, Attempts: 2,
			answer: func(c *faultCall) Step { return c.once(Reset()) }},
		{Row: 5, Name: "f05-refused", Does: "nobody listens", Alone: refused, Fallback: whole, Attempts: 0, place: nobodyListens},
		{Row: 6, Name: "f06-silent", Does: "accepted, never answered", Alone: refused, Fallback: whole, Attempts: 1, Status: 504, Clock: true,
			answer: func(*faultCall) Step { return Stall() }},
		{Row: 7, Name: "f07-late", Does: "headers at once, first token late", Alone: whole, Fallback: whole, Attempts: 1, Clock: true,
			answer: func(c *faultCall) Step { return c.late(c.server.times.FirstToken) }},
		{Row: 8, Name: "f08-cut", Does: "dies after 40 of 60 tokens", Alone: cutAlone, Fallback: cutFallback, Attempts: 6,
			answer: func(c *faultCall) Step { return c.breakOff(Cut()) }},
		{Row: 8, Name: "f08-end", Does: "ends cleanly after 40 of 60 tokens", Alone: cutAlone, Fallback: cutFallback, Attempts: 6,
			answer: func(c *faultCall) Step { return c.breakOff(Steps()) }},
		{Row: 9, Name: "f09-stall", Does: "stalls after 40 of 60 tokens", Alone: Endings{broken, EndWhole + "|" + EndRefused}, Fallback: cutFallback, Attempts: 6, Clock: true,
			answer: func(c *faultCall) Step { return c.stall() }},
		{Row: 9, Name: "f09-pings", Does: "only pings after 40 of 60 tokens", Alone: cutAlone, Fallback: cutFallback, Attempts: 6, Clock: true,
			answer: func(c *faultCall) Step { return c.breakOff(c.pings()) }},
		{Row: 10, Name: "f10-first", Does: "malformed event before content", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(c *faultCall) Step { return c.malformed(0) }},
		{Row: 10, Name: "f10-middle", Does: "malformed event among good ones", Alone: cutAlone, Fallback: cutFallback, Attempts: 6,
			answer: func(c *faultCall) Step { return c.malformed(faultCut) }},
		{Row: 11, Name: "f11-no-end", Does: "complete, but no terminator", Alone: whole, Fallback: whole, Attempts: 1,
			answer: func(c *faultCall) Step { return c.unterminated(Steps()) }},
		{Row: 11, Name: "f11-open", Does: "complete, no terminator, connection stays", Alone: whole, Fallback: whole, Attempts: 1, Clock: true,
			answer: func(c *faultCall) Step { return c.unterminated(Stall()) }},
		{Row: 12, Name: "f12-context", Does: "400 context_length_exceeded", Alone: refused, Fallback: whole, Attempts: 1, Status: 400, Says: "maximum",
			answer: (*faultCall).tooLong},
		{Row: 13, Name: "f13-policy", Does: "400 content_policy_violation", Alone: refused, Fallback: refused, Attempts: 1, Status: 400, Says: "policy", Stays: true,
			answer: func(c *faultCall) Step {
				return c.refuse(http.StatusBadRequest, "invalid_request_error", "content_policy_violation", "Output blocked by content filtering policy")
			}},
		{Row: 14, Name: "f14-prefill", Does: "as 8, the fallback refuses prefill", Alone: cutAlone, Fallback: cutFallback, Attempts: 6, NoPrefill: true,
			answer: func(c *faultCall) Step { return c.breakOff(Cut()) }},
		{Row: 15, Name: "f15-down", Does: "down for a time, then healthy", Alone: ends(EndWhole + "|" + EndRefused), Fallback: whole, Attempts: 6,
			answer: func(c *faultCall) Step {
				if c.server.isDown(c.model) {
					return c.unavailable()
				}
				return c.healthy()
			}},
		{Row: 16, Name: "f16-503", Does: "503, the fallback answers", Alone: refused, Fallback: whole, Attempts: 6, Status: 503, Says: "out for lunch",
			answer: (*faultCall).unavailable},
		{Row: 17, Name: "f17-200", Does: "200 with an error in it", Alone: refused, Fallback: whole, Attempts: 6, Says: "overloaded",
			answer: func(c *faultCall) Step { return c.errorIn200(false) }},
		{Row: 17, Name: "f17-late", Does: "200, an error after 40 of 60 tokens", Alone: cutAlone, Fallback: cutFallback, Attempts: 6, Says: "overloaded",
			answer: func(c *faultCall) Step { return c.errorIn200(true) }},
		{Row: 18, Name: "f18-long", Does: "Content-Length beyond the body", Alone: cutAlone, Fallback: cutFallback, Attempts: 6,
			answer: func(c *faultCall) Step { return c.length(100) }},
		{Row: 18, Name: "f18-short", Does: "Content-Length within the body", Alone: cutAlone, Fallback: cutFallback, Attempts: 6,
			answer: func(c *faultCall) Step { return c.length(-600) }},
		{Row: 18, Name: "f18-endless", Does: "a body without end", Alone: refused, Fallback: whole, Attempts: 1,
			answer: func(c *faultCall) Step { return c.endless() }},
		{Row: 18, Name: "f18-events", Does: "events without end", Alone: Endings{EndInBand, EndRefused}, Fallback: Endings{broken, EndWhole}, Attempts: 1, Clock: true,
			answer: func(c *faultCall) Step { return c.endlessEvents() }},
		{Row: 18, Name: "f18-trickle", Does: "1 byte a second", Alone: refused, Fallback: whole, Attempts: 1, Status: 504, Clock: true,
			answer: func(c *faultCall) Step { return c.trickle() }},
		{Row: 18, Name: "f18-header", Does: "a header of 1 MiB", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(*faultCall) Step { return HugeHeader(1 << 20) }},
		{Row: 18, Name: "f18-html-502", Does: "an HTML error page", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(*faultCall) Step { return HTML(http.StatusBadGateway) }},
		{Row: 18, Name: "f18-html-200", Does: "an HTML page with 200", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(*faultCall) Step { return HTML(http.StatusOK) }},
		{Row: 18, Name: "f18-empty", Does: "an empty body", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(*faultCall) Step { return JSON(http.StatusOK, "") }},
		{Row: 18, Name: "f18-cert", Does: "a bad certificate", Alone: refused, Fallback: whole, Attempts: 0, place: badCertificate},
		{Row: 18, Name: "f18-dns", Does: "no such host", Alone: refused, Fallback: whole, Attempts: 0, place: noSuchHost},
		{Row: 18, Name: "f18-redirect", Does: "a redirect", Alone: refused, Fallback: whole, Attempts: 1, Says: "redirect",
			answer: func(*faultCall) Step { return Redirect(redirected + "v1") }},
		{Row: 18, Name: "f18-loop", Does: "redirects without end", Alone: refused, Fallback: whole, Attempts: 1, Says: "redirect",
			answer: func(c *faultCall) Step { return func(x *Exchange) { Redirect(x.R.URL.String())(x) } }},
		{Row: 18, Name: "f18-1xx", Does: "103 and 100 before the reply", Alone: whole, Fallback: whole, Attempts: 1,
			answer: func(c *faultCall) Step { return Steps(early(), c.healthy()) }},
		{Row: 18, Name: "f18-101", Does: "101 to another protocol", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(*faultCall) Step {
				return Garbage("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
			}},
		{Row: 18, Name: "f18-trailers", Does: "trailers after the body", Alone: whole, Fallback: whole, Attempts: 1,
			answer: func(c *faultCall) Step {
				return c.raw("Trailer: X-Sum, Set-Cookie\r\n", "", "X-Sum: 1\r\nSet-Cookie: stolen=1\r\n")
			}},
		{Row: 18, Name: "f18-chunks", Does: "chunk extensions", Alone: whole, Fallback: whole, Attempts: 1,
			answer: func(c *faultCall) Step { return c.raw("", `;name=value;quoted="a b"`, "") }},
		{Row: 18, Name: "f18-chunk-bomb", Does: "chunk extensions of 8 KiB", Alone: refused, Fallback: whole, Attempts: 6,
			answer: func(c *faultCall) Step { return c.raw("", ";x="+strings.Repeat("x", 8<<10), "") }},
		{Row: 18, Name: "f18-crlf", Does: "bare CR and folded lines in headers", Alone: ends(EndWhole + "|" + EndRefused), Fallback: whole, Attempts: 6,
			answer: func(c *faultCall) Step {
				return c.raw("X-Request-Id: a\rSet-Cookie: stolen=1\r\nX-Folded: a\r\n Set-Cookie: stolen=1\r\n", "", "")
			}},
		{Row: 18, Name: "f18-gzip", Does: "a compressed body that nobody asked for", Alone: whole, Fallback: whole, Attempts: 1,
			answer: func(c *faultCall) Step { return c.gzipped() }},
		{Row: 18, Name: earlyFault + "-413", Does: "413 while the request is being sent", Alone: refused, Fallback: whole, Attempts: 1, Status: 413, Says: "too large", Large: true,
			answer: func(*faultCall) Step { return refuseEarly() }},
		{Row: 19, Name: "f19-quota", Does: "insufficient_quota", Alone: refused, Fallback: whole, Attempts: 1, Says: "quota",
			answer: func(c *faultCall) Step { return c.quota() }},
		{Row: 19, Name: "f19-401", Does: "401", Alone: refused, Fallback: whole, Attempts: 1, Status: 502, Says: "Incorrect API key",
			answer: func(c *faultCall) Step {
				return c.refuse(http.StatusUnauthorized, "authentication_error", "invalid_api_key", "Incorrect API key provided.")
			}},
		{Row: 19, Name: "f19-402", Does: "402", Alone: refused, Fallback: whole, Attempts: 1, Says: "balance",
			answer: func(c *faultCall) Step {
				return c.refuse(http.StatusPaymentRequired, "insufficient_balance", "insufficient_balance", "Insufficient balance")
			}},
	}
}

func findFault(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name && f.answer != nil {
			return f, true
		}
	}
	return Fault{}, false
}

// once fails the first attempt of each model only.
func (c *faultCall) once(step Step) Step {
	if c.n > 1 {
		return c.healthy()
	}
	return step
}

// retryAfter says how long to wait, in the header that has the unit.
func (c *faultCall) retryAfter(d time.Duration) Step {
	if d%time.Second == 0 {
		return Header("Retry-After", strconv.Itoa(int(d/time.Second)))
	}
	return Header("Retry-After-Ms", strconv.Itoa(int(d/time.Millisecond)))
}

func (c *faultCall) rateLimited() Step {
	return c.refuse(http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded", "Please slow down.")
}

func (c *faultCall) unavailable() Step {
	return c.refuse(http.StatusServiceUnavailable, "api_error", "", "The model is out for lunch.")
}

func (c *faultCall) tooLong() Step {
	message := "This model's maximum context length is 8192 tokens."
	switch c.kind {
	case messages:
		message = "prompt is too long: 9000 tokens > 8192 maximum"
	case generateContent:
		message = "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."
	}
	return c.refuse(http.StatusBadRequest, "invalid_request_error", "context_length_exceeded", message)
}

// quota is an account without money left, as each provider says it.
func (c *faultCall) quota() Step {
	switch c.kind {
	case messages:
		return c.refuse(http.StatusBadRequest, "invalid_request_error", "", "Your credit balance is too low to access the Anthropic API: the quota is used up.")
	case generateContent:
		return JSON(http.StatusTooManyRequests, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota.","details":[`+
			`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}`)
	}
	return c.refuse(http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
}

// errorIn200 has an error in a reply with status 200: at once, or after some tokens.
func (c *faultCall) errorIn200(late bool) Step {
	message := "The model is overloaded."
	body := c.errorBody(http.StatusServiceUnavailable, "overloaded_error", "overloaded", message)
	if c.kind == responses {
		body = fmt.Sprintf(`{"id":"resp_1","object":"response","created_at":1,"status":"failed","model":%q,"output":[],"usage":null,"error":{"code":"server_error","message":%q}}`, c.model, message)
	}
	if !c.stream {
		return JSON(http.StatusOK, body)
	}
	frame := "data: " + body + "\n\n"
	switch c.kind {
	case messages:
		frame = "event: error\n" + frame
	case responses:
		frame = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":99,\"response\":" + body + "}\n\n"
	}
	var frames [][]byte
	if late {
		frames, _ = c.split()
	}
	return Frames(append(frames[:len(frames):len(frames)], []byte(frame))...)
}
