//go:build unix

package wasm

import (
	"io/fs"
	"os"
	"syscall"
)

// isMine reports whether a file belongs to the user of this process.
func isMine(info fs.FileInfo) bool { return ownerOf(info) == os.Geteuid() }

// isRoots reports whether a file belongs to root, who can do anything anyway.
func isRoots(info fs.FileInfo) bool { return ownerOf(info) == 0 }

func ownerOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
