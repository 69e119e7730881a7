package ledger

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

const (
	// checkpointEvery is the growth of the log, in bytes, after which its pages are
	// moved to the database file.
	checkpointEvery = 8 << 20
	// maxLog is the size of the log, in pages of 4 KiB, at which the writer is made to
	// pause for the moment it takes to start the log afresh.
	maxLog = 8192
	// pruneEvery is how often totals of windows that are over are dropped.
	pruneEvery = time.Minute
	// chore bounds one piece of housekeeping.
	chore = 10 * time.Second
)

// keeper keeps house beside the writer: it moves the log's pages to the database
// file, which waits for the disk, and drops totals that nobody needs any more.
type keeper struct {
	db     *sql.DB
	writer *writer
	now    func() time.Time
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

func startKeeper(db *sql.DB, w *writer, now func() time.Time) *keeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &keeper{db: db, writer: w, now: now, stop: stop}
	k.wg.Go(func() { k.loop(ctx) })
	return k
}

func (k *keeper) close() {
	k.stop()
	k.wg.Wait()
}

func (k *keeper) loop(ctx context.Context) {
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		select {
		case <-k.writer.kick:
			k.checkpoint(ctx)
		case <-t.C:
			k.prune(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// checkpoint moves what it can without disturbing anyone. Only when the log has
// grown large although, because writing never paused, is the writer held up while
// the rest is moved. A failure leaves the pages in the log, where they are as safe;
// the next round tries again.
func (k *keeper) checkpoint(ctx context.Context) {
	k.writer.written.Store(0)
	ctx, stop := context.WithTimeout(ctx, chore)
	defer stop()
	var busy, pages, moved int64
	err := k.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved)
	if err == nil && pages > maxLog {
		_, _ = k.db.ExecContext(ctx, "PRAGMA wal_checkpoint(RESTART)")
	}
}

// prune goes through the writer, like every write. A failure is made good by the
// next round.
func (k *keeper) prune(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, chore)
	defer stop()
	o := newOp()
	o.prune = k.now().Unix()
	_ = k.writer.do(ctx, o)
}
