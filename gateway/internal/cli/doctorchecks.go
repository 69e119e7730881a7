package cli

import (
	"context"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/server"
)

const (
	// maxSkew is how far clocks may be apart.
	maxSkew = time.Minute
	// leastDisk is how many bytes of disk the ledger should have left.
	leastDisk = 1 << 30
	// maxPortCheck bounds the question who listens at an address.
	maxPortCheck = 3 * time.Second
)

// checkPorts looks whether the addresses are free, or served by a gateway.
func (f *findings) checkPorts(ctx context.Context, c *config.Config) {
	for _, l := range [...]struct {
		setting, addr string
		secure        bool
		pair          config.KeyPair
	}{{"listen", c.Listen, c.TLS.Enabled(), c.TLS.Files()}, {"admin.listen", c.Admin.Listen, c.Admin.TLS.Enabled(), c.Admin.TLS}} {
		setting, addr := l.setting, l.addr
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		switch {
		case err == nil:
			_ = listener.Close() // nothing was accepted
			f.ok("ports", "%s (%s) is free", addr, setting)
		case l.secure && !l.pair.Enabled(): // its certificate is for another name than the address
			f.ok("ports", "%s (%s) is in use; with automatic certificates it is not asked by whom", addr, setting)
		case servedByGateway(ctx, server.Reachable(addr, l.secure), l.pair):
			f.ok("ports", "%s (%s) is served by a running gateway", addr, setting)
		default:
			f.fault("ports", "end what listens there, or write another address for "+setting, "%s (%s) cannot be used: %v", addr, setting, err)
		}
	}
}

// servedByGateway reports whether the server at a URL answers as a gateway does. The pair is of its
// certificate, if it has one.
func servedByGateway(ctx context.Context, base string, pair config.KeyPair) bool {
	ctx, stop := context.WithTimeout(ctx, maxPortCheck)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		return false
	}
	t, err := transport(pair)
	if err != nil {
		return false
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.Header.Get("X-Penstock-Request-Id") != ""
}

// checkLedger looks at the database, its disk, and the clock against its last record.
func (f *findings) checkLedger(ctx context.Context, c *config.Config) {
	file := c.Ledger.File()
	if file == ":memory:" {
		f.warn("database", "write ledger: sqlite://penstock.db", "records, keys and spend are in memory only, and are gone when the gateway ends")
		return
	}
	dir := filepath.Dir(file)
	if free, ok := freeDisk(dir); ok && free < leastDisk {
		f.warn("disk", "make room, or set retention; without room requests are refused (on_ledger_failure)", "%s has %d MiB left", dir, free>>20)
	} else if ok {
		f.ok("disk", "%s has %.1f GiB left", dir, float64(free)/(1<<30))
	}
	if _, err := os.Stat(file); os.IsNotExist(err) {
		f.ok("database", "%s is not there yet; serve makes it", file)
		return
	}
	if err := writable(file); err != nil {
		f.fault("database", "run the gateway as the file's owner, or change its permissions", "%s cannot be written: %v", file, err)
		return
	}
	l, err := ledger.Attach(ctx, string(c.Ledger.URL))
	if err != nil {
		f.fault("database", "restore it from a backup, or name another file with ledger", "%v", err)
		return
	}
	defer l.Close()
	if err := l.Check(ctx); err != nil {
		f.fault("database", "stop the gateway and restore the file from a backup", "%s: %v", file, err)
		return
	}
	last, err := l.List(ctx, ledger.Page{Limit: 1})
	if err != nil {
		f.fault("journal", "see the gateway's log for why it does not import", "%v", err)
		return
	}
	f.ok("database", "%s can be written, passes its check, and has all that is in the journal", file)
	if len(last) == 0 {
		return
	}
	if ahead := time.Until(last[0].Time); ahead > maxSkew {
		f.fault("clock", "set the clock of this machine, as with an NTP client", "this machine's clock is %s behind the last recorded request", ahead.Round(time.Second))
	} else {
		f.ok("clock", "it is not behind the last recorded request")
	}
}

// writable reports why a file cannot be written.
func writable(file string) error {
	h, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return h.Close()
}

