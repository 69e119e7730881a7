package decisionlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
)

// Bounds of one write to a file or stream.
const (
	fileBatchLines = 256
	fileBatchBytes = 1 << 20
)

// File appends lines to a file that only the gateway's user may read. A file that was
// renamed or deleted is opened anew under its name before the next write, so logrotate
// needs no signal; one that was truncated goes on from its start.
type File struct {
	path string
	o    FileOptions
	file *os.File
	size int64
	// torn says that the file may end within a line.
	torn bool
	// failing says that the last write failed, which was logged.
	failing bool
}

// FileOptions tune a File. The zero value works.
type FileOptions struct {
	// MaxSize is the size from which a file is renamed to FILE.1, in bytes, and an older FILE.1 to
	// FILE.2, and so on; 0 means never.
	MaxSize int64
	// Keep is how many renamed files are kept; the oldest is deleted.
	Keep int
	// Log gets a line when writing begins to fail and when it works again. Nil logs nothing.
	Log *slog.Logger
}

// OpenFile opens the file for appending; a missing one is created.
func OpenFile(path string, o FileOptions) (*File, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &File{path: path, o: o}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size, f.torn = file, info.Size(), false
	return nil
}

// Name is the sink's name in metrics.
func (f *File) Name() string { return "file" }

// Batch bounds one Write.
func (f *File) Batch() Batch { return Batch{Lines: fileBatchLines, Bytes: fileBatchBytes} }

// Write appends lines. A file that cannot be written is tried again with the next lines.
func (f *File) Write(_ context.Context, lines []Line) (int, string, error) {
	err := f.reopen()
	written := 0
	for err == nil && written < len(lines) {
		if err = f.rotate(); err != nil {
			break
		}
		n := f.fitting(lines[written:])
		if err = f.append(lines[written : written+n]); err == nil {
			written += n
		}
	}
	f.report(err)
	if err != nil {
		return len(lines) - written, reasonNotWritten, err
	}
	return 0, "", nil
}

// report logs when writing begins to fail and when it works again.
func (f *File) report(err error) {
	if failing := err != nil; failing != f.failing {
		f.failing = failing
		if failing {
			f.o.Log.Error("the decision log cannot be written; its lines are dropped until it can", "file", f.path, "err", err)
		} else {
			f.o.Log.Info("the decision log is written again", "file", f.path)
		}
	}
}

// reopen opens the file again if there is another one, or none, under its name.
func (f *File) reopen() error {
	if f.file == nil {
		return f.open()
	}
	now, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if open, openErr := f.file.Stat(); err == nil && openErr == nil && os.SameFile(now, open) {
		f.size = open.Size()
		return nil
	}
	err = f.file.Close()
	f.file = nil
	return errors.Join(err, f.open())
}

// rotate renames the file if it is full.
func (f *File) rotate() error {
	if f.o.MaxSize <= 0 || f.size < f.o.MaxSize {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	if err != nil {
		return err
	}
	for n := f.o.Keep - 1; n >= 1; n-- {
		if err := os.Rename(f.old(n), f.old(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if f.o.Keep == 0 {
		err = os.Remove(f.path)
	} else {
		err = os.Rename(f.path, f.old(1))
	}
	return errors.Join(err, f.open())
}

func (f *File) old(n int) string { return f.path + "." + strconv.Itoa(n) }

// fitting returns how many lines the file takes before it is full, at least one.
func (f *File) fitting(lines []Line) int {
	if f.o.MaxSize <= 0 {
		return len(lines)
	}
	n, size := 0, f.size
	for n < len(lines) && (n == 0 || size < f.o.MaxSize) {
		size += int64(len(lines[n].JSON)) + 1
		n++
	}
	return n
}

// append writes lines at once, so that other writers' lines do not come between.
func (f *File) append(lines []Line) error {
	text := join(lines, f.torn)
	n, err := f.file.Write(text)
	f.size += int64(n)
	f.torn = err != nil && (f.torn || n > 0)
	return err
}

// join returns lines with their newlines, after one more if the text before them may end within
// a line.
func join(lines []Line, torn bool) (text []byte) {
	if torn {
		text = append(text, '\n')
	}
	for _, line := range lines {
		text = append(append(text, line.JSON...), '\n')
	}
	return text
}

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Stream writes lines to a stream that others write to as well, such as standard error. It
// does not close it.
type Stream struct {
	name string
	to   io.Writer
}

// NewStream returns an output with a name for metrics.
func NewStream(name string, to io.Writer) *Stream { return &Stream{name, to} }

// Name is the sink's name in metrics.
func (s *Stream) Name() string { return s.name }

// Batch bounds one Write.
func (s *Stream) Batch() Batch { return Batch{Lines: fileBatchLines, Bytes: fileBatchBytes} }

// Write writes lines at once. A stream that nobody reads is left when ctx ends, with a goroutine
// that still writes: nothing may be written after that.
func (s *Stream) Write(ctx context.Context, lines []Line) (int, string, error) {
	if ctx.Err() != nil {
		return len(lines), reasonShutdown, fmt.Errorf("write %s: %w", s.name, ctx.Err())
	}
	written, text := make(chan error, 1), join(lines, false)
	go func() {
		_, err := s.to.Write(text)
		written <- err
	}()
	select {
	case err := <-written:
		if err != nil {
			return len(lines), reasonNotWritten, fmt.Errorf("write %s: %w", s.name, err)
		}
		return 0, "", nil
	case <-ctx.Done():
		return len(lines), reasonShutdown, fmt.Errorf("write %s: nobody reads it", s.name)
	}
}

// Close does nothing.
func (s *Stream) Close() error { return nil }
