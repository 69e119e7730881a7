package server

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// reloadable returns an error if a configuration cannot replace another one while the
// gateway runs: settings need a restart, or no model is left, as in a file that was
// emptied or truncated.
func reloadable(old, c *config.Config) error {
	if len(c.Models) == 0 && len(old.Models) > 0 {
		return config.Faults{c.Fault("models", "to serve nobody, stop the gateway", "has no models any more, where the running gateway has %d", len(old.Models))}
	}
	if faults := c.Restarts(old); len(faults) > 0 {
		return faults
	}
	return nil
}

// changes returns what a reload has changed, as attributes of a log line.
func (sn *snapshot) changes(old *snapshot) []any {
	was, is := old.config, sn.config
	var list []any
	add := func(name, delta string) {
		if delta != "" {
			list = append(list, slog.String(name, delta))
		}
	}
	add("providers", delta(was.Providers, is.Providers, config.Equal))
	add("models", delta(was.Models, is.Models, config.Equal))
	add("plugins", delta(old.plugins, sn.plugins, func(a, b plugin) bool { return a.module == b.module }))
	add("catalog", summary(sn.catalog.Compare(old.catalog)))
	add("endpoints", delta(was.Endpoints, is.Endpoints, config.Equal))
	if before, now := old.policy.Status().Revision, sn.policy.Status().Revision; before != now {
		add("policy", before+" to "+now)
	}
	if was.Keys != is.Keys {
		add("keys", string(was.Keys)+" to "+string(is.Keys))
	}
	add("settings", otherSettings(was, is))
	return list
}

// otherSettings returns the names of the settings that differ, except those that changes
// lists in detail.
func otherSettings(was, is *config.Config) string {
	var names []string
	before, now := reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem()
	for i := range now.NumField() {
		f := now.Type().Field(i)
		switch name := f.Tag.Get("yaml"); {
		case !f.IsExported() || name == "-" || slices.Contains([]string{"providers", "models", "plugins", "endpoints", "keys"}, name):
		case !config.Equal(before.Field(i).Interface(), now.Field(i).Interface()):
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// delta lists the names that were added (+), removed (-) and changed (~) between two maps.
func delta[T any](old, now map[string]T, equal func(a, b T) bool) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before, had := old[name]; !had {
			parts = append(parts, "+"+name)
		} else if !equal(before, now[name]) {
			parts = append(parts, "~"+name)
		}
	}
	return strings.Join(append(parts, prefixed("-", missing(old, now))...), " ")
}

// missing returns the names in old that are not in now.
func missing[T any](old, now map[string]T) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(old)), func(name string) bool { _, has := now[name]; return has })
}

func prefixed(prefix string, names []string) []string {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

// warnings returns what protected the gateway and was removed by a reload, and what was
// deprecated since.
func (sn *snapshot) warnings(old *snapshot) []string {
	was, is := old.config, sn.config
	var list []string
	if !was.Policies.IsZero() && is.Policies.IsZero() {
		list = append(list, "the policies of "+was.Policies.String()+" are no longer in force: the configuration names none, so the built-in policy decides")
	}
	if gone := missing(was.Plugins.Own, is.Plugins.Own); len(gone) > 0 {
		list = append(list, "plugins are no longer in use: "+strings.Join(gone, ", "))
	}
	before := old.deprecations()
	list = append(list, slices.DeleteFunc(sn.deprecations(), func(w string) bool { return slices.Contains(before, w) })...)
	if was.Keys == config.KeysRequired && is.Keys != config.KeysRequired || was.Keys != config.KeysOff && is.Keys == config.KeysOff {
		list = append(list, "callers need no key any more: keys is "+string(is.Keys)+" and was "+string(was.Keys))
	}
	return list
}

// changedProviders returns the providers of which more than api_keys has changed.
func (sn *snapshot) changedProviders(old *snapshot) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(sn.config.Providers)), func(name string) bool {
		before, had := old.config.Providers[name]
		return !had || before.EqualButKeys(sn.config.Providers[name])
	})
}

// changedDialects returns the providers whose dialect is a plugin with a new file or new
// settings. Their earlier failures may have been the plugin's.
func (sn *snapshot) changedDialects(old *snapshot) []string {
	was, is := old.digests(), sn.digests()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(sn.config.Providers)), func(name string) bool {
		plugin := string(sn.config.Providers[name].Dialect)
		return was[plugin] == is[plugin] && config.Equal(old.config.Plugins.Own[plugin], sn.config.Plugins.Own[plugin])
	})
}

// inheritHealth keeps the statistics and cooldowns of unchanged providers. A provider
// whose settings or dialect have changed starts without any. Where only api_keys differ,
// that is so for the new credentials alone. What operators have opened stays open as long
// as its provider is there.
func (sn *snapshot) inheritHealth(old *snapshot, h *upstream.Health) {
	for _, name := range append(sn.changedProviders(old), sn.changedDialects(old)...) {
		h.Forget(name, sn.clients[name].Credentials()...)
	}
	h.Retain(append(slices.Collect(maps.Keys(sn.config.Providers)), config.Demo), sn.routes.Known)
	h.RetainOpenings(func(id string) bool {
		provider, _, isTarget := strings.Cut(id, "/")
		return isTarget && sn.clients[provider] != nil || sn.credential(id) != nil
	})
}
