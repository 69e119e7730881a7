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

// ErrInUse is returned when another process writes the ledger.
var ErrInUse = errors.New("another penstock process serves from this ledger")

// lock is held by the process that writes the journal. Its file stays after release:
// another process may be about to lock it.
type lock struct{ file *os.File }

const (
	// maxLockWait is how long a server waits for the lock: a command may hold it for a
	// moment.
	maxLockWait = time.Second
	// pollInterval is the pause between checks of what other processes do.
	pollInterval = 10 * time.Millisecond
)

// tryAcquire takes the lock without waiting; ok reports whether it did.
func (at location) tryAcquire() (l lock, ok bool, err error) {
	if at.path == "" {
		return lock{}, true, nil
	}
	f, err := os.OpenFile(at.path+".lock", os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return lock{}, false, err
	}
	if ok, err = flock(f); !ok || err != nil {
		return lock{}, false, errors.Join(err, f.Close())
	}
	_ = f.Truncate(0) // it has the PID of the last holder
	return lock{f}, true, nil
}

// acquire takes the lock for a server and writes its PID into the file.
func (at location) acquire(ctx context.Context) (lock, error) {
	ctx, stop := context.WithTimeout(ctx, maxLockWait)
	defer stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		l, ok, err := at.tryAcquire()
		if err != nil {
			return lock{}, err
		}
		if ok {
			l.writePID()
			return l, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return lock{}, fmt.Errorf("%w%s; stop it first, or configure another ledger for this one", ErrInUse, at.holder())
		}
	}
}

// writePID writes the process's PID for error messages. Nothing else depends on it.
func (l lock) writePID() {
	if l.file != nil {
		_, _ = fmt.Fprintln(l.file, os.Getpid())
	}
}

// holder returns " (pid N)" of the process that holds the lock, if the file has it.
func (at location) holder() string {
	f, err := os.Open(at.path + ".lock")
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

// release releases the lock.
func (l lock) release() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
