//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package ledger

import (
	"errors"
	"os"
	"syscall"
)

// noFollow makes opening a symbolic link fail: somebody else may have put it there.
const noFollow = syscall.O_NOFOLLOW

// flock locks a file until it is closed or its process is no more. It does not wait;
// ok says whether it could.
func flock(f *os.File) (ok bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