// checkPermissions looks who may read and change the files.
func (f *findings) checkPermissions(configuration string, c *config.Config) {
	if runtime.GOOS == "windows" {
		return // modes say nothing there
	}
	fine := true
	if configuration != "" {
		fine = f.checkMode(configuration, 0o022, "others can change the configuration", "chmod go-w") && fine
	}
	if file := c.Ledger.File(); file != ":memory:" {
		fine = f.checkMode(file, 0o077, "others can read the records and the hashes of keys", "chmod go=") && fine
	}
	for _, path := range secretFiles(c, filepath.Dir(configuration)) {
		fine = f.checkMode(path, 0o077, "others can read the secret in it", "chmod go=") && fine
	}
	if fine {
		f.ok("permissions", "nobody else can change the configuration, or read the database and the files of secrets")
	}
}

// checkMode adds a finding for a file that gives others more than it should, and reports whether
// it does not.
func (f *findings) checkMode(path string, forbidden fs.FileMode, what, command string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&forbidden == 0 {
		return true
	}
	f.warn("permissions", command+" "+path, "%s has the mode %04o: %s", path, info.Mode().Perm(), what)
	return false
}

// secretFiles are the files that providers' credentials are read from. They are relative to the
// configuration's folder.
func secretFiles(c *config.Config, dir string) (files []string) {
	add := func(s config.Secret) {
		if path, ok := strings.CutPrefix(s.String(), "file:"); ok {
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			files = append(files, path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		add(p.APIKey)
		for _, k := range p.APIKeys {
			add(k.Key)
		}
	}
	return files
}

// checkSettings warns of settings that are valid and weak. budgets says that there are budgets in
// money, or policies that may have some.
func (f *findings) checkSettings(c *config.Config, budgets bool) {
	before := len(f.all)
	if c.Keys != config.KeysRequired && !config.IsLoopback(c.Listen) {
		f.warn("settings", "write keys: required, and make keys with penstock keys create", "keys is %s and %s can be reached from other machines: anyone can spend your money", c.Keys, c.Listen)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		u, err := url.Parse(c.Providers[name].BaseURL)
		if err == nil && u.Scheme == "http" && !isThisMachine(u.Hostname()) {
			f.warn("settings", "write an https:// address for base_url of "+name, "provider %s is called over http://: prompts and keys can be read on the way", name)
		}
	}
	if c.Retention.Records == 0 {
		f.warn("settings", "write retention: 90d, or as long as you need records", "records are kept for ever, so the database grows without end")
	}
	if c.Unpriced == config.UnpricedAllow && budgets {
		f.warn("settings", "write unpriced: deny if budgets in money must hold", "requests at targets without a known price do not count against budgets in money")
	}
	if len(c.Plugins.Own) > 0 && len(c.Plugins.Trusted) == 0 {
		f.warn("settings", "sign them with penstock plugin sign, and write the public key into plugins.trusted", "%d plugins are loaded without a signature", len(c.Plugins.Own))
	}
	if len(f.all) == before {
		f.ok("settings", "none is weak")
	}
}

func isThisMachine(host string) bool { return config.IsLoopback(net.JoinHostPort(host, "80")) }

// checkProviders says which providers answer, and to which of their credentials.
func (f *findings) checkProviders(list []server.ProviderCheck) {
	skewed := map[string]bool{} // a clock is reported once, whatever the number of keys
	for _, p := range list {
		switch {
		case p.Err != nil:
			f.fault("providers", "see whether this machine reaches base_url of "+p.Provider+", perhaps by a proxy", "%s does not answer: %v", p.Credential, p.Err)
			continue
		case p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden:
			f.fault("providers", "make a new key at the provider, and put it where api_key of "+p.Provider+" says", "%s refuses its key (status %d)", p.Credential, p.Status)
		case p.Status >= 500:
			f.warn("providers", "try again later, or see the provider's status page", "%s answers with status %d", p.Credential, p.Status)
		case p.Status >= 400:
			f.warn("providers", "see whether base_url of "+p.Provider+" is right; providers without a list of models answer so as well", "%s answers with status %d when asked for its models", p.Credential, p.Status)
		default:
			f.ok("providers", "%s answers and takes its key", p.Credential)
		}
		if skew := time.Since(p.Date).Abs(); !p.Date.IsZero() && skew > maxSkew && !skewed[p.Provider] {
			skewed[p.Provider] = true
			f.fault("clock", "set the clock of this machine, as with an NTP client", "this machine's clock and that of %s are %s apart: signatures and tokens may be refused", p.Provider, skew.Round(time.Second))
		}
	}
}
