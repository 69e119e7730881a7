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
	// help.
	maxLog = 8192
	// pruneEvery is how often totals of windows that are over are dropped.
	pruneEvery = time.Minute
	// chore bounds one piece of housekeeping.
	chore = 10 * time.Second
)

// checkpoint moves pages from the log to the database file, as far as neither readers
// nor the writer are in the way. It waits for nobody.
const checkpoint = "PRAGMA wal_checkpoint(PASSIVE)"

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

// checkpoint moves what it can without disturbing anyone. While writing never pauses
// it does not catch up, and the log cannot start afresh; when it has grown large, the
// writer is asked to move the little that is left between two groups. A stronger kind
// of checkpoint would lock writers out for as long as the slowest reader takes.
//
// A failure leaves the pages in the log, where they are as safe; the next round
// tries again.
func (k *keeper) checkpoint(ctx context.Context) {
	k.writer.written.Store(0)
	ctx, stop := context.WithTimeout(ctx, chore)
	defer stop()
	var busy, pages, moved int64
	err := k.db.QueryRowContext(ctx, checkpoint).Scan(&busy, &pages, &moved)
	if err == nil && pages > maxLog {
		o := newOp()
		o.catchUp = true
		_ = k.writer.do(ctx, o)
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
