package httpapi

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// wantsWebSocket reports whether a request asks to go on over a WebSocket, as clients of
// OpenAI's Responses API do before they use Server-Sent Events.
func wantsWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// refuseWebSocket refuses a WebSocket in the way that makes its client use Server-Sent Events
// at once. Codex does on status 426; any other refusal it tries again for seconds. opencode
// tries any refusal again, for a minute, but not a connection that is closed because a
// message is too big. No key is asked for: the request that follows has it, too.
func (x *exchange) refuseWebSocket() error {
	if x.r.Header.Get("Originator") == "opencode" && x.closeAsTooBig() {
		return nil
	}
	x.w.Header()["Upgrade"] = []string{"HTTP/1.1"} // a reply with this status names a protocol
	return &llm.Error{Code: "upgrade_required", Status: http.StatusUpgradeRequired,
		Message: "The gateway has no WebSockets: send POST " + printablePath(x.r.URL.Path) + ` with "stream": true and read Server-Sent Events.`}
}

// The bounds of a WebSocket that is to be closed: how long it lasts and how much is read.
const (
	socketTime  = 10 * time.Second
	socketBytes = 64 << 20
)

// Opcode and payload of the frame that closes a WebSocket because a message is too big: see
// https://www.rfc-editor.org/rfc/rfc6455, sections 5.5.1 and 7.4.1.
const (
	opClose      = 8
	closedTooBig = 1009
)

// closeAsTooBig opens the WebSocket and closes it when the first message comes. It returns
// false where that is not possible, and then nothing has been sent.
func (x *exchange) closeAsTooBig() bool {
	key := x.r.Header.Get("Sec-Websocket-Key")
	if key == "" || !x.bodyRead {
		return false
	}
	conn, rw, err := x.rc.Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	x.reply.sent = true
	_ = conn.SetDeadline(time.Now().Add(socketTime))
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptKey(key) + "\r\n\r\n")
	if rw.Flush() != nil {
		return true
	}
	in := bufio.NewReader(io.LimitReader(rw, socketBytes))
	if _, err := in.Peek(1); err != nil {
		return true
	}
	_, _ = rw.Write(binary.BigEndian.AppendUint16([]byte{0x80 | opClose, 2}, closedTooBig))
	if rw.Flush() != nil {
		return true
	}
	for op := byte(0); op != opClose && err == nil; { // a close before the client's would lose the frame
		op, err = skipFrame(in)
	}
	return true
}

// acceptKey answers the key of a WebSocket's handshake, as RFC 6455, section 4.2.2 has it.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// skipFrame reads one frame of a WebSocket and returns its opcode.
func skipFrame(in *bufio.Reader) (op byte, err error) {
	var head [14]byte // with the longest form of a length, and a mask
	if _, err = io.ReadFull(in, head[:2]); err != nil {
		return 0, err
	}
	length, more := uint64(head[1]&0x7f), 0
	switch length {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	if head[1]&0x80 != 0 { // masked
		more += 4
	}
	if _, err = io.ReadFull(in, head[2:2+more]); err != nil {
		return 0, err
	}
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		length = binary.BigEndian.Uint64(head[2:])
	}
	_, err = io.CopyN(io.Discard, in, int64(min(length, socketBytes)))
	return head[0] & 0x0f, err
}
