package config

import (
	"fmt"
	"reflect"
)

// EqualButKeys is Equal, whatever api_keys are.
func (p Provider) EqualButKeys(q Provider) bool {
	p.APIKeys, q.APIKeys = nil, nil
	return Equal(p, q)
}

// Equal reports whether two settings or sections are the same. It compares secrets by value: what
// a file or an environment variable holds may change while the reference to it does not. Otherwise
// it is reflect.DeepEqual, which finds no secret equal to another.
func Equal[T any](a, b T) bool {
	return equal(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Struct:
		return equalStructs(a, b)
	case reflect.Interface, reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for _, key := range a.MapKeys() {
			if v := b.MapIndex(key); !v.IsValid() || !equal(a.MapIndex(key), v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// equalStructs compares field by field, and one with unexported fields as a whole.
func equalStructs(a, b reflect.Value) bool {
	if s, ok := a.Interface().(Secret); ok {
		return s.Equal(b.Interface().(Secret))
	}
	for i := range a.NumField() {
		if !a.Type().Field(i).IsExported() {
			return reflect.DeepEqual(a.Interface(), b.Interface())
		}
		if !equal(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}

// Restarts returns a fault for every setting that differs from the running gateway's
// configuration and only takes effect after a restart.
func (c *Config) Restarts(running *Config) Faults {
	var faults Faults
	differ := func(path string, now, then any) {
		if !Equal(now, then) {
			faults = append(faults, c.Fault(path, "restart Penstock to change it, or change it back", "is %s, but the running gateway keeps %s", formatSetting(now), formatSetting(then)))
		}
	}
	differ("listen", c.Listen, running.Listen)
	differ("tls", c.TLS.mode(), running.TLS.mode())
	eachSetting("tls.auto", reflect.ValueOf(c.TLS.Auto), reflect.ValueOf(running.TLS.Auto), differ)
	differ("admin.tls", c.Admin.TLS.mode(), running.Admin.TLS.mode())
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
	differ("log.format", c.Log.Format, running.Log.Format)
	differ("log.access", c.Log.Access, running.Log.Access)
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
