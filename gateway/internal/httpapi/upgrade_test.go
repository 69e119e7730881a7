package httpapi_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi"
)

// handshake is what Codex and opencode send to ask for a WebSocket.
var handshake = []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
	"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "OpenAI-Beta", "responses_websockets=2026-02-06"}

// TestWebSocketsAreRefused expects the status that makes Codex use Server-Sent Events at
// once, with or without a key, at the paths of formats only.
func TestWebSocketsAreRefused(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	addr := start(t, f)
	resp, body := call(t, http.MethodGet, addr, "/v1/chat/completions/", "", handshake...)
	if message, _, code, _ := decodeError(t, body); resp.StatusCode != 426 || code != "upgrade_required" || !strings.Contains(message, "POST /v1/chat/completions") || resp.Header.Get("Upgrade") == "" {
		t.Errorf("%d %s, Upgrade %q", resp.StatusCode, body, resp.Header.Get("Upgrade"))
	}
	if resp, _ := call(t, http.MethodGet, addr, "/none", "", handshake...); resp.StatusCode != 404 {
		t.Errorf("at a path that is none: %d", resp.StatusCode)
	}
	if resp, _ := call(t, http.MethodGet, addr, "/v1/chat/completions", ""); resp.StatusCode != 405 {
		t.Errorf("without a handshake: %d", resp.StatusCode)
	}
	if resp, _ := call(t, http.MethodGet, addr, "/v1/chat/completions", "", "Upgrade", "websocket", "Originator", "opencode"); resp.StatusCode != 426 {
		t.Errorf("opencode without a key of the handshake: %d", resp.StatusCode)
	}
}

// TestOpencodeIsToldThatMessagesAreTooBig has opencode's handshake accepted and its first
// message answered by a close frame with code 1009, which makes it use Server-Sent Events.
func TestOpencodeIsToldThatMessagesAreTooBig(t *testing.T) {
	for name, size := range map[string]int{"short": 5, "medium": 300, "long": 70_000} {
		t.Run(name, func(t *testing.T) {
			conn, in := dialSocket(t, start(t, new(httpapi.Fake)))
			if _, err := conn.Write(append(frame(1, size), frame(8, 2)...)); err != nil {
				t.Fatal(err)
			}
			var got [4]byte
			if _, err := io.ReadFull(in, got[:]); err != nil || got != [4]byte{0x88, 2, 0x03, 0xf1} {
				t.Errorf("the first frame is % x, %v, want a close with code 1009", got, err)
			}
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("after the close frame: %q, %v, want the end", rest, err)
			}
		})
	}
}

// dialSocket opens a WebSocket as opencode does.
func dialSocket(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	request := "GET /v1/chat/completions HTTP/1.1\r\nHost: x\r\nOriginator: opencode\r\n"
	for i := 0; i < len(handshake); i += 2 {
		request += handshake[i] + ": " + handshake[i+1] + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("the handshake: %v, %v, want RFC 6455's answer", resp, err)
	}
	return conn, in
}

// frame is a masked frame of a client.
func frame(op byte, size int) []byte {
	b := []byte{0x80 | op}
	switch {
	case size < 126:
		b = append(b, 0x80|byte(size))
	case size < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(size))
	}
	return append(b, make([]byte, 4+size)...)
}
