package hook

import (
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// AppendTransformRequest appends a transform's envelope of a canonical request.
func AppendTransformRequest(dst []byte, x *llm.Exchange, body []byte) []byte {
	dst = jsontext.AppendName(appendExchange(dst, x), "body")
	return append(append(dst, body...), '}')
}

// AppendTransformResponse appends a transform's envelope of a canonical completion.
func AppendTransformResponse(dst []byte, x *llm.Exchange, status int, body []byte) []byte {
	dst = appendWhole(appendExchange(dst, x), "created", x.Request.Received.Unix())
	dst = appendWhole(dst, "status", int64(status))
	return append(append(jsontext.AppendName(dst, "body"), Clean(body)...), '}')
}

// AppendTransformStream appends the data of the first event of a stream through a transform.
func AppendTransformStream(dst []byte, x *llm.Exchange) []byte {
	return append(appendWhole(appendExchange(dst, x), "created", x.Request.Received.Unix()), '}')
}

// appendExchange begins an envelope with what every hook of a transform gets. The caller
// closes the object.
func appendExchange(dst []byte, x *llm.Exchange) []byte {
	r := x.Request
	dst = append(dst, `{"v":1,"stage":"policy"`...)
	dst = appendText(dst, "request_id", r.ID)
	dst = appendText(dst, "route", x.Route.Name)
	dst = appendText(dst, "model", r.Facts.Model)
	dst = appendText(dst, "key", r.Principal.KeyID)
	dst = appendText(dst, "team", r.Principal.Team)
	dst = appendText(dst, "user", r.Principal.User)
	dst = appendTags(dst, r.Tags)
	dst = appendBool(dst, "stream", r.Facts.Stream)
	return appendTarget(dst, x.Target)
}
