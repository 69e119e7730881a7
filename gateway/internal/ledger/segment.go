package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// position is a position in the journal: a segment's number and an offset in its file.
// Every entry before the position that the database has as its mark is imported.
type position struct{ segment, offset int64 }

func (p position) before(q position) bool {
	return cmp.Or(cmp.Compare(p.segment, q.segment), cmp.Compare(p.offset, q.offset)) < 0
}

// segmentInfix is between the database's name and a segment's number. SQLite itself uses a
// file whose name ends with "-journal".
const segmentInfix = ".journal-"

// segment returns the path of a segment's file.
func (at location) segment(n int64) string { return fmt.Sprintf("%s%s%08d", at.path, segmentInfix, n) }

// segments returns the numbers of the existing segments, oldest first.
func (at location) segments() ([]int64, error) {
	if at.path == "" {
		return nil, nil
	}
	dir, err := os.ReadDir(filepath.Dir(at.path))
	if err != nil {
		return nil, err
	}
	var list []int64
	for _, f := range dir {
		digits, ok := strings.CutPrefix(f.Name(), filepath.Base(at.path)+segmentInfix)
		if n, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && n > 0 && len(digits) >= 8 {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// createSegment makes a segment's file, which must not exist yet.
func (at location) createSegment(n int64) (*os.File, error) {
	return os.OpenFile(at.segment(n), os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
}

// openSegment opens a segment for reading.
func (at location) openSegment(n int64) (*os.File, error) {
	return os.OpenFile(at.segment(n), os.O_RDONLY|noFollow, 0)
}

// readSegment reads a whole segment.
func (at location) readSegment(n int64) ([]byte, error) {
	f, err := at.openSegment(n)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// removeBefore deletes the segments before the given one, oldest first and only as
// long as that succeeds: a lease may have been opened in one and closed in the next.
func (at location) removeBefore(n int64) error {
	list, err := at.segments()
	if err != nil {
		return err
	}
	for _, old := range list {
		if old >= n {
			break
		}
		if err := os.Remove(at.segment(old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// journalEnd returns the end of the journal; the zero position when there is none.
func (at location) journalEnd() (position, error) {
	list, err := at.segments()
	if err != nil || len(list) == 0 {
		return position{}, err
	}
	last := list[len(list)-1]
	info, err := os.Stat(at.segment(last))
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, nil // it has been imported and deleted meanwhile
	}
	if err != nil {
		return position{}, err
	}
	return position{last, info.Size()}, nil
}
