package policy

import (
	"fmt"
	"math"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// namesShape is a list of names.
func namesShape(about string) shape {
	return listShape(about, textShape("").within(maxLabel)).atMost(maxItems)
}

var obligationFields = fields[llm.Obligations]{
	{optional("max_output_tokens", integerShape("The most tokens that one reply may have.").from(1)),
		into(func(o *llm.Obligations) *int64 { return &o.MaxOutputTokens }, func(p part) (int64, error) { return p.integer(1, math.MaxInt64) })},
	{optional("allow_targets", namesShape("The only targets that may be asked; * matches any characters. An empty list denies.")),
		into(func(o *llm.Obligations) *[]string { return &o.AllowTargets }, listOf(part.label))},
	{optional("deny_targets", namesShape("Targets that may not be asked; * matches any characters.")),
		into(func(o *llm.Obligations) *[]string { return &o.DenyTargets }, listOf(part.label))},
	{optional("data_classes", namesShape("Classes of data in the request: only targets whose data has all of them may be asked.")),
		into(func(o *llm.Obligations) *[]string { return &o.DataClasses }, listOf(part.label))},
	{optional("regions", namesShape("Where the request may be answered: only targets in one of these regions may be asked.")),
		into(func(o *llm.Obligations) *[]string { return &o.Regions }, listOf(part.label))},
	{optional("route", textShape("The model that the request is sent on to; the same as model.").within(maxLabel)),
		into(func(o *llm.Obligations) *string { return &o.Route }, part.label)},
	{optional("model", textShape("The model that the request is sent on to.").within(maxLabel)),
		into(func(o *llm.Obligations) *string { return &o.Model }, part.label)},
	{optional("cache", cacheFields.shape("How the reply is cached.")),
		into(func(o *llm.Obligations) *llm.CacheObligation { return &o.Cache }, cacheFields.decode)},
	{optional("tags", tableShape("Tags that the request is recorded and billed under.", textShape("").within(maxLabel)).atMost(maxItems)),
		into(func(o *llm.Obligations) *map[string]string { return &o.Tags }, tableOf(part.label))},
	{optional("headers", tableShape("Headers of the reply, errors included; not those that the gateway sets or that control browsers and proxies.", textShape("").within(maxText)).atMost(maxItems)),
		into(func(o *llm.Obligations) *map[string]string { return &o.Headers }, part.headers)},
	{optional("log", oneOfShape("What is recorded: nothing but what bills need, all but texts (the default), texts with secrets, addresses and long numbers masked, or texts as they are.", llm.LogNone, llm.LogMetadata, llm.LogRedacted, llm.LogFull)),
		into(func(o *llm.Obligations) *string { return &o.Log }, oneOf(llm.LogNone, llm.LogMetadata, llm.LogRedacted, llm.LogFull))},
}

func (p part) obligations() (llm.Obligations, error) {
	o, err := obligationFields.decode(p)
	if err == nil && o.Route != "" && o.Model != "" && o.Route != o.Model {
		err = fmt.Errorf("%s: route (%s) and model (%s) send the request to different models; give one of them", p.path, o.Route, o.Model)
	}
	return o, err
}

var cacheFields = fields[llm.CacheObligation]{
	{optional("mode", oneOfShape("bypass neither reads nor stores, force does even where the route does not.", "default", "bypass", "force")),
		into(func(c *llm.CacheObligation) *string { return &c.Mode }, oneOf("default", "bypass", "force"))},
	{optional("ttl_s", integerShape("How old a reply may get, in seconds.").from(1).upTo(maxSecond)),
		into(func(c *llm.CacheObligation) *int { return &c.TTLSeconds }, smallInt(1, maxSecond))},
	{optional("scope", textShape("Who shares replies, in place of the caller's team: any text.").within(maxLabel)),
		into(func(c *llm.CacheObligation) *string { return &c.Scope }, part.label)},
}

// headers reads the headers of a reply. Names that differ in case only are one header.
func (p part) headers() (map[string]string, error) {
	headers, err := tableOf(part.headerValue)(p)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(headers))
	for name := range headers {
		lower := strings.ToLower(name)
		switch {
		case !llm.MayAddHeader(name):
			return nil, fmt.Errorf("%s: %q is not a header that a policy may set: the gateway sets it itself, or it controls browsers or proxies", p.path, name)
		case seen[lower]:
			return nil, fmt.Errorf("%s: %s is given twice, in different spellings", p.path, lower)
		}
		seen[lower] = true
	}
	return headers, nil
}

// headerValue reads one line of text.
func (p part) headerValue() (string, error) { return p.line(maxText) }
