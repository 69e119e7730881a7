package wasm

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// makePrivate creates the directory, whose path is absolute, and refuses one into which other
// users could put machine code for the gateway to run: the directory and its contents must
// belong to this user, and nobody else may be able to replace it.
func makePrivate(dir string) error {
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
	case !ownedByUser(info):
		return fmt.Errorf("%s belongs to another user", dir)
	case info.Mode()&0o022 != 0:
		return fmt.Errorf("other users can write to %s: run chmod 700 on it", dir)
	}
	if err := checkContents(dir); err != nil {
		return err
	}
	return checkParents(filepath.Dir(dir), maxLinks)
}

// maxLinks bounds the symbolic links in the path of a directory.
const maxLinks = 16

// checkContents reports a file in dir that is another user's, or a link.
func checkContents(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil // another process has removed it
		}
		if !ownedByUser(info) || !info.IsDir() && !info.Mode().IsRegular() {
			return fmt.Errorf("%s was put there by another user, or is a link: delete it", path)
		}
		return nil
	})
}

// checkParents reports a directory on the path to dir in which another user could replace the
// next one. The target of a link is checked like dir.
func checkParents(dir string, links int) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		link := info.Mode()&fs.ModeSymlink != 0
		switch {
		case !ownedByUser(info) && !ownedByRoot(info):
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
			if err := checkParents(to, links-1); err != nil {
				return err
			}
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}
