package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/oidc"
)

// Identity is whose word the gateway takes for who a caller is, besides its own keys.
type Identity struct {
	// OIDC are the issuers of tokens (signed JWTs) that callers and operators may send in place
	// of a virtual key, in the same headers. The name is yours; spending is counted by it and the
	// token's subject, as oidc:NAME:SUBJECT, so keep it.
	OIDC map[string]Issuer `yaml:"oidc"`
}

// Issuer is an OpenID Connect issuer.
type Issuer struct {
	// Issuer is its URL, exactly as tokens have it in iss.
	Issuer string `yaml:"issuer" jsonschema:"required,minLength=1"`
	// Audience is the value, or a list of values, of which a token must have one in aud. It says
	// that a token was made for this gateway and not for another service.
	Audience OneOrMore `yaml:"audience" jsonschema:"required"`
	// AuthorizedParties are the clients that tokens may have been made for, as they stand in azp.
	// Left out, any; but a token with several audiences then needs one of audience in azp.
	AuthorizedParties OneOrMore `yaml:"authorized_parties"`
	// Algorithms are those that tokens may be signed with; RS256, PS256, ES256 and EdDSA when left
	// out.
	Algorithms []Algorithm `yaml:"algorithms"`
	// JWKSURL is where the issuer's public keys are. Left out, the issuer is asked at
	// /.well-known/openid-configuration.
	JWKSURL string `yaml:"jwks_url"`
	// KeysFile is a file with the issuer's public keys, as a JWK Set or in PEM, in place of
	// fetching them. A changed file is read without a restart.
	KeysFile string `yaml:"keys_file"`
	// CAFile is a file with the certificates, in PEM, that the issuer's server is trusted by; left
	// out, those of the system.
	CAFile string `yaml:"ca_file"`
	// Claims says which claims hold what.
	Claims IssuerClaims `yaml:"claims"`
	// Teams maps values of the team's claim to teams; of several values the first that is here
	// counts. Left out, the value is the team.
	Teams map[string]string `yaml:"teams"`
	// Roles maps values of the roles' claim to one or more roles, such as admin. Other values
	// give none.
	Roles map[string]OneOrMore `yaml:"roles"`
	// Defaults is what callers have where the claims say nothing.
	Defaults IssuerDefaults `yaml:"defaults"`
	// Require are claims with the values of which they must have one: {hd: example.com,
	// email_verified: true}. A "*" stands for any text.
	Require map[string]ClaimValues `yaml:"require"`
	// Leeway is how far the issuer's clock may be off; 30s when left out.
	Leeway time.Duration `yaml:"leeway"`
	// MaxLifetime is the longest time that a token may be valid for; 24h when left out.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
}

// IssuerClaims are the paths of claims: a name, or the names of nested claims with dots between
// them, such as realm_access.roles.
type IssuerClaims struct {
	// User is the claim with the user; sub when left out.
	User string `yaml:"user"`
	// Team is the claim with the team. A token without a team is then refused, unless defaults
	// has one.
	Team string `yaml:"team"`
	// Roles is the claim with what the setting roles has roles for: a list, or a text with blanks
	// between its elements.
	Roles string `yaml:"roles"`
	// Models is the claim with the models that the caller may ask for, "*" wildcards allowed: a
	// list, or a text with blanks. A token without it is then refused, unless defaults has some.
	Models string `yaml:"models"`
	// Tags are claims by the name of the tag that gets their value.
	Tags map[string]string `yaml:"tags"`
}

// IssuerDefaults is what callers of an issuer have where their claims say nothing.
type IssuerDefaults struct {
	// Team is the team of callers whose claims name none.
	Team string `yaml:"team"`
	// Roles are the roles of callers whose claims give none.
	Roles []string `yaml:"roles"`
	// Models are the models that may be asked for, "*" wildcards allowed; left out, all.
	Models []string `yaml:"models"`
	// Tags are the tags, by name, that no claim sets.
	Tags map[string]string `yaml:"tags"`
}

