//go:build unix

package wasm

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUser reports whether a file belongs to the user of this process.
func ownedByUser(info fs.FileInfo) bool { return ownerOf(info) == os.Geteuid() }

// ownedByRoot reports whether a file belongs to root, who can do anything.
func ownedByRoot(info fs.FileInfo) bool { return ownerOf(info) == 0 }

func ownerOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
