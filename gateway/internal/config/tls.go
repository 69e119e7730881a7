package config

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"
)

// TLS has the API's listener serve HTTPS, with HTTP/2 and TLS 1.2 or newer. Left out, it
// serves plain HTTP.
type TLS struct {
	// Cert is a file with the certificate in PEM, and after it those of the authorities between
	// it and the root. A changed file is used for new connections without a restart.
	Cert string `yaml:"cert" jsonschema:"minLength=1"`
	// Key is the file with the certificate's private key in PEM. Only the gateway's user should be
	// able to read it.
	Key string `yaml:"key" jsonschema:"minLength=1"`
	// Auto has a certificate authority issue certificates and renew them, in place of cert and
	// key.
	Auto AutoTLS `yaml:"auto"`

	pair *tls.Certificate
}

// KeyPair is a certificate and its private key, with which a listener serves HTTPS.
type KeyPair struct {
	// Cert is a file with the certificate in PEM, as in the section tls.
	Cert string `yaml:"cert" jsonschema:"minLength=1"`
	// Key is the file with the certificate's private key in PEM.
	Key string `yaml:"key" jsonschema:"minLength=1"`

	// pair is what the files hold; nil without them, and where secrets are not read.
	pair *tls.Certificate
}

// AutoTLS is about certificates that an authority issues by the protocol ACME, such as Let's
// Encrypt. The authority must reach the gateway by the domains at port 443, or at port 80 with
// http. Using it means that you accept the authority's terms.
type AutoTLS struct {
	// Domains are the names to get certificates for, such as ai.example.com. Connections by any
	// other name are refused.
	Domains []Domain `yaml:"domains"`
	// Email is where the authority writes to about problems with the certificates.
	Email string `yaml:"email"`
	// Cache is the folder for the account's key, the certificates and their keys. It has to outlast
	// restarts, since authorities limit how many certificates they issue; autocert when left out.
	Cache string `yaml:"cache"`
	// Directory is the URL of the authority's ACME directory; Let's Encrypt's when left out.
	Directory string `yaml:"directory"`
	// HTTP is the address of a further listener, such as 0.0.0.0:80, that answers the authority's
	// challenges over HTTP and redirects everything else to HTTPS. Left out, there is none, and
	// challenges are answered over TLS.
	HTTP string `yaml:"http"`
}

// Enabled reports whether the listener serves HTTPS.
func (t TLS) Enabled() bool { return t.Cert != "" || t.Auto.Enabled() }

// Files are the certificate and the key that are not issued automatically.
func (t TLS) Files() KeyPair { return KeyPair{t.Cert, t.Key, t.pair} }

// Enabled reports whether files are named.
func (k KeyPair) Enabled() bool { return k.Cert != "" }

// mode is where certificates come from, for people.
func (t TLS) mode() string {
	if t.Auto.Enabled() {
		return "automatic"
	}
	return t.Files().mode()
}

func (k KeyPair) mode() string {
	if k.Enabled() {
		return "on"
	}
	return "off"
}

// Certificate returns what the files hold; nil without them, and from a configuration that
// was loaded without secrets.
func (k KeyPair) Certificate() *tls.Certificate { return k.pair }

// Enabled reports whether certificates are issued.
func (a AutoTLS) Enabled() bool { return len(a.Domains) > 0 }

// Domain is the name of a host, in lower case.
type Domain string

func (m *Domain) set(s string) error {
	if len(s) > 253 || !strings.Contains(s, ".") || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.Trim(s, ".-") != s || strings.Contains(s, "..") {
		return &hintedError{fmt.Sprintf("invalid domain %q", s), "write a host's name in lower case, such as ai.example.com; wildcards can't be issued this way"}
	}
	*m = Domain(s)
	return nil
}

func (d *decoder) checkTLS(c *Config) {
	files := c.TLS.Files()
	d.checkKeyPair("tls", &files)
	c.TLS.Cert, c.TLS.Key, c.TLS.pair = files.Cert, files.Key, files.pair
	d.checkKeyPair("admin.tls", &c.Admin.TLS)
	d.checkAutoTLS(c)
}

