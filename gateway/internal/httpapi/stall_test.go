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
		c := &stallConn{Conn: server, limit: 30 * time.Second}
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

// TestSlowestReaderKeepsItsReply has a client that takes a byte in the time of several
// checks.
func TestSlowestReaderKeepsItsReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		c := &stallConn{Conn: server, limit: 30 * time.Second}
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
