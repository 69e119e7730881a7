package tracing

// This file has every attribute that a query may depend on. Those of GenAI are still marked
// "Development" in OpenTelemetry's conventions and may change.
const (
	genOperation    = "gen_ai.operation.name"
	genProvider     = "gen_ai.provider.name"
	genModel        = "gen_ai.request.model"
	genServed       = "gen_ai.response.model"
	genFinish       = "gen_ai.response.finish_reasons"
	genFirstChunk   = "gen_ai.response.time_to_first_chunk"
	genConversation = "gen_ai.conversation.id"
	genInputTokens  = "gen_ai.usage.input_tokens"
	genOutputTokens = "gen_ai.usage.output_tokens"
	genCachedTokens = "gen_ai.usage.cache_read.input_tokens"
	genInput        = "gen_ai.input.messages"
	genOutput       = "gen_ai.output.messages"
	httpStatus      = "http.response.status_code"
	errorType       = "error.type"
)

// The gateway's own attributes.
const (
	penstockRequest     = "penstock.request.id"
	penstockKey         = "penstock.key.id"
	penstockTeam        = "penstock.team"
	penstockStream      = "penstock.stream"
	penstockCache       = "penstock.cache"
	penstockRoute       = "penstock.route"
	penstockRouter      = "penstock.router"
	penstockRouterFault = "penstock.router.fault"
	penstockCandidates  = "penstock.candidates"
	penstockTarget      = "penstock.target"
	penstockCredential  = "penstock.credential"
	penstockTry         = "penstock.try"
	penstockHedge       = "penstock.hedge"
	penstockResumes     = "penstock.resumes"
	penstockAttempts    = "penstock.attempts"
	penstockCost        = "penstock.cost_usd"
	penstockSaved       = "penstock.saved_usd"
	penstockAllow       = "penstock.policy.allow"
	penstockRevision    = "penstock.policy.revision"
	penstockMemoized    = "penstock.policy.memoised"
	penstockReason      = "penstock.policy.reason"
	penstockLimits      = "penstock.limits"
)
