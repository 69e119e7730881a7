package wire

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// readsErrorsOf reports the dialects whose errors are read here and not by a module: one
// reader classifies them for all.
func (d *Dialects) readsErrorsOf(dialect llm.Dialect) bool {
	return dialect == llm.OpenAI || slices.Contains(d.Builtin, dialect)
}

// refusal is the error that a reply is which did not begin well. Of a plugin's dialect
// the plugin gives the text.
func (d *Dialects) refusal(ctx context.Context, x *llm.Exchange, a *llm.Answer, body []byte) error {
	if d.readsErrorsOf(x.Target.Dialect) {
		return d.errorOf(a, body)
	}
	_, err := d.translateResponse(ctx, x, a, body)
	if err = d.readByPlugin(a, err); llm.AsError(err).Fault == llm.FaultTransform || err == nil {
		return d.errorOf(a, body) // the plugin does not know what to make of it
	}
	return err
}

// readByPlugin completes a provider's error that a module has put into the canonical
// form: its status and its retry-after count, the class is decided here. Any other
// error stays as it is.
func (d *Dialects) readByPlugin(a *llm.Answer, err error) error {
	var e *llm.Error
	if !errors.As(err, &e) || e.Fault != llm.FaultNone || e.Body == nil {
		return err
	}
	read := d.errorOf(&llm.Answer{Status: cmp.Or(e.Status, a.Status), Header: a.Header}, e.Body)
	read.RetryAfter = cmp.Or(read.RetryAfter, e.RetryAfter)
	return read
}
