package main

import (
	"net/http"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/server"
)

const (
	bad      = http.StatusBadRequest
	missing  = http.StatusNotFound
	conflict = http.StatusConflict
)

// adminOperations are those of the admin listener.
func adminOperations() []operation {
	var all []operation
	for _, group := range []struct {
		tag        string
		operations []operation
	}{
		{"Requests", requestOperations()}, {"Spend and limits", spendOperations()}, {"Targets", targetOperations()}, {"Policies and plugins", policyOperations()},
		{"Keys", keyOperations()}, {"Teams and users", identityOperations()}, {"Operation", ownOperations()},
	} {
		for _, op := range group.operations {
			op.tag = group.tag
			op.on |= operators
			all = append(all, op)
		}
	}
	return all
}

// paging are the parameters of a list.
func paging() []object {
	return []object{query("limit", "at most how many, 1 to 1000; 100 when left out", 10), query("after", "next of the page before", nil)}
}

func requestFilters() []object {
	return []object{query("model", "the model that was asked for", nil), query("target", "the target that answered", nil), query("team", "a team", nil), query("key", "the id of a key", nil), query("user", "a user", nil),
		query("tag", "a tag, NAME=VALUE", nil), query("outcome", "ok, cached, error or refused", "ok")}
}

func requestID() object {
	return path("id", "the x-penstock-request-id of a reply", "req_01k9zq6m3c8v7e2x5d4r1t0wbn")
}

func requestOperations() []operation {
	return []operation{
		{method: http.MethodGet, path: "/admin/v1/requests", summary: "Requests, the newest first", description: "Members see the requests of their user, or of their key where it has none.",
			params: append(requestFilters(), query("limit", "at most how many, 1 to 1000; 100 when left out", 10), query("before", "next of the page before", nil)),
			reply:  admin.RequestList{}, errors: []int{bad}},
		{method: http.MethodGet, path: "/admin/v1/requests/live", summary: "Requests as they end", description: "A line of JSON for each; empty lines keep the connection open. At most 64 readers follow at once; the last line of who is too many is an error.",
			params: requestFilters(), kind: "application/x-ndjson", reply: admin.RequestRow{}, errors: []int{bad}},
		{method: http.MethodGet, path: "/admin/v1/requests/{id}", summary: "Why a request was treated as it was, and what it cost", params: []object{requestID()}, reply: llm.Record{}, errors: []int{missing}},
		{method: http.MethodPost, path: "/admin/v1/requests/{id}/replay", summary: "Rank a recorded request again, and compare", params: []object{requestID()}, reply: replay.Result{}, errors: []int{missing, conflict}},
		{method: http.MethodPost, path: "/admin/v1/routes/compare", summary: "Replay records through two routers", body: object{"routers": []object{{"router": "cost"}, {"router": "quality"}}, "since": "24h"},
			bodySchema: fields([]string{"routers"}, object{"routers": listOf(fields([]string{"router"}, object{"router": object{"type": "string"}, "with": object{"type": "object"}})), "since": object{"type": "string"}, "until": object{"type": "string"}, "model": object{"type": "string"}}),
			reply:      replay.Report{}, errors: []int{bad, conflict}},
		{method: http.MethodPost, path: "/admin/v1/explain", summary: "What would happen to a request, without sending it", body: object{"request": object{"model": "demo", "messages": []object{{"role": "user", "content": "Say hello."}}}, "team": "search"},
			bodySchema: fields([]string{"request"}, object{"request": object{"type": "object"}, "key": object{"type": "string"}, "team": object{"type": "string"}, "user": object{"type": "string"}, "tags": object{"type": "object"},
				"session": object{"type": "string"}, "at": described("string", "a time of day, or a date with one"), "endpoint": described("string", "where it is sent, such as messages")}),
			reply: llm.Record{}, errors: []int{bad}},
	}
}

