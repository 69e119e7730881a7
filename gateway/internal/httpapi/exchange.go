package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
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
	// admitted is when the request had its turn, and waited for how long it was waiting; without
	// a wait they are received and 0.
	admitted time.Time
	waited   time.Duration
	priority llm.Priority
	// entered says that the request is counted as one in flight, counted that it is counted
	// for its caller.
	entered, counted bool
	who              llm.Principal
	// operator says that who is the operator of this machine, without a key.
	operator bool
	// param reads a path parameter of the route.
	param func(string) string
	reply reply
	// request is the one that was handed over to be served, nil before; code is of the error that
	// the exchange ended in. counts is what w has sent, nil without an access log. They are for the
	// access log.
	request *llm.Request
	// record is what became of it, once it has been settled.
	record atomic.Pointer[llm.Record]
	code   llm.Code
	counts *counted
	// format is how the client speaks; hasFormat says that the path is a format's.
	format    Format
	hasFormat bool
	// heldBytes is how many bytes are counted in the API's memory for this exchange, and
	// holder for whom.
	heldBytes atomic.Int64
	holder    string
	// bodyRead says that nothing is left to read of the body, bodyTimedOut that it arrived
	// too slowly.
	bodyRead, bodyTimedOut bool
	// bodyDeadline is the first read deadline.
	bodyDeadline time.Time
}

// exchange begins an exchange. Operators, for whom formats is false, are answered in the
// form of chat completions at every path.
func (a *API) exchange(w http.ResponseWriter, r *http.Request, formats bool) *exchange {
	now := time.Now()
	x := &exchange{api: a, w: w, r: r, rc: http.NewResponseController(w), id: newID(now), received: now, admitted: now}
	if a.access != nil {
		x.counts = &counted{ResponseWriter: w}
		x.w = x.counts
	}
	if formats {
		x.format, x.hasFormat = a.formats.Open(r.URL.Path, r.Header, x.id)
	} else {
		x.format, _ = a.formats.Open("", nil, x.id)
	}
	x.reply.x = x
	// Set before the body is read: net/http drains a body that no handler reads, and
	// would wait for it without end.
	x.bodyRead = r.ContentLength == 0
	if !x.bodyRead {
		x.bodyDeadline = now.Add(a.limits.BodyStall)
		_ = x.rc.SetReadDeadline(x.bodyDeadline)
	}
	id := []string{x.id}
	h := w.Header()
	h["X-Penstock-Request-Id"], h["X-Request-Id"] = id, id
	if x.format.Speaks() == llm.Anthropic {
		h["Request-Id"] = id // the header that this dialect's clients read
	}
	// net/http accepts a body with both Content-Length and chunked encoding and reports
	// only the latter; what follows on such a connection can't be trusted.
	if len(r.TransferEncoding) > 0 {
		h["Connection"] = []string{"close"}
	}
	return x
}

// end releases what the exchange holds, and reads the rest of an unread body.
func (x *exchange) end() {
	x.reply.release()
	x.free(x.heldBytes.Load())
	if !x.bodyRead && !x.bodyTimedOut {
		x.linger()
	}
	x.format.Close()
}

// closeIfUnread is called before a reply's headers are written. If the body was not
// read, the connection is closed after the reply: net/http then sends the reply
// immediately and drains the body afterwards, instead of before.
func (x *exchange) closeIfUnread() {
	if !x.bodyRead {
		x.w.Header()["Connection"] = []string{"close"}
	}
}

// The bounds of linger: how long it waits for more, how long it lasts in all, and how
// many bytes it reads.
const (
	lingerPause = 500 * time.Millisecond
	lingerTime  = 5 * time.Second
	lingerBytes = 64 << 20
)

// linger is a lingering close: it reads and discards the rest of the body after the
// reply. Most clients read no reply before they have sent everything, and would lose it
// if the connection were closed under them. It ends soon if nothing arrives.
func (x *exchange) linger() {
	_ = x.rc.Flush()
	_ = x.rc.SetReadDeadline(time.Now().Add(lingerPause)) // net/http drains, too
	end := time.Now().Add(lingerTime)
	discard := blocks.Get().(*[blockBytes]byte)
	defer blocks.Put(discard)
	for left := lingerBytes; left > 0 && x.r.Header.Get("Expect") == ""; { // a client that sent Expect waits
		deadline := time.Now().Add(lingerPause)
		if end.Before(deadline) {
			deadline = end
		}
		_ = x.rc.SetReadDeadline(deadline)
		n, err := x.r.Body.Read(discard[:])
		if left -= n; err != nil {
			return
		}
	}
}

// json sends v as a reply.
func (x *exchange) json(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	x.send(status, "application/json", append(body, '\n'))
	return nil
}

// send sends a whole reply. A write error is ignored: the client is gone.
func (x *exchange) send(status int, contentType string, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	exposeHeaders(h)
	x.closeIfUnread()
	x.reply.sent = true
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body)
}
