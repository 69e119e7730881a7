package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// allowedBuiltins are the functions that a policy may call, sorted: those whose result
// depends on their arguments alone. Network, clock, randomness, environment, keys and
// certificates are not among them, nor functions without a use for policies about
// requests, nor those whose work their operands' size does not bound. boundBuiltins bounds
// the others.
var allowedBuiltins = []string{
	"abs", "and", "array.concat", "array.flatten", "array.reverse", "array.slice", "assign",
	"base64.decode", "base64.encode", "base64.is_valid", "base64url.decode", "base64url.encode",
	"base64url.encode_no_pad", "bits.and", "bits.lsh", "bits.negate", "bits.or", "bits.rsh", "bits.xor",
	"ceil", "concat", "contains", "count", "crypto.hmac.equal", "crypto.hmac.sha256", "crypto.md5",
	"crypto.sha1", "crypto.sha256", "div", "endswith", "eq", "equal", "floor", "format_int",
	"glob.match", "glob.quote_meta", "graph.reachable", "gt", "gte",
	"hex.decode", "hex.encode", "indexof", "indexof_n", "internal.member_2", "internal.member_3",
	"internal.print", "internal.template_string", "intersection", "is_array", "is_boolean",
	"is_null", "is_number", "is_object", "is_set", "is_string", "json.filter", "json.is_valid",
	"json.marshal", "json.remove", "json.unmarshal",
	"lower", "lt", "lte", "max", "min", "minus", "mul", "neq", "numbers.range", "numbers.range_step",
	"object.filter", "object.get", "object.keys", "object.remove", "object.subset", "object.union",
	"object.union_n", "or", "plus", "print", "product", "regex.find_all_string_submatch_n",
	"regex.find_n", "regex.is_valid", "regex.match", "regex.replace",
	"regex.split", "rego.metadata.chain", "rego.metadata.rule", "rem",
	"replace", "round", "semver.compare", "semver.is_valid", "sort", "split", "sprintf",
	"startswith", "strings.any_prefix_match", "strings.any_suffix_match", "strings.count",
	"strings.replace_n", "strings.reverse", "strings.split_n",
	"substring", "sum", "time.add_date", "time.clock", "time.date", "time.diff", "time.format",
	"time.parse_duration_ns", "time.parse_ns", "time.parse_rfc3339_ns", "time.weekday",
	"to_number", "trim", "trim_left", "trim_prefix", "trim_right", "trim_space", "trim_suffix",
	"type_name", "union", "units.parse", "units.parse_bytes", "upper", "uri.is_valid", "uri.parse",
	"urlquery.decode", "urlquery.decode_object", "urlquery.encode", "urlquery.encode_object",
	"walk",
}

// unbounded are functions whose work cannot be estimated from their operands.
var unbounded = []string{"graph.reachable_paths", "json.marshal_with_options", "json.patch", "regex.globs_match",
	"regex.template_match", "strings.render_template", "yaml.is_valid", "yaml.marshal", "yaml.unmarshal"}

// capabilities are what the compiler accepts: the allowed functions, and those in extra.
func capabilities(extra ...string) *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		_, allowed := slices.BinarySearch(allowedBuiltins, b.Name)
		return !allowed && !slices.Contains(extra, b.Name)
	})
	c.AllowNet = []string{} // no schema is fetched either
	return c
}