func spendOperations() []operation {
	return []operation{
		{method: http.MethodGet, path: "/admin/v1/spend", summary: "Spend by dimension", description: "A dimension=value selects. Dimensions are model, route, target, provider, key, team, user, session, status, cache, hour, day, week, month and tag:NAME.",
			params: []object{query("by", "dimensions, separated by commas", "model,team"), query("since", "how far back, such as 24h or 7d, or a time", "24h"), query("until", "until when", nil), query("zone", "of hours, days, weeks and months", "UTC"), query("format", "json or csv", "json")},
			reply:  ledger.Report{}, errors: []int{bad}},
		{method: http.MethodGet, path: "/admin/v1/budgets", summary: "What is used and reserved of every limit", description: "In the order of scope, unit and window. A limit is counted from its first request on.",
			params: append(paging(), query("scope", "only scopes of this pattern, in which * stands for any text", "team:*"), query("unit", "only this unit: usd, tokens, input_tokens, output_tokens, requests or concurrent", "usd"),
				query("full", "only those of which at least this share of the maximum is used", 0.8)),
			reply: server.BudgetList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/budgets", summary: "Correct a counter", description: "The reply has that counter only.", body: object{"scope": "team:search", "unit": "usd", "window": "day", "used": 1.5},
			bodySchema: fields([]string{"scope", "unit", "used"}, object{"scope": object{"type": "string"}, "unit": object{"type": "string"}, "window": object{"type": "string"}, "used": object{"type": "number"}}),
			reply:      server.BudgetList{}, errors: []int{bad, missing, conflict}},
		{method: http.MethodGet, path: "/admin/v1/raises", summary: "Temporary raises of limits, the first to end first", params: paging(), reply: server.RaiseList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/raises", summary: "Raise limits until a time", body: admin.RaiseSpec{Scope: "team:search", Unit: llm.UnitUSD, Window: "day", By: "10", Until: "+3d", Reason: "load test"}, reply: server.Raise{}, errors: []int{bad, missing, conflict}},
		{method: http.MethodDelete, path: "/admin/v1/raises/{id}", summary: "End a raise early", params: []object{path("id", "a raise", "rs_1")}, reply: server.Raise{}, errors: []int{missing}},
		{method: http.MethodGet, path: "/admin/v1/limits", summary: "Every limit of a caller", description: "In the order of their names. What the reply has beside the limits is the same on all pages.", params: append(paging(), query("key", "id or name of a key", nil), query("model", "only for this model", "demo"), query("team", "in place of the key's", "search"), query("user", "in place of the key's", nil),
			query("session", "a session", nil), query("tag", "a tag that the caller sends, NAME=VALUE", nil), query("at", "a time of day, or a date with one", nil)), reply: server.LimitList{}, errors: []int{bad, missing}},
	}
}

func targetOperations() []operation {
	return []operation{
		{method: http.MethodGet, path: "/admin/v1/targets", summary: "Targets with their circuits, figures and credentials, by name", params: paging(), reply: server.TargetList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/targets/open", summary: "Take a target or credential out of use", description: "The reply has the target, or those of the credential's provider.", body: admin.OpeningBody{ID: "demo/demo", For: "10m"}, reply: server.TargetList{}, errors: []int{bad, missing}},
		{method: http.MethodPost, path: "/admin/v1/targets/close", summary: "Let a target or credential be used at once", description: "The reply has the target, or those of the credential's provider.", body: admin.OpeningBody{ID: "demo/demo"}, reply: server.TargetList{}, errors: []int{bad, missing}},
		{method: http.MethodGet, path: "/admin/v1/cache", summary: "The cache's size, hit ratio and what it has saved", reply: admin.CacheStats{}},
		{method: http.MethodDelete, path: "/admin/v1/cache", summary: "Purge cached replies", description: "Exactly one parameter says which.",
			params: []object{query("all", "true for all", "true"), query("model", "a model", nil), query("namespace", "a namespace", nil), query("team", "a team", nil), query("key", "the id of a key", nil), query("tag", "NAME=VALUE", nil), query("id", "one reply that answers similar requests", nil)},
			reply:  fields([]string{"purged"}, object{"purged": object{"type": "boolean"}}), errors: []int{bad}},
	}
}

func policyOperations() []operation {
	return []operation{
		{method: http.MethodGet, path: "/admin/v1/policies", summary: "The policy in force, and why the last reload was refused", reply: server.PolicyList{}},
		{method: http.MethodPost, path: "/admin/v1/policy/diff", summary: "Who would be treated differently by other policies", body: object{"files": object{"x.rego": "package penstock\n"}, "since": "24h"},
			bodySchema: fields([]string{"files"}, object{"files": object{"type": "object", "additionalProperties": object{"type": "string"}}, "since": object{"type": "string"}, "until": object{"type": "string"}, "model": object{"type": "string"}, "examples": object{"type": "integer"}}),
			reply:      replay.PolicyReport{}, errors: []int{bad, conflict, http.StatusUnprocessableEntity}},
		{method: http.MethodGet, path: "/admin/v1/plugins", summary: "The modules and what they have done", description: "The gateway's own module, then the plugins by name.", params: paging(), reply: server.PluginList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/reload", summary: "Load configuration, policies and modules again",
			reply: fields([]string{"reloaded"}, object{"reloaded": object{"type": "boolean"}, "policy": object{"type": "string"}, "models": object{"type": "integer"}}), errors: []int{http.StatusUnprocessableEntity}},
	}
}

func keyOperations() []operation {
	id := path("id", "the id of a key", "h4Gk2mPq")
	name := "search-bot-2"
	return []operation{
		{method: http.MethodGet, path: "/admin/v1/keys", summary: "Virtual keys, without their secrets", params: append(paging(), query("team", "only those of a team", nil), query("user", "only those of a user", nil), query("state", "active, blocked, expired, replaced or revoked", "active")), reply: admin.KeyList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/keys", summary: "Create a key", description: "The reply has the secret, once.", body: admin.KeySpec{Name: "search-bot", Budget: "5usd/day"}, reply: admin.Key{}, errors: []int{bad, missing, conflict}},
		{method: http.MethodGet, path: "/admin/v1/keys/{id}", summary: "One key, without its secret", params: []object{id}, reply: admin.Key{}, errors: []int{missing}},
		{method: http.MethodPatch, path: "/admin/v1/keys/{id}", summary: "Change a key", params: []object{id}, body: admin.KeyChange{Name: &name}, reply: admin.Key{}, errors: []int{bad, missing, conflict}},
		{method: http.MethodDelete, path: "/admin/v1/keys/{id}", summary: "Revoke a key, and the keys made with it", params: []object{id}, reply: admin.Revocation{}, errors: []int{missing}},
		{method: http.MethodPost, path: "/admin/v1/keys/{id}/rotate", summary: "Replace a key; the old one works on for the overlap", params: []object{id}, body: admin.Rotation{Overlap: "24h"}, reply: admin.Key{}, errors: []int{bad, missing, conflict}},
	}
}

func identityOperations() []operation {
	team, user := path("id", "the name of a team", "search"), path("id", "the name of a user", "alice")
	blocked := false
	return []operation{
		{method: http.MethodGet, path: "/admin/v1/teams", summary: "Teams", params: paging(), reply: admin.TeamList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/teams", summary: "Create a team", body: admin.TeamSpec{Name: "search"}, reply: keys.Team{}, errors: []int{bad, missing, conflict}},
		{method: http.MethodGet, path: "/admin/v1/teams/{id}", summary: "One team with its members", params: []object{team}, reply: keys.Team{}, errors: []int{missing}},
		{method: http.MethodPatch, path: "/admin/v1/teams/{id}", summary: "Change or block a team", params: []object{team}, body: admin.TeamChange{Blocked: &blocked}, reply: keys.Team{}, errors: []int{bad, missing}},
		{method: http.MethodDelete, path: "/admin/v1/teams/{id}", summary: "Remove a team without keys", params: []object{team}, reply: admin.Removal{}, errors: []int{missing, conflict}},
		{method: http.MethodPost, path: "/admin/v1/teams/{id}/members", summary: "Add a member, or change its role", params: []object{team}, body: admin.Membership{User: "alice", Role: "member"}, reply: keys.Team{}, errors: []int{bad, missing}},
		{method: http.MethodDelete, path: "/admin/v1/teams/{id}/members", summary: "Remove a member", params: []object{team, query("user", "who", "alice")}, reply: keys.Team{}, errors: []int{bad, missing, conflict}},
		{method: http.MethodGet, path: "/admin/v1/users", summary: "Users", params: paging(), reply: admin.UserList{}, errors: []int{bad}},
		{method: http.MethodPost, path: "/admin/v1/users", summary: "Create a user", body: admin.UserSpec{Name: "alice", Roles: []string{"member"}}, reply: keys.User{}, errors: []int{bad, conflict}},
		{method: http.MethodGet, path: "/admin/v1/users/{id}", summary: "One user", params: []object{user}, reply: keys.User{}, errors: []int{missing}},
		{method: http.MethodPatch, path: "/admin/v1/users/{id}", summary: "Change or block a user", params: []object{user}, body: admin.UserChange{Blocked: &blocked}, reply: keys.User{}, errors: []int{bad, missing}},
		{method: http.MethodDelete, path: "/admin/v1/users/{id}", summary: "Remove a user without keys", params: []object{user}, reply: admin.Removal{}, errors: []int{missing, conflict}},
		{method: http.MethodGet, path: "/admin/v1/audit", summary: "Who changed what, the newest first", params: append(paging(), query("since", "how far back", "24h")), reply: admin.AuditList{}, errors: []int{bad}},
	}
}

func ownOperations() []operation {
	document := func(path, kind string) operation {
		return operation{method: http.MethodGet, path: path, on: data, summary: "This document", kind: kind, reply: object{"type": []string{"object", "string"}}}
	}
	return []operation{
		{method: http.MethodGet, path: "/readyz", on: data, summary: "Whether requests can be served", description: "The data listener answers to anyone, with text and no detail; status 503 means no.", alsoPlain: true,
			reply: fields([]string{"ready"}, object{"ready": object{"type": "boolean"}, "inflight": object{"type": "integer"}, "waiting": object{"type": "integer"}, "detail": object{"type": "object"}})},
		{method: http.MethodGet, path: "/metrics", summary: "Metrics for Prometheus", kind: "text/plain", reply: object{"type": "string"}},
		{method: http.MethodPost, path: "/admin/v1/sign-in", summary: "A link that signs in to the dashboard, once, within ten minutes", reply: fields([]string{"path"}, object{"path": object{"type": "string"}})},
		document("/openapi.yaml", "application/vnd.oai.openapi;version=3.1"), document("/openapi.json", "application/vnd.oai.openapi+json;version=3.1"),
	}
}
