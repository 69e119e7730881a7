package anthropic_test

import "testing"

func FuzzTransformRequest(f *testing.F) {
	host.FuzzRequest(f, `{"messages":[{"role":"user","content":[{"type":"x","\u0001":1}]}],"\u0007":[]}`)
}

func FuzzNormaliseResponse(f *testing.F) {
	host.FuzzResponse(f, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long\u0007"}}`)
}

func FuzzNormaliseEvent(f *testing.F) { host.FuzzStream(f, true) }
