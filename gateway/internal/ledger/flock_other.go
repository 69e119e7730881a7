//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package ledger

import "os"

// noFollow is not to be had here.
const noFollow = 0

// flock locks nothing here: that only one process serves from a ledger is left to its
// operator.
func flock(*os.File) (ok bool, err error) { return true, nil }
