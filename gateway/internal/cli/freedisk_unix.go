//go:build linux || darwin

package cli

import "syscall"

// freeDisk returns how many bytes a folder's disk has left for this user; ok is false where that
// is not known.
func freeDisk(dir string) (bytes uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
