package hook

import (
	"fmt"
	"slices"
	"strings"
)

// The grants.
const (
	// GrantClock allows the import penstock.now_ms.
	GrantClock = "clock"
	// GrantRandom allows the import penstock.random_u64.
	GrantRandom = "random"
	// GrantMetrics allows the import penstock.metric_add.
	GrantMetrics = "metrics"
	// GrantKV allows the imports penstock.kv_get and penstock.kv_set.
	GrantKV = "kv"
	// GrantLog is allowed to every module; naming it has no effect.
	GrantLog = "log"
	// GrantMessages puts the request's messages into the JSON routing envelope, and lets a
	// router read its last user text.
	GrantMessages = "read:messages"
)

var grantNames = Grants{GrantLog, GrantClock, GrantRandom, GrantMetrics, GrantKV, GrantMessages}

// AllGrants returns all grants.
func AllGrants() Grants { return slices.Clone(grantNames) }

// Grants is a set of grants.
type Grants []string

// Has reports whether a grant is in the set.
func (g Grants) Has(name string) bool { return slices.Contains(g, name) }

// CheckGrants reports a grant that does not exist.
func CheckGrants(grants []string) error {
	for _, g := range grants {
		if !slices.Contains(grantNames, g) {
			return fmt.Errorf("unknown grant %q; there are %s", g, strings.Join(grantNames, ", "))
		}
	}
	return nil
}
