package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate migrates the schema to the newest version. The database's user_version is the
// number of migrations that it has had.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := userVersion(ctx, db)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("it was written by a newer penstock (schema %d, this version knows %d); upgrade, or choose another path", version, len(steps))
	}
	for ; version < len(steps); version++ {
		if err := step(ctx, db, steps[version], version); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	return nil
}

func userVersion(ctx context.Context, q querier) (version int, err error) {
	err = q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// step migrates the schema from version to version+1 in one transaction, unless another
// process has done so meanwhile.
func step(ctx context.Context, db *sql.DB, file string, version int) error {
	script, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if now, err := userVersion(ctx, conn); err != nil || now != version {
		_, e := conn.ExecContext(ctx, "ROLLBACK")
		return cmp.Or(err, e)
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("%s;\nPRAGMA user_version = %d;\nCOMMIT", script, version+1))
	if err != nil {
		_, _ = conn.ExecContext(ctx, "ROLLBACK") // the first error is the one to report
	}
	return err
}
