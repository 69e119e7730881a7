package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// exchange is one HTTP request with its reply.
type exchange struct {
	api      *API
	w        http.ResponseWriter
	r        *http.Request
	rc       *http.ResponseController
	id       string
	received time.Time
	dialect  llm.Dialect
	who      llm.Principal
	// param reads a path parameter of the route.
	param func(string) string
	reply reply
	// endpoint and rendering are there for a caller who speaks a format of its own.
	endpoint  *Endpoint
	rendering *rendering
	// holding is how many bytes are counted in the API's memory for this exchange, and
	// sharer for whom.
	holding int64
	sharer  string
	// bodyRead says that nothing is left to read of the body, tooSlow that it was given
	// up because it came too slowly.
	bodyRead, tooSlow bool
	// bodyDue is the read deadline at the start.
	bodyDue time.Time
}

func (a *API) exchange(w http.ResponseWriter, r *http.Request) *exchange {
	now := time.Now()
	x := &exchange{api: a, w: w, r: r, rc: http.NewResponseController(w), id: newID(now), received: now, dialect: llm.OpenAI}
	x.reply.x = x
	// Set before anybody reads: a body that nobody reads is drained by net/http, which
	// would wait for it without end.
	x.bodyRead = r.ContentLength == 0
	if !x.bodyRead {
		x.bodyDue = now.Add(a.limits.BodyStall)
		_ = x.rc.SetReadDeadline(x.bodyDue)
	}
	id := []string{x.id}
	h := w.Header()
	h["X-Penstock-Request-Id"], h["X-Request-Id"] = id, id
	// net/http takes a body with both Content-Length and chunked encoding and shows
	// only the latter; what follows on such a connection can't be trusted.
	if len(r.TransferEncoding) > 0 {
		h["Connection"] = []string{"close"}
	}
	return x
}

// end gives back what the exchange has held.
func (x *exchange) end() {
	x.reply.release()
	x.letGo(x.holding)
	if !x.bodyRead && !x.tooSlow {
		x.linger()
	}
	if x.rendering != nil && x.rendering.frames != nil {
		x.rendering.frames.Close()
	}
	if x.endpoint != nil {
		x.endpoint.Close()
	}
}

// leaveBody is called before a reply's headers are written. When a body is left that
// nobody reads, the connection is closed after the reply: net/http then sends the reply
// at once and drains the body afterwards, instead of before.
func (x *exchange) leaveBody() {
	if !x.bodyRead {
		x.w.Header()["Connection"] = []string{"close"}
	}
}

// The bounds of linger: how long it waits for more, how long it goes on in all, and how
// many bytes it takes.
const (
	lingerPause = 500 * time.Millisecond
	lingerTime  = 5 * time.Second
	lingerBytes = 64 << 20
)

// linger reads what is left of a body that nobody wants once the reply is on its way:
// most clients read no reply before they have sent everything, and closing the
// connection on them would cost them the reason. It ends soon where nothing comes.
func (x *exchange) linger() {
	_ = x.rc.Flush()
	_ = x.rc.SetReadDeadline(time.Now().Add(lingerPause)) // net/http drains, too
	end := time.Now().Add(lingerTime)
	waste := parts.Get().(*[partBytes]byte)
	defer parts.Put(waste)
	for left := lingerBytes; left > 0 && x.r.Header.Get("Expect") == ""; { // else nothing comes
		due := time.Now().Add(lingerPause)
		if end.Before(due) {
			due = end
		}
		_ = x.rc.SetReadDeadline(due)
		n, err := x.r.Body.Read(waste[:])
		if left -= n; err != nil {
			return
		}
	}
}

// writer is where the reply goes.
func (x *exchange) writer() Writer {
	if x.endpoint == nil {
		return &x.reply
	}
	x.rendering = &rendering{x: x}
	return x.rendering
}

// json answers with v.
func (x *exchange) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	x.send(status, "application/json", append(body, '\n'))
	return nil
}

// send answers with a whole body. A client that is gone is nobody's fault.
func (x *exchange) send(status int, contentType string, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	expose(h)
	x.leaveBody()
	x.reply.sent = true
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body)
}
