package upstream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// nameServer answers every question for an IPv4 address with the current one, and every
// other question with nothing.
type nameServer struct{ ip atomic.Pointer[net.IP] }

// serve reads one question of the DNS (RFC 1035, section 4), in UDP, and answers it.
func (s *nameServer) serve(c net.PacketConn) {
	var b [512]byte
	for {
		n, from, err := c.ReadFrom(b[:])
		if err != nil {
			return
		}
		end := 12 // behind the header
		for b[end] != 0 {
			end += 1 + int(b[end])
		}
		end += 5 // the root, type and class
		if n < end {
			continue
		}
		answer := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, b[12:end]...)
		if b[end-3] == 1 { // an A record, for 0 s
			answer[7] = 1
			answer = append(append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), s.ip.Load().To4()...)
		}
		_, _ = c.WriteTo(answer, from)
	}
}

// useNameServer has this process resolve names with a server until the test ends.
func useNameServer(t *testing.T) *nameServer {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, done, before := &nameServer{}, make(chan struct{}), net.DefaultResolver
	go func() { defer close(done); s.serve(c) }()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; c.Close(); <-done })
	return s
}

// TestNameMoves has a provider's name lead to another address while the gateway runs: the
// next connection goes there, and no call fails when the old server is gone.
func TestNameMoves(t *testing.T) {
	names := useNameServer(t)
	serve := func(address, says string) *httptest.Server {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Skipf("a second loopback address is needed: %v", err)
		}
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(says))
		})}}
		s.Start()
		t.Cleanup(s.Close)
		return s
	}
	from := serve("127.0.0.2:0", "old")
	_, port, _ := net.SplitHostPort(from.Listener.Addr().String())
	serve("127.0.0.3:"+port, "new")
	move := func(to string) { ip := net.ParseIP(to); names.ip.Store(&ip) }
	c := plainClient(t, "http://provider.example:"+port)
	want := func(says string) {
		t.Helper()
		if _, got, err := ask(t, c, "{}"); err != nil || !strings.Contains(got, says) {
			t.Errorf("the provider says %q, %v, want %q", got, err, says)
		}
	}
	move("127.0.0.2")
	want("old")
	move("127.0.0.3")
	want("old") // the connection is good
	from.Close()
	want("new")
}
