package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrInUse says that another process serves from the ledger.
var ErrInUse = errors.New("another penstock process serves from this ledger")

// lock is held by the process that writes the journal. Its file stays when it is let
// go: deleting it could take it from under somebody who is about to hold it.
type lock struct{ file *os.File }

const (
	// lockPatience is how long a server waits for the lock: a command may hold it for
	// a moment.
	lockPatience = time.Second
	// askEvery is how often other processes are looked at.
	askEvery = 10 * time.Millisecond
)

// take takes the lock without waiting for it; ok says whether it could.
func (p place) take() (l lock, ok bool, err error) {
	if p.path == "" {
		return lock{}, true, nil
	}
	f, err := os.OpenFile(p.path+".lock", os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return lock{}, false, err
	}
	if ok, err = flock(f); !ok || err != nil {
		return lock{}, false, errors.Join(err, f.Close())
	}
	_ = f.Truncate(0) // it named whoever held the lock before
	return lock{f}, true, nil
}

// claim takes the lock for a server and leaves the number of its process in the file.
func (p place) claim(ctx context.Context) (lock, error) {
	ctx, stop := context.WithTimeout(ctx, lockPatience)
	defer stop()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		l, ok, err := p.take()
		if err != nil {
			return lock{}, err
		}
		if ok {
			l.sign()
			return l, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return lock{}, fmt.Errorf("%w%s; stop it first, or give this one a ledger of its own", ErrInUse, p.holder())
		}
	}
}

// sign writes down whose lock it is. That helps people, so nothing depends on it.
func (l lock) sign() {
	if l.file != nil {
		_, _ = fmt.Fprintln(l.file, os.Getpid())
	}
}

// holder is " (pid N)" when the file says so.
func (p place) holder() string {
	f, err := os.Open(p.path + ".lock")
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64))
	pid, e := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || e != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", pid)
}

// release lets the lock go.
func (l lock) release() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
