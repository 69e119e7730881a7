package ollama

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Start prepares for a stream.
func (p *Provider) Start(*canonical.Envelope) { p.stream = stream{} }

// Event translates one line of Ollama's stream into chunks. Lines have no names.
func (p *Provider) Event(c *canonical.Chunks, _, data []byte) {
	line, ok := c.Object(data)
	if !ok {
		return
	}
	a := readAnswer(line)
	if f, failed := failureOf(a.fault); failed {
		c.Fail(f)
		return
	}
	c.SetModel(a.model)
	c.Open()
	m := readMessage(a.message)
	p.stream.thinking(c, canonical.Inside(m.thinking))
	c.TextWith(canonical.Inside(m.content), a.logprobs)
	for v := range m.toolCalls.Items {
		sendCall(c, v)
	}
	if a.done {
		c.SetFinish(a.finish())
		c.Finish()
		c.Usage(a.usage())
		c.Done()
	}
}

// sendCall sends a call, which comes as a whole.
func sendCall(c *canonical.Chunks, v canonical.Value) {
	b := readCall(v)
	number := c.Call(b.ID, b.Name)
	arguments := b.Input
	if arguments.Kind() != '{' {
		arguments = canonical.Value("{}")
	}
	c.Arguments(number, penstock.AppendInside(nil, arguments))
}

// End ends a reply without a last line.
func (p *Provider) End(c *canonical.Chunks) { c.Interrupted() }
