package llmtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// socketStart is how long a program may take to its first connection.
const socketStart = 20 * time.Second

// OnSocket starts a program that listens on a Unix socket, with the arguments for a folder of
// its own and for the socket's path, and returns the path once the program takes connections.
// stop kills it, and may be called again; the end of the test does it, too. A socket needs no port
// that another program could take first.
func OnSocket(t testing.TB, program string, args func(dir, socket string) []string) (socket string, stop func()) {
	t.Helper()
	path := Program(t, program)
	dir, err := os.MkdirTemp("", "p") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	c := exec.Command(path, args(dir, socket)...)
	c.Dir = dir
	said, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(ended)
	}()
	stop = func() {
		_ = c.Process.Kill()
		<-ended
	}
	t.Cleanup(stop)
	awaitSocket(t, socket, ended, said)
	return socket, stop
}

// awaitSocket waits until a socket takes connections.
func awaitSocket(t testing.TB, socket string, ended <-chan struct{}, said *os.File) {
	t.Helper()
	giveUp := time.After(socketStart)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("it ended at once:\n%s", written(said))
		case <-giveUp:
			t.Fatalf("it took too long to start:\n%s", written(said))
		}
	}
}

// written returns what a program has written so far.
func written(f *os.File) []byte {
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return []byte(err.Error())
	}
	return text
}
