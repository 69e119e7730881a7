package httpapi

import (
	"io"
	"net"
	"syscall"
	"testing"
)

// TestUnacknowledged fills a connection whose client does not read, and expects the queue
// to shrink once it does.
func TestUnacknowledged(t *testing.T) {
	client, server := connected(t)
	sent := writeAll(t, server)
	full := unacknowledged(server)
	if full == 0 {
		t.Fatal("a full connection has nothing unacknowledged")
	}
	if _, err := io.CopyN(io.Discard, client, sent); err != nil {
		t.Fatal(err)
	}
	if left := unacknowledged(server); left >= full {
		t.Errorf("%d bytes are unacknowledged after all was read, %d before", left, full)
	}
}

// connected returns both ends of a connection.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// writeAll writes without blocking until the kernel accepts no more, and returns how
// much it accepted.
func writeAll(t *testing.T, c net.Conn) (sent int64) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 64<<10)
	err = raw.Write(func(fd uintptr) bool {
		for {
			n, err := syscall.Write(int(fd), chunk)
			if err != nil {
				return true
			}
			sent += int64(n)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent
}
