package wasm

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// private makes the directory, whose path is absolute, or refuses one in which others could put machine code for
// the gateway to run: it and all that is in it must be this user's, and nobody else may
// be able to put another one in its place.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder itself: it may lead elsewhere", dir)
	case !isMine(info):
		return fmt.Errorf("%s belongs to another user", dir)
	case info.Mode()&0o022 != 0:
		return fmt.Errorf("other users can write to %s: run chmod 700 on it", dir)
	}
	if err := contentsMine(dir); err != nil {
		return err
	}
	return safelyReached(filepath.Dir(dir), maxLinks)
}

// maxLinks bounds the links on the way to a directory.
const maxLinks = 16

// contentsMine reports what in dir is another user's, or a link.
func contentsMine(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil // it went away: another process cleans up
		}
		if !isMine(info) || !info.IsDir() && !info.Mode().IsRegular() {
			return fmt.Errorf("%s was put there by another user, or is a link: delete it", path)
		}
		return nil
	})
}

// safelyReached reports a folder on the way from the root to dir in which another user
// could replace the next one. A link counts if its owner does, and leads to another way.
func safelyReached(dir string, links int) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		link := info.Mode()&fs.ModeSymlink != 0
		switch {
		case !isMine(info) && !isRoots(info):
			return fmt.Errorf("%s, which leads to it, belongs to another user", at)
		case link && links == 0:
			return fmt.Errorf("%s is behind too many links", at)
		case !link && info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
			return fmt.Errorf("other users can write to %s, which leads to it: run chmod go-w on it", at)
		}
		if link {
			to, err := filepath.EvalSymlinks(at)
			if err != nil {
				return err
			}
			if err := safelyReached(to, links-1); err != nil {
				return err
			}
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
