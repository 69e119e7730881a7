//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package ledger

import (
	"errors"
	"os"
	"syscall"
)

// noFollow makes opening a symbolic link fail: another user may have put it there.
const noFollow = syscall.O_NOFOLLOW

// flock locks a file until it is closed or its process ends. It does not wait; ok reports
// whether it got the lock.
func flock(f *os.File) (ok bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
