package gemini_test

import "testing"

func FuzzTransformRequest(f *testing.F) {
	host.FuzzRequest(f, `{"messages":[{"role":"user","content":[{"type":"x","\u0001":1}]}],"\u0007":[]}`)
}

func FuzzNormaliseResponse(f *testing.F) {
	host.FuzzResponse(f, `{"error":{"code":400,"message":"too long\u0007","status":"INVALID_ARGUMENT"}}`)
}

func FuzzNormaliseEvent(f *testing.F) { host.FuzzStream(f, true) }
