package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Equal reports whether two providers are the same. It compares credentials by value: what
// a file or an environment variable holds may change while the reference to it does not.
func (p Provider) Equal(q Provider) bool {
	a, b := reflect.ValueOf(p), reflect.ValueOf(q)
	for i := range a.NumField() {
		if !equal(a.Field(i).Interface(), b.Field(i).Interface()) {
			return false
		}
	}
	return true
}

// EqualButKeys is Equal, whatever api_keys are.
func (p Provider) EqualButKeys(q Provider) bool {
	p.APIKeys, q.APIKeys = nil, nil
	return p.Equal(q)
}

// equal compares two settings of the same type. reflect.DeepEqual cannot compare secrets.
func equal(a, b any) bool {
	switch a := a.(type) {
	case Secret:
		return a.Equal(b.(Secret))
	case map[string]Secret:
		return maps.EqualFunc(a, b.(map[string]Secret), Secret.Equal)
	case []Webhook:
		return slices.EqualFunc(a, b.([]Webhook), func(a, b Webhook) bool {
			secrets := a.Secret.Equal(b.Secret)
			a.Secret, b.Secret = Secret{}, Secret{}
			return secrets && reflect.DeepEqual(a, b)
		})
	case []APIKey:
		return slices.EqualFunc(a, b.([]APIKey), func(a, b APIKey) bool {
			return a.Name == b.Name && a.Weight == b.Weight && a.Key.Equal(b.Key)
		})
	}
	return reflect.DeepEqual(a, b)
}

// Restarts returns a fault for every setting that differs from the running gateway's
// configuration and only takes effect after a restart.
func (c *Config) Restarts(running *Config) Faults {
	var faults Faults
	differ := func(path string, now, then any) {
		if !equal(now, then) {
			faults = append(faults, c.Fault(path, "restart Penstock to change it, or change it back", "is %s, but the running gateway keeps %s", formatSetting(now), formatSetting(then)))
		}
	}
	differ("listen", c.Listen, running.Listen)
	differ("admin.listen", c.Admin.Listen, running.Admin.Listen)
	differ("admin.auth", c.Admin.Auth, running.Admin.Auth)
	eachSetting("server", reflect.ValueOf(c.Server), reflect.ValueOf(running.Server), differ)
	differ("cache.size", c.Cache.Size, running.Cache.Size)
	differ("cache.store", c.Cache.Store, running.Cache.Store)
	differ("cache.secret", c.Cache.Secret, running.Cache.Secret)
	differ("ledger.url", c.Ledger.URL, running.Ledger.URL)
	differ("ledger.sync", c.Ledger.Sync, running.Ledger.Sync)
	differ("state", c.State, running.State)
	eachSetting("decision_log", reflect.ValueOf(c.DecisionLog), reflect.ValueOf(running.DecisionLog), differ)
	differ("time_zone", c.TimeZone, running.TimeZone)
	eachSetting("telemetry", reflect.ValueOf(c.Telemetry), reflect.ValueOf(running.Telemetry), differ)
	eachSetting("log", reflect.ValueOf(c.Log), reflect.ValueOf(running.Log), differ)
	differ("webhooks", c.Webhooks, running.Webhooks)
	return faults
}

// eachSetting calls do with every setting of two values of one section, and of the sections in
// it.
func eachSetting(path string, a, b reflect.Value, do func(path string, a, b any)) {
	for i := range a.NumField() {
		at, x, y := Path(path, a.Type().Field(i).Tag.Get("yaml")), a.Field(i), b.Field(i)
		if x.Kind() == reflect.Struct {
			eachSetting(at, x, y, do)
			continue
		}
		do(at, x.Interface(), y.Interface())
	}
}

// formatSetting formats a setting as it is written in a file.
func formatSetting(v any) string {
	text := fmt.Sprint(v)
	if text == "" || v == Bytes(0) {
		return "its default"
	}
	return text
}