// OneOrMore is a text, or a list of them.
type OneOrMore []string

// ClaimValues are the values of which a claim must have one.
type ClaimValues []ClaimValue

// ClaimValue is a value of a claim. A "*" in it stands for any text.
type ClaimValue string

// claimValue reads a value of a claim: text, a number, true or false.
func (d *decoder) claimValue(path string, n ast.Node, out *ClaimValue) {
	if b, isBool := n.(*ast.BoolNode); isBool {
		*out = ClaimValue(fmt.Sprint(b.Value))
		return
	}
	if s, ok := d.text(path, n); ok {
		if s == "" {
			d.fault(path, n, `write a value; "*" stands for any`, "is empty")
			return
		}
		*out = ClaimValue(s)
	}
}

// Algorithm is an algorithm of signatures.
type Algorithm string

func (a *Algorithm) set(s string) error { return choose(a, s, algorithms()...) }

// algorithms leaves out those with a shared secret: whoever can verify such a token can make one.
func algorithms() (all []Algorithm) {
	for _, name := range oidc.Algorithms() {
		all = append(all, Algorithm(name))
	}
	return all
}

// Bounds of what a token's issuer is trusted with.
const (
	maxLeeway        = 5 * time.Minute
	maxTokenLifetime = 366 * 24 * time.Hour
)

func (d *decoder) checkIdentity(c *Config) {
	names := slices.Sorted(maps.Keys(c.Identity.OIDC))
	for i, name := range names {
		is, path := c.Identity.OIDC[name], Path("identity.oidc", name)
		if !isName(name) {
			d.faultKey("identity.oidc", name, "use lower case letters, digits, dots, dashes and underscores", "invalid name %q", name)
		}
		d.checkIssuer(path, &is)
		for _, other := range names[:i] {
			d.checkOverlap(path, is, c.Identity.OIDC[other], other)
		}
		c.Identity.OIDC[name] = is
	}
}

// checkOverlap reports a token for which two issuers would stand.
func (d *decoder) checkOverlap(path string, is, other Issuer, name string) {
	for _, audience := range is.Audience {
		if is.Issuer == other.Issuer && slices.Contains(other.Audience, audience) {
			d.fault(path+".audience", nil, "give them different audiences, or make one of them", "has %q in common with %s, which has the same issuer", audience, name)
		}
	}
}

func (d *decoder) checkIssuer(path string, is *Issuer) {
	if is.JWKSURL != "" && is.KeysFile != "" {
		d.fault(path+".keys_file", nil, "leave one of them out", "goes without jwks_url")
	}
	if err := oidc.CheckURL(is.Issuer); err != nil && is.Issuer != "" && is.JWKSURL == "" && is.KeysFile == "" {
		d.fault(path+".issuer", nil, "write https://HOST/PATH as tokens have it in iss, or set jwks_url or keys_file", "%s", err)
	}
	if err := oidc.CheckURL(is.JWKSURL); err != nil && is.JWKSURL != "" {
		d.fault(path+".jwks_url", nil, "write https://HOST/PATH", "%s", err)
	}
	if _, given := d.at[path+".audience"]; given { // else it is reported as missing
		d.checkTexts(path+".audience", is.Audience)
	}
	if _, given := d.at[path+".algorithms"]; given && len(is.Algorithms) == 0 {
		d.fault(path+".algorithms", nil, "leave it out for the default", "is empty")
	}
	if is.Leeway < 0 || is.Leeway > maxLeeway {
		d.fault(path+".leeway", nil, "leave it out for 30s", "must be between 0s and %s", maxLeeway)
	}
	if is.MaxLifetime <= 0 || is.MaxLifetime > maxTokenLifetime {
		d.fault(path+".max_lifetime", nil, "leave it out for 24h", "must be more than 0 and at most 366d")
	}
	is.KeysFile, is.CAFile = d.issuerFile(path+".keys_file", is.KeysFile), d.issuerFile(path+".ca_file", is.CAFile)
	d.checkClaims(path, is)
}

