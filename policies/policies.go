// Package policies embeds the admission policy that Penstock uses when the operator
// configures none, its tests, and the published schema of the policy input. It has files
// only: gateway/internal/policy compiles and evaluates them.
package policies

import "embed"

// FS has default.rego, default_test.rego and schema/input.json.
//
//go:embed default.rego default_test.rego schema/input.json
var FS embed.FS
