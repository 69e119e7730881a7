package server

import (
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// PolicyList is the reply of GET /admin/v1/policies.
type PolicyList struct {
	// Revision is that of the policy in force, a hash of its files.
	Revision string `json:"revision"`
	// Folder is where its files are; empty for the built-in policy and for a bundle.
	Folder string `json:"folder,omitempty"`
	// Files are the policy and data files without the tests; Tests is how many tests passed.
	Files []string `json:"files"`
	Tests int      `json:"tests"`
	// Reads are the parts of the input that it depends on, such as input.key.models.
	Reads []string `json:"reads"`
	// Bundle is where it was fetched from; left out for files of its own.
	Bundle *bundleState `json:"bundle,omitempty"`
	// Decisions counts the decisions since it was loaded.
	Decisions DecisionCounts `json:"decisions"`
	// Refused is why the last reload was refused; left out when it was not.
	Refused string `json:"refused,omitempty"`
}

// DecisionCounts are the decisions of a policy.
type DecisionCounts struct {
	// Evaluated were made by the policy, Remembered taken from earlier ones with the same facts.
	Evaluated  uint64 `json:"evaluated"`
	Remembered uint64 `json:"remembered"`
	// Overrunning evaluations have exceeded their time limit and still run.
	Overrunning int `json:"overrunning"`
}

func (s *Server) policyList() PolicyList {
	sn := s.acquire()
	defer sn.release()
	p := sn.policy.Status()
	list := PolicyList{Revision: p.Revision, Folder: sn.config.Policies.Folder, Files: present(p.Files), Tests: p.Tests, Reads: present(p.Reads), Bundle: sn.bundle.ready(),
		Decisions: DecisionCounts{Evaluated: p.Misses, Remembered: p.Hits, Overrunning: p.Overrunning}}
	if err := s.reloadError.Load(); err != nil {
		list.Refused = (*err).Error()
	}
	return list
}

// present returns a list that is not nil, so that it encodes as an array.
func present(list []string) []string { return append([]string{}, list...) }

// PluginList is the reply of GET /admin/v1/plugins: the gateway's own module, then the plugins by
// name. Next is the after of the next page.
type PluginList struct {
	Plugins []PluginShown `json:"plugins"`
	Next    string        `json:"next,omitempty"`
}

// PluginShown is a module with what it has done since it was loaded.
type PluginShown struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	// BuiltIn marks the gateway's own module.
	BuiltIn bool `json:"built_in,omitempty"`
	// Signed says that a signature is required of it and was verified.
	Signed bool `json:"signed"`
	// Bytes is the module's size, Memory what its idle instances use, in bytes.
	Bytes  int   `json:"bytes"`
	Memory int64 `json:"memory_bytes"`
	// Compiled is how long compiling took, FromCache that the machine code was on disk.
	Compiled  llm.Millis `json:"compile_ms"`
	FromCache bool       `json:"from_cache,omitempty"`
	// Calls counts all calls; Faults and Rejections are among them.
	Calls      int64 `json:"calls"`
	Faults     int64 `json:"faults"`
	Rejections int64 `json:"rejections"`
	// Instructions and Time are the sums over all calls.
	Instructions int64      `json:"instructions"`
	Time         llm.Millis `json:"time_ms"`
	Instances    int        `json:"instances"`
	Idle         int        `json:"idle"`
	// Recycled counts instances replaced because of their memory or number of calls, Discarded
	// those closed after a fault.
	Recycled  int64 `json:"recycled"`
	Discarded int64 `json:"discarded"`
	// Reloads counts the earlier versions of it in this process.
	Reloads int64 `json:"reloads"`
	// Counters are the module's own; left out without any.
	Counters map[string]float64 `json:"counters,omitempty"`
}

// pluginList returns a page of the modules.
func (s *Server) pluginList(p admin.Page) PluginList {
	sn := s.acquire()
	defer sn.release()
	follows := func(st hook.Stats) bool {
		return p.After == "" || st.Name != config.Builtin && (p.After == config.Builtin || st.Name > p.After)
	}
	page, next := pageOf(s.moduleStats(sn), p.Limit, follows, func(st hook.Stats) string { return st.Name })
	list := PluginList{Plugins: []PluginShown{}, Next: next}
	for _, st := range page {
		shown := pluginShown(&st)
		shown.BuiltIn = st.Name == config.Builtin
		if own, ok := sn.plugins[st.Name]; ok { // none has the name of the gateway's own module
			shown.Signed, shown.Reloads = len(own.spec.Trusted) > 0, own.reloads
		}
		list.Plugins = append(list.Plugins, shown)
	}
	return list
}

func pluginShown(st *hook.Stats) PluginShown {
	return PluginShown{Name: st.Name, SHA256: st.SHA256, Bytes: st.Size, Memory: st.Memory, Compiled: llm.Millis(st.Compile), FromCache: st.FromCache,
		Calls: st.Calls, Faults: st.Faults, Rejections: st.Rejections, Instructions: st.Fuel, Time: llm.Millis(st.Time),
		Instances: st.Instances, Idle: st.Idle, Recycled: st.Recycled, Discarded: st.Discarded, Counters: st.Metrics}
}