func (d *decoder) checkAutoTLS(c *Config) {
	a, path := &c.TLS.Auto, "tls.auto"
	if _, given := d.at[path]; !given {
		return
	}
	if !a.Enabled() {
		d.fault(path, nil, "name them: domains: [ai.example.com]", "domains is missing")
		return
	}
	if c.TLS.Cert != "" {
		d.fault(path, nil, "remove cert and key, or auto", "certificates come either from files or from an authority")
	}
	a.Cache = inDir(d.dir, a.Cache)
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		d.fault(path+".directory", nil, "Let's Encrypt's for trying out is https://acme-staging-v02.api.letsencrypt.org/directory", "must be an https address")
	}
	if strings.ContainsAny(a.Email, " <>,") || a.Email != "" && !strings.Contains(a.Email, "@") {
		d.fault(path+".email", nil, "write one address, such as ops@example.com", "invalid address %q", a.Email)
	}
	if a.HTTP != "" && d.address(path+".http", a.HTTP) && (a.HTTP == c.Listen || a.HTTP == c.Admin.Listen) && !strings.HasSuffix(a.HTTP, ":0") {
		d.fault(path+".http", nil, "give it another port", "is also the address of another listener")
	}
}

// checkKeyPair reads the files of a certificate and its key, if secrets are read.
func (d *decoder) checkKeyPair(path string, k *KeyPair) {
	switch {
	case k.Cert == "" && k.Key == "":
		return
	case k.Cert == "":
		d.fault(path, nil, "name the certificate's file, too", "cert is missing")
		return
	case k.Key == "":
		d.fault(path, nil, "name the private key's file, too", "key is missing")
		return
	}
	k.Cert, k.Key = inDir(d.dir, k.Cert), inDir(d.dir, k.Key)
	if d.getenv == nil {
		return
	}
	cert, ok := d.readPEM(path+".cert", k.Cert)
	key, ok2 := d.readPEM(path+".key", k.Key)
	if !ok || !ok2 {
		return
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		d.fault(path, nil, "cert has the certificate first and then its authorities', key the private key that the certificate was made for, without a passphrase; both in PEM",
			"%s and %s are not a certificate and its key: %s", k.Cert, k.Key, strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	k.pair = &pair
}

func (d *decoder) readPEM(path, file string) ([]byte, bool) {
	text, err := readFile(file)
	if err != nil {
		d.fault(path, nil, "the gateway's user must be able to read it", "%v", err)
	}
	return text, err == nil
}

// expiresSoon is how long before its end a certificate is warned of.
const expiresSoon = 14 * 24 * time.Hour

// warnings warns of a certificate that is not valid for long, and of a key that others can read.
func (k KeyPair) warnings(path string, now time.Time) (list []string) {
	if info, err := os.Stat(k.Key); k.Key != "" && err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		list = append(list, fmt.Sprintf("%s.key: every user of this machine can access the private key %s (mode %#o); run chmod 600 on it", path, k.Key, info.Mode().Perm()))
	}
	if k.pair == nil {
		return list
	}
	switch leaf := k.pair.Leaf; {
	case now.After(leaf.NotAfter):
		list = append(list, fmt.Sprintf("%s.cert: the certificate has expired on %s, so clients refuse to connect", path, leaf.NotAfter.UTC().Format(time.DateOnly)))
	case now.Before(leaf.NotBefore):
		list = append(list, fmt.Sprintf("%s.cert: the certificate is not valid before %s", path, leaf.NotBefore.UTC().Format(time.RFC3339)))
	case now.Add(expiresSoon).After(leaf.NotAfter):
		list = append(list, fmt.Sprintf("%s.cert: the certificate expires on %s; put a new one in its place, which needs no restart", path, leaf.NotAfter.UTC().Format(time.DateOnly)))
	}
	return list
}
