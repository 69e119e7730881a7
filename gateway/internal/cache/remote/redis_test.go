package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// redis starts a redis-server and returns its address.
func redis(t *testing.T) string {
	t.Helper()
	socket, _ := llmtest.Redis(t)
	return "unix://" + socket
}

// await waits until a condition holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	giveUp := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-giveUp:
			t.Fatal("it took too long")
		}
	}
}

// proxy stands between a store and its server, and can hold back or refuse what it is sent.
type proxy struct {
	net.Listener
	socket string
	mu     sync.Mutex
	// open is closed while bytes pass.
	open    chan struct{}
	refuse  bool
	conns   []net.Conn
	serving sync.WaitGroup
}

// startProxy starts a redis-server and a proxy in front of it.
func startProxy(t *testing.T) *proxy {
	t.Helper()
	socket, _ := llmtest.Redis(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, socket: socket, open: make(chan struct{})}
	close(p.open)
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.pass()
		p.cut()
		p.serving.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.Addr().String() }

// hold keeps back what is sent from now on, pass lets it through.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

func (p *proxy) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// gone closes all connections, and every new one at once.
func (p *proxy) gone() {
	p.mu.Lock()
	p.refuse = true
	p.mu.Unlock()
	p.cut()
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) accept() {
	for {
		c, err := p.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.serve(c)
		}
	}
}

func (p *proxy) serve(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	up, err := net.Dial("unix", p.socket)
	if p.refuse || err != nil {
		c.Close()
		return
	}
	p.conns = append(p.conns, c, up)
	p.serving.Go(func() { defer up.Close(); p.copy(up, c) })
	p.serving.Go(func() { defer c.Close(); p.copy(c, up) })
}

func (p *proxy) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		<-open
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// openTest opens a store and waits until it is connected.
func openTest(t *testing.T, o Options) *Store {
	t.Helper()
	if o.Secret == nil {
		o.Secret = []byte("a secret of the test")
	}
	if o.Wait == 0 {
		o.Wait = 5 * time.Second // a slow machine is no fault
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	await(t, func() bool { return !s.link.down() })
	return s
}

// awaitValue waits until a value that was put can be read.
func awaitValue(t *testing.T, s *Store, key [32]byte) value {
	t.Helper()
	var v value
	await(t, func() (ok bool) {
		v, ok = s.get(context.Background(), key)
		return ok
	})
	return v
}
