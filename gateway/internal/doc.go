// Package internal is the map of the gateway's packages. It has no code.
//
// Imports point down this list only; imports_test.go holds the exact table.
//
// The program:
//
//	cli             one file for each verb of the command line; prints, wires nothing
//	server          one process: opens the parts, serves, reloads, drains, closes
//	plugintool      starts, builds, tests, fuzzes, times, replays and signs a plugin
//
// What joins several parts:
//
//	routes          request → route: names, patterns, conditions, canaries, discovered providers
//	holds           reservations on limits, in the meter and in the ledger at once
//	calllog         recorded calls of plugins
//	compiler        compiles plugins in a process of its own, with a cache on disk
//	httpapi         the HTTP API on Echo: access, bodies, deadlines, writing replies
//	wire            the wire formats known natively: facts, pass-through, translation, errors
//	wasm/cases      test cases of plugins: play them, compare, time
//
// The parts, which do not import each other:
//
//	pipeline        the life of one request, in its fixed order; declares what it needs
//	policy          Rego: allow, limits, obligations
//	bundle          fetches policy bundles and keeps the last good one
//	decisionlog     writes decisions and settlements to files and OTLP receivers
//	cache           replies of equal requests
//	cache/remote    the same in Redis or Valkey, shared by several gateways
//	labels          has endpoints label requests
//	upstream        calls to providers: credentials, retries, health, cooldowns
//	media           fetches what requests name by URL
//	wasm            runs plugins: load, pool, call, grants, signatures
//	wasm/fuel       makes a module count its own work
//	wasm/hook       the contract with plugins in the words of llm
//	wasm/asm        assembles modules for tests
//	wire/intake     request body → facts, strictly
//	wire/apierror   a provider's error → llm.Error
//	httpapi/admin   the endpoints for operators
//	httpapi/dashboard  the web interface for operators
//	httpapi/tags    tags of a request
//	meter           reserve, settle: the counters that limits are enforced on
//	replay          ranks recorded requests again, with the same router or others; compares policies over them
//	ledger          records of requests, spend, leases, feedback; SQLite behind a journal
//	keys            virtual keys, teams and users
//	audit           who changed what by the admin API or the command line
//	oidc            verifies tokens of OpenID Connect issuers
//	raises          operators' temporary raises of limits
//	catalog         prices, context windows and capabilities of models
//	catalog/source  reads what others publish about models
//	certs           certificates that an authority issues by ACME
//	config          one YAML file → settings, every fault with its line
//	telemetry       Prometheus metrics
//	tracing         traces of requests, by OTLP
//	webhook         tells other systems of events
//	logging         the log's format, and the access log
//	activity        what requests have done in the last 24 hours, in memory
//	classifier      trains and evaluates the model of the strategy classifier
//	tokens          token counts of prompts
//	demo            the built-in provider
//	llmtest         a scripted provider for tests
//
//	httpapi/openapi  the description of the API
//	httpapi/dashboard/chart  draws charts as SVG
//	generated       writes generated files, or checks that they are up to date
//	similar         finds stored replies to requests in other words
//	queue           bounds requests in flight; the others wait by priority
//
// The base, which imports the standard library only:
//
//	llm             words of the domain: requests, targets, events, usage, money, errors
//	framing         Server-Sent Events
//	jsontext        a strict JSON scanner and writer
//	bounded         a map with a bounded number of entries
//	ratelimit       what providers' headers say about their limits
//	hint            an error with what to do about it
//	atomicfile      replaces files in one step
//	publicaddr      which addresses are on the public internet
//
// Programs of their own:
//
//	bench             measures the gateway's overhead
//	bench/floor       the smallest proxy on the same stack, to compare with
//	httpapi/openapi/generate  writes the description of the API
//	simulation        lets the strategies route a simulated day, and draws what came of it
//	catalog/generate  writes the catalog's data
//	classifier/generate  trains the classifier's built-in weights
//	policy/generate  writes the schemas of the policy's input and decision
//	config/generate   writes the reference of the configuration
//	sbom              writes the bill of materials of a binary
//	testreport        prints the output of go test -json
//
// # The way of a request
//
// httpapi accepts it, authenticates the virtual key with keys and reads the body with
// wire, whose intake makes the facts of it. server hands it to the pipeline of the current
// snapshot. The pipeline finds the route (routes), asks for a decision (policy) and looks
// into the cache. On a miss a router ranks the targets (wasm). For each target in that
// order it reserves the worst case on every limit (holds, which is meter and ledger), makes
// the call in the target's format (wire, with transforms and dialects in wasm) and sends it
// (upstream), which may retry or go to the next target. The reply comes back as events,
// translated if the formats differ, into the cache and to httpapi. At the end, on every
// path, the usage replaces the reservation, and one record goes to the ledger, telemetry,
// the decision log and calllog.
package internal
