package httpapi

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowReaderKeepsItsReply writes a megabyte to a client that takes 4 KiB a second,
// far longer than the limit, and then stops.
func TestSlowReaderKeepsItsReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		c := &steadyConn{Conn: server, limit: 30 * time.Second}
		const size = 1 << 20
		go func() {
			buf := make([]byte, 4<<10)
			for range size / len(buf) {
				time.Sleep(time.Second)
				_, _ = io.ReadFull(client, buf)
			}
		}()
		if n, err := c.Write(make([]byte, size)); n != size || err != nil {
			t.Errorf("Write = %d, %v after %v; want all", n, err, time.Now())
		}
		start := time.Now()
		_, err := c.Write([]byte("more"))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < 30*time.Second || took > 34*time.Second {
			t.Errorf("Write to a client that has stopped = %v after %v, want the deadline after 30 s", err, took)
		}
	})
}

// TestSlowestReaderIsSteady has a client that takes less than one look's worth.
func TestSlowestReaderIsSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		c := &steadyConn{Conn: server, limit: 30 * time.Second}
		go func() {
			for range 10 {
				time.Sleep(25 * time.Second)
				_, _ = client.Read(make([]byte, 1))
			}
		}()
		if n, err := c.Write(make([]byte, 10)); n != 10 || err != nil {
			t.Errorf("Write = %d, %v; want all", n, err)
		}
	})
}

// TestUnacknowledged fills a connection whose client does not read, and sees what the
// system holds shrink once it does.
func TestUnacknowledged(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	sent, _ := server.Write(make([]byte, 64<<20))
	full := unacknowledged(server)
	if full == 0 {
		t.Skip("this system does not tell")
	}
	if _, err := io.CopyN(io.Discard, client, int64(sent)); err != nil {
		t.Fatal(err)
	}
	if left := unacknowledged(server); left >= full {
		t.Errorf("%d bytes are unacknowledged after all was read, %d before", left, full)
	}
}
