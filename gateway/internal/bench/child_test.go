package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestChildEndsWithItsInput(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := command{Name: "mock", Path: self, Args: []string{"mock", "0s"}, Dir: t.TempDir()}.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	addr, err := p.printedAddress(t.Context())
	if err != nil || !strings.HasPrefix(addr, "127.0.0.1:") {
		t.Fatalf("printedAddress() = %q, %v, want a loopback address", addr, err)
	}
	p.stdin.Close()
	<-p.ended
	p.stop() // twice does no harm
}

func TestChildThatEndsAtOnceIsBlamedWithItsLog(t *testing.T) {
	p, err := command{Name: "sh", Path: "/bin/sh", Args: []string{"-c", "echo port in use >&2; exit 3"}, Dir: t.TempDir()}.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	<-p.ended
	os.Truncate(p.log, 0)
	if _, err := p.printedAddress(t.Context()); err == nil || !strings.Contains(err.Error(), "its log is empty") {
		t.Errorf("printedAddress() = %v, want an error about an empty log", err)
	}
	if err := os.WriteFile(p.log, []byte("port in use"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.printedAddress(t.Context()); err == nil || !strings.Contains(err.Error(), "port in use") {
		t.Errorf("printedAddress() = %v, want an error with the log", err)
	}
}

func TestUntil(t *testing.T) {
	t.Run("tries again", func(t *testing.T) {
		tries := 0
		err := until(t.Context(), time.Minute, func() error {
			if tries++; tries < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || tries != 3 {
			t.Errorf("until = %v after %d tries, want nil after 3", err, tries)
		}
	})
	t.Run("stops at a fatal error", func(t *testing.T) {
		dead := errors.New("dead")
		if err := until(t.Context(), time.Minute, func() error { return fatal{dead} }); err != dead {
			t.Errorf("until = %v, want %v", err, dead)
		}
	})
	t.Run("gives up", func(t *testing.T) {
		err := until(t.Context(), 0, func() error { return errors.New("not yet") })
		if err == nil || !strings.Contains(err.Error(), "not yet") {
			t.Errorf("until = %v, want the last error", err)
		}
	})
}
