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

// position is a place in the journal: a segment's number and an offset into its file.
// Every entry before the position that the database remembers has been imported.
type position struct{ segment, offset int64 }

func (p position) before(q position) bool {
	return cmp.Or(cmp.Compare(p.segment, q.segment), cmp.Compare(p.offset, q.offset)) < 0
}

// segmentInfix stands between the database's name and a segment's number. SQLite has
// a use of its own for a file whose name ends after "-journal".
const segmentInfix = ".journal-"

// segment is the path of a segment's file.
func (p place) segment(n int64) string { return fmt.Sprintf("%s%s%08d", p.path, segmentInfix, n) }

// segments lists the numbers of the segments that are there, oldest first.
func (p place) segments() ([]int64, error) {
	if p.path == "" {
		return nil, nil
	}
	dir, err := os.ReadDir(filepath.Dir(p.path))
	if err != nil {
		return nil, err
	}
	var list []int64
	for _, f := range dir {
		digits, ok := strings.CutPrefix(f.Name(), filepath.Base(p.path)+segmentInfix)
		if n, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && n > 0 && len(digits) >= 8 {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// createSegment makes a segment's file, which must not be there yet.
func (p place) createSegment(n int64) (*os.File, error) {
	return os.OpenFile(p.segment(n), os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
}

// openSegment opens a segment to read it.
func (p place) openSegment(n int64) (*os.File, error) {
	return os.OpenFile(p.segment(n), os.O_RDONLY|noFollow, 0)
}

// readSegment reads a segment whole.
func (p place) readSegment(n int64) ([]byte, error) {
	f, err := p.openSegment(n)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// removeBefore deletes the segments before the given one, oldest first and only as
// long as that succeeds: a lease may have been opened in one and closed in the next.
func (p place) removeBefore(n int64) error {
	list, err := p.segments()
	if err != nil {
		return err
	}
	for _, old := range list {
		if old >= n {
			break
		}
		if err := os.Remove(p.segment(old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// journalEnd is how far the journal reaches now; the zero position when there is none.
func (p place) journalEnd() (position, error) {
	list, err := p.segments()
	if err != nil || len(list) == 0 {
		return position{}, err
	}
	last := list[len(list)-1]
	info, err := os.Stat(p.segment(last))
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, nil // it has been imported and deleted in the meantime
	}
	if err != nil {
		return position{}, err
	}
	return position{last, info.Size()}, nil
}
