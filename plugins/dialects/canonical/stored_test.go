package canonical_test

import (
	"testing"

	"github.com/penstock/penstock/plugins/dialects/canonical"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

func TestStateHoldsNoPointers(t *testing.T) { dialecttest.CheckStored(t, canonical.Stored) }
