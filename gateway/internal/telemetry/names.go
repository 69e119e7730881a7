package telemetry

// This file has every name that a dashboard or an alert may depend on. Those that begin
// with gen_ai follow OpenTelemetry's semantic conventions for generative AI, which are
// still marked "Development" and may change.
const (
	nameRequests         = "penstock_requests_total"
	nameDuration         = "gen_ai_client_operation_duration_seconds"
	nameFirstByte        = "gen_ai_client_operation_time_to_first_chunk_seconds"
	nameOverhead         = "penstock_overhead_seconds"
	nameTokens           = "penstock_tokens_total"
	nameTokensPerReply   = "gen_ai_client_token_usage"
	nameCost             = "penstock_cost_usd_total"
	nameSaved            = "penstock_cost_saved_usd_total"
	nameCacheStore       = "penstock_cache_store_operations_total"
	nameCacheStoreUp     = "penstock_cache_store_up"
	namePromptSaved      = "penstock_prompt_cache_saved_usd_total"
	nameDecisionsDropped = "penstock_decision_log_dropped_total"
	nameBundlePolls      = "penstock_policy_bundle_polls_total"
	nameBundleFailing    = "penstock_policy_bundle_failing"
	nameBundleChecked    = "penstock_policy_bundle_checked_timestamp_seconds"
	nameUnpriced         = "penstock_unpriced_requests_total"
	nameAttempts         = "penstock_attempts_total"
	nameDecisions        = "penstock_policy_decisions_total"
	nameModuleCalls      = "penstock_module_calls_total"
	nameModuleFuel       = "penstock_module_fuel_total"
	nameModuleLatency    = "penstock_module_call_seconds"
	nameModuleInstances  = "penstock_module_instances"
	nameModuleIdle       = "penstock_module_instances_idle"
	nameModuleMemory     = "penstock_module_memory_bytes"
	nameModuleRecycled   = "penstock_module_recycled_total"
	nameModuleDiscarded  = "penstock_module_discarded_total"
	nameModuleCompile    = "penstock_module_compile_seconds"
	nameModuleCompiles   = "penstock_module_compiles_total"
	nameModuleReloads    = "penstock_module_reloads_total"
	nameOwn              = "penstock_plugin_metric_total"
	nameInflight         = "penstock_requests_in_flight"
	nameFollowing        = "penstock_cache_followers"
	nameLedgerFailing    = "penstock_ledger_failing"
	nameLedgerLag        = "penstock_ledger_lag_seconds"
	nameLedgerWaiting    = "penstock_ledger_waiting_records"
	nameLedgerLost       = "penstock_ledger_lost_records_total"
	nameHeld             = "penstock_held_bytes"
	nameTargetOpen       = "penstock_target_open"
	nameTargetInflight   = "penstock_target_in_flight"
	nameTargetErrors     = "penstock_target_error_ratio"
	nameTargetFirstToken = "penstock_target_first_token_seconds"
	nameCredentialOpen   = "penstock_credential_open"
	nameRetriesLeft      = "penstock_retry_budget_left"
	nameRetriesTaken     = "penstock_retry_budget_taken_total"
	nameRetriesDenied    = "penstock_retry_budget_denied_total"
	nameTokensVerified   = "penstock_oidc_tokens_total"
	nameKeyFetches       = "penstock_oidc_key_fetches_total"
	nameRefused          = "penstock_unauthenticated_total"
	nameWaiting          = "penstock_requests_waiting"
	nameWait             = "penstock_queue_wait_seconds"
	nameOverload         = "penstock_overload_refused_total"
)

// More names, of the figures of targets and of the cache.
const (
	nameTargetFirstTokenQuantile = "penstock_target_first_token_quantile_seconds"
	nameTargetErrorClass         = "penstock_target_error_class_ratio"
	nameTargetCircuit            = "penstock_target_circuit"
	nameTargetSpeed              = "penstock_target_tokens_per_second"
	nameTargetRequests           = "penstock_target_remaining_requests"
	nameTargetTokens             = "penstock_target_remaining_tokens"
	nameTargetCooldown           = "penstock_target_cooldown_seconds"
	nameCacheBytes               = "penstock_cache_bytes"
	nameCacheLimit               = "penstock_cache_limit_bytes"
	nameCacheEntries             = "penstock_cache_entries"
	nameCacheRatio               = "penstock_cache_hit_ratio"
	nameCacheGone                = "penstock_cache_gone_total"
	nameStage                    = "penstock_stage_seconds"
	nameTimePerToken             = "gen_ai_server_time_per_output_token_seconds"
	nameBudgetRefused            = "penstock_budget_refused_total"
	nameMeters                   = "penstock_meter_counters"
	nameModuleDisabled           = "penstock_module_disabled"
	nameTraces                   = "penstock_traces_total"
	nameWebhooks                 = "penstock_webhook_events_total"
	nameLinesDropped             = "penstock_log_dropped_total"
	nameProbes                   = "penstock_probes_total"
	nameProbeCost                = "penstock_probe_cost_usd_total"
)

// Labels. None may hold a key, a user, a request id or anything else with an unlimited
// number of values.
const (
	labelRoute  = "route"
	labelTarget = "target"
	// labelCredential is the ID of a credential, which is configured and not secret.
	labelCredential = "credential"
	labelStatus     = "status" // the class: 2xx, 4xx
	labelCache      = "cache"
	labelType       = "gen_ai_token_type"
	labelFault      = "fault"
	labelResult     = "result"
	labelMemoized   = "memoised"
	labelModule     = "module"
	labelPlugin     = "plugin"
	labelName       = "name"
	labelReason     = "reason"
	labelIssuer     = "issuer" // the configured name
	labelPriority   = "priority"
	labelState      = "state" // of a circuit
	labelQuantile   = "quantile"
	labelQueue      = "queue" // gateway or target
	labelStage      = "stage"
	labelUnit       = "unit" // of a limit
	labelSink       = "sink" // of the decision log
)

// Values of labelType, by the conventions.
const (
	tokensIn  = "input"
	tokensOut = "output"
)

// other replaces every label value beyond the cap, none an absent one.
const (
	other = "other"
	none  = "none"
)
