// Package policies embeds the admission policy that Penstock uses when the operator
// configures none, its tests, and the published schema of the policy input. It has files
// only: gateway/internal/policy compiles and evaluates them.
package policies

import "embed"

// FS has the .rego files of this folder and schema/*.json.
//
//go:embed *.rego schema/*.json
var FS embed.FS