// checkTexts reports an empty list and empty texts: an empty audience would accept every token.
func (d *decoder) checkTexts(path string, list OneOrMore) {
	if len(list) == 0 || slices.Contains(list, "") {
		d.fault(path, nil, "name who tokens for this gateway are made for, such as its client id", "is empty")
	}
}

func (d *decoder) issuerFile(path, file string) string {
	if file == "" {
		return ""
	}
	file = inDir(d.dir, file)
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		d.fault(path, nil, "", "%s is not a file of at most %d bytes", file, maxFile)
	}
	return file
}

// checkClaims reports claims and what is made of them where one is of no use without the other.
func (d *decoder) checkClaims(path string, is *Issuer) {
	if is.Claims.Roles != "" && len(is.Roles) == 0 {
		d.fault(path+".claims.roles", nil, "add roles: {VALUE: ROLE} beside claims", "gives no roles: the setting roles says which value of the claim stands for which role")
	}
	if is.Claims.Roles == "" && len(is.Roles) > 0 {
		d.fault(path+".roles", nil, "name the claim in claims.roles", "is not used, since no claim is named for it")
	}
	if is.Claims.Team == "" && len(is.Teams) > 0 {
		d.fault(path+".teams", nil, "name the claim in claims.team", "is not used, since no claim is named for it")
	}
	if class, given := is.Defaults.Tags[llm.PriorityTag]; given {
		if _, known := llm.ParsePriority(class); !known {
			d.fault(Path(path+".defaults.tags", llm.PriorityTag), nil, "", "must be high, normal or low")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(is.Claims.Tags)) {
		if name == "" || is.Claims.Tags[name] == "" {
			d.fault(Path(path+".claims.tags", name), nil, "write TAG: CLAIM", "needs the name of a tag and of a claim")
		}
	}
}

// OIDCIssuers returns the issuers, with what their files hold. The error is Faults.
func (c *Config) OIDCIssuers() ([]oidc.Options, error) {
	var list []oidc.Options
	var faults Faults
	for _, name := range slices.Sorted(maps.Keys(c.Identity.OIDC)) {
		is := c.Identity.OIDC[name]
		o := is.options(name)
		for _, file := range []struct {
			setting, path string
			text          *[]byte
		}{{"keys_file", is.KeysFile, &o.Keys}, {"ca_file", is.CAFile, &o.CA}} {
			if file.path == "" {
				continue
			}
			text, err := readFile(file.path)
			if err != nil {
				faults = append(faults, c.Fault(Path(Path("identity.oidc", name), file.setting), "", "cannot be read: %v", err))
			}
			*file.text = append([]byte{}, text...) // never nil, which would mean that there is none
		}
		list = append(list, o)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return list, nil
}

func (is *Issuer) options(name string) oidc.Options {
	o := oidc.Options{Name: name, Issuer: is.Issuer, Audiences: is.Audience, AuthorizedParties: is.AuthorizedParties, JWKSURL: is.JWKSURL, Algorithms: Texts(is.Algorithms),
		Claims:   oidc.Claims{User: is.Claims.User, Team: is.Claims.Team, Roles: is.Claims.Roles, Models: is.Claims.Models, Tags: is.Claims.Tags},
		Teams:    is.Teams,
		Defaults: oidc.Defaults{Team: is.Defaults.Team, Roles: is.Defaults.Roles, Models: is.Defaults.Models, Tags: is.Defaults.Tags},
		Roles:    map[string][]string{}, Require: map[string][]string{}, Leeway: is.Leeway, MaxLifetime: is.MaxLifetime}
	for value, roles := range is.Roles {
		o.Roles[value] = roles
	}
	for path, values := range is.Require {
		o.Require[path] = Texts(values)
	}
	return o
}
