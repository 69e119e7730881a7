// Package policies embeds the admission policy that Penstock uses when the operator
// names none, its tests, and the published schema of the policy input. It holds files
// only: compiling and evaluating them is the business of gateway/internal/policy.
package policies

import "embed"

// FS holds default.rego, default_test.rego and schema/input.json.
//
//go:embed default.rego default_test.rego schema/input.json
var FS embed.FS
