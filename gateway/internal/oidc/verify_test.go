package oidc

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// refusal returns the message of the refusal of a token, empty if it is accepted.
func refusal(t *testing.T, s *Issuers, token string) string {
	t.Helper()
	_, err := s.Verify(context.Background(), token)
	if err == nil {
		return ""
	}
	e := llm.AsError(err)
	if e.HTTPStatus() != http.StatusUnauthorized {
		t.Errorf("status = %d (%v), want 401", e.HTTPStatus(), err)
	}
	if _, signature, _ := strings.Cut(token, "."); len(signature) > 20 && strings.Contains(err.Error(), signature[:20]) {
		t.Errorf("the error repeats the token: %v", err)
	}
	return e.Message
}

func TestAlgorithms(t *testing.T) {
	f := newIssuer(t)
	s := open(t, newClock(), f.options())
	for algorithm, private := range map[string]any{"RS256": rsaKey, "PS256": rsaKey, "ES256": ecKey, "EdDSA": edKey} {
		id := map[string]string{"RS256": "r1", "PS256": "r1", "ES256": "e1", "EdDSA": "d1"}[algorithm]
		for _, header := range []string{`{"alg":"` + algorithm + `","kid":"` + id + `"}`, `{"typ":"at+jwt","alg":"` + algorithm + `"}`} {
			if got := refusal(t, s, signWith(algorithm, private, header, f.claims())); got != "" {
				t.Errorf("%s is refused: %s", header, got)
			}
		}
	}
	if n := f.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once", n)
	}
}

func TestPrincipal(t *testing.T) {
	f := newIssuer(t)
	o := f.options()
	o.Claims = Claims{User: "email", Team: "kubernetes.io.namespace", Roles: "realm_access.roles", Models: "models", Tags: map[string]string{"repo": "repository", "run": "run_number"}}
	o.Teams = map[string]string{"ns-search": "search"}
	o.Roles = map[string][]string{"gateway admins": {"admin", "viewer"}, "dev": {"member"}}
	o.Defaults = Defaults{Tags: map[string]string{"repo": "none", "via": "corp"}}
	s := open(t, newClock(), o)
	got, err := s.Verify(context.Background(), f.token(f.claims("email", "ada@example.com", "repository", "acme/site", "run_number", 17,
		"kubernetes.io", map[string]any{"namespace": "ns-search"}, "realm_access", map[string]any{"roles": []string{"gateway admins", "dev", "other"}},
		"models", "gpt-* claude-4")))
	want := llm.Principal{KeyID: "oidc:corp:ada", Name: "corp:ada@example.com", Team: "search", User: "ada@example.com", Roles: []string{"admin", "member", "viewer"},
		Models: []string{"gpt-*", "claude-4"}, Tags: map[string]string{"repo": "acme/site", "run": "17", "via": "corp"}, Expires: start.Add(time.Hour)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Verify: %v, %s", err, diff)
	}
}

// TestRefusals has one thing wrong with each token.
func TestRefusals(t *testing.T) {
	f := newIssuer(t)
	o := f.options()
	o.Claims = Claims{User: "sub", Team: "team", Roles: "groups", Models: "models", Tags: map[string]string{"priority": "class"}}
	o.Roles = map[string][]string{"ops": {"admin"}}
	o.Defaults = Defaults{Models: []string{"*"}}
	o.Require = map[string][]string{"hd": {"example.com"}, "email_verified": {"true"}}
	s := open(t, newClock(), o)
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }
	claims := func(changes ...any) string {
		return f.claims(append([]any{"hd", "example.com", "email_verified", true, "team", "search"}, changes...)...)
	}
	good := f.token(claims())
	if got := refusal(t, s, good); got != "" {
		t.Fatalf("the good token is refused: %s", got)
	}
	head := `{"alg":"RS256","kid":"r1"}`
	parts := strings.Split(good, ".")
	public := pemOf("PUBLIC KEY", must(marshalPublic(&rsaKey.PublicKey)))
	sign := func(header, claims string) string { return signWith("RS256", rsaKey, header, claims) }
	evil := rsaJWK("r1", rsaKey2, "")
	for name, test := range map[string]struct{ token, want string }{
		"expired":                  {f.token(claims("exp", at(-31*time.Second))), "expired at 2026-03-01T11:59:29Z"},
		"no exp":                   {f.token(claims("exp", nil)), "never expires"},
		"exp is text":              {f.token(claims("exp", "never")), "exp that is not a time"},
		"exp is huge":              {f.token(claims("exp", 1e300)), "exp that is not a time"},
		"exp is null":              {f.token(strings.Replace(claims("exp", "null"), `"null"`, "null", 1)), "exp that is not a time"},
		"not yet valid":            {f.token(claims("nbf", at(31*time.Second))), "not valid before 2026-03-01T12:00:31Z"},
		"issued in the future":     {f.token(claims("iat", at(time.Minute))), "issued in the future"},
		"valid for too long":       {f.token(claims("exp", at(25*time.Hour))), "longer than 24h"},
		"too long, without iat":    {f.token(claims("exp", at(25*time.Hour), "iat", nil)), "longer than 24h"},
		"other issuer":             {f.token(claims("iss", "https://evil.example")), `issuer "https://evil.example", which this gateway does not accept`},
		"issuer with a slash":      {f.token(claims("iss", f.url+"/")), "does not accept"},
		"issuer in capitals":       {f.token(claims("iss", strings.ToUpper(f.url))), "does not accept"},
		"issuer is a list":         {f.token(claims("iss", []string{f.url})), "names no issuer"},
		"no issuer":                {f.token(claims("iss", nil)), "names no issuer"},
		"other audience":           {f.token(claims("aud", "billing")), `another audience, "billing"`},
		"no audience":              {f.token(claims("aud", nil)), "names no audience"},
		"audience is a number":     {f.token(claims("aud", 7)), "neither text nor a list"},
		"audience has a number":    {f.token(claims("aud", []any{"gateway", 7})), "element that is not text"},
		"audiences without azp":    {f.token(claims("aud", []string{"gateway", "billing"})), "several audiences"},
		"audiences, other azp":     {f.token(claims("aud", []string{"gateway", "billing"}, "azp", "billing")), "several audiences"},
		"azp is a list":            {f.token(claims("azp", []string{"gateway"})), "azp) that is not text"},
		"bound to a key":           {f.token(claims("cnf", map[string]any{"jkt": "x"})), "bound to a key"},
		"none":                     {b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "is not signed"},
		"none with a signature":    {b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2], `algorithm "none"`},
		"None in capitals":         {b64([]byte(`{"alg":"NONE"}`)) + "." + parts[1] + "." + parts[2], `algorithm "NONE"`},
		"no algorithm":             {sign(`{"kid":"r1"}`, claims()), "no algorithm"},
		"algorithm is a list":      {sign(`{"alg":["RS256"]}`, claims()), "no algorithm"},
		"HS256 with the PEM":       {signWith("HS256", public, `{"alg":"HS256","kid":"r1"}`, claims()), `algorithm "HS256"`},
		"HS256 as RS256":           {signWith("HS256", public, head, claims()), "wrong signature"},
		"RS256 of an EC key":       {sign(`{"alg":"RS256","kid":"e1"}`, claims()), "key that its issuer does not have"},
		"signed as PS256":          {signWith("PS256", rsaKey, head, claims()), "wrong signature"},
		"another key":              {signWith("RS256", rsaKey2, head, claims()), "wrong signature"},
		"another key, no kid":      {signWith("RS256", rsaKey2, `{"alg":"RS256"}`, claims()), "wrong signature"},
		"embedded key":             {signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"r1","jwk":`+evil+`}`, claims()), "wrong signature"},
		"embedded key, other kid":  {signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"x","jwk":`+strings.Replace(evil, "r1", "x", 1)+`}`, claims()), "does not have"},
		"jku":                      {signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"x","jku":"http://127.0.0.1:1/keys"}`, claims()), "does not have"},
		"x5u and x5c":              {signWith("RS256", rsaKey2, `{"alg":"RS256","kid":"x","x5u":"http://127.0.0.1:1","x5c":["AAAA"]}`, claims()), "does not have"},
		"kid is a path":            {sign(`{"alg":"RS256","kid":"../../../../dev/null"}`, claims()), "does not have"},
		"kid is SQL":               {sign(`{"alg":"RS256","kid":"r1' OR '1'='1"}`, claims()), "does not have"},
		"kid is a URL":             {sign(`{"alg":"RS256","kid":"http://169.254.169.254/latest"}`, claims()), "does not have"},
		"kid is a number":          {sign(`{"alg":"RS256","kid":1}`, claims()), "kid) that is not a text"},
		"kid is long":              {sign(`{"alg":"RS256","kid":"`+strings.Repeat("k", 1025)+`"}`, claims()), "kid) that is not a text"},
		"crit":                     {sign(`{"alg":"RS256","kid":"r1","crit":["exp"],"exp":1}`, claims()), "has crit in its header"},
		"empty crit":               {sign(`{"alg":"RS256","kid":"r1","crit":[]}`, claims()), "has crit"},
		"b64":                      {sign(`{"alg":"RS256","kid":"r1","b64":false}`, claims()), "has b64"},
		"compressed":               {sign(`{"alg":"RS256","kid":"r1","zip":"DEF"}`, claims()), "has zip"},
		"two algorithms":           {sign(`{"alg":"none","alg":"RS256","kid":"r1"}`, claims()), "occurs twice"},
		"two algorithms, escaped":  {sign(`{"alg":"RS256","\u0061lg":"none","kid":"r1"}`, claims()), "occurs twice"},
		"logout token":             {sign(`{"alg":"RS256","kid":"r1","typ":"logout+jwt"}`, claims()), "another type"},
		"type is a number":         {sign(`{"alg":"RS256","kid":"r1","typ":1}`, claims()), "another type"},
		"two subjects":             {f.token(strings.Replace(claims(), "{", `{"sub":"root",`, 1)), "occurs twice"},
		"two of a nested claim":    {f.token(strings.Replace(claims(), "{", `{"x":{"a":1,"a":2},`, 1)), "occurs twice"},
		"deep JSON":                {f.token(strings.Replace(claims(), "{", `{"x":`+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`,`, 1)), "nested more than"},
		"JSON with a tail":         {f.token(claims() + "{}"), "not usable JSON"},
		"JSON is a list":           {f.token("[" + claims() + "]"), "not a JSON object"},
		"not UTF-8":                {f.token(strings.Replace(claims(), "ada", "a\xffa", 1)), "not usable JSON"},
		"half a surrogate":         {f.token(strings.Replace(claims(), "ada", `\ud800`, 1)), "not usable JSON"},
		"changed claims":           {parts[0] + "." + b64([]byte(claims("sub", "root"))) + "." + parts[2], "wrong signature"},
		"truncated signature":      {good[:len(good)-8], "signature"},
		"no signature":             {parts[0] + "." + parts[1] + ".", "is not signed"},
		"padded":                   {good + "==", "not base64url"},
		"other alphabet":           {parts[0] + "." + parts[1] + "." + base64.StdEncoding.EncodeToString([]byte("\xff\xfe\xfd+/")), "not base64url"},
		"encrypted":                {"a.b.c.d.e", "is encrypted"},
		"two dots only":            {"..", "not a JSON object"},
		"four parts":               {"a.b.c.d", "4 parts"},
		"large":                    {f.token(claims("x", strings.Repeat("x", 1<<20))), "at most 16384"},
		"ES256 in DER":             {signWith("DER", ecKey, `{"alg":"ES256","kid":"e1"}`, claims()), "wrong signature"},
		"no subject":               {f.token(claims("sub", nil)), "no usable subject (sub): it is empty"},
		"empty subject":            {f.token(claims("sub", "")), "it is empty"},
		"subject is a number":      {f.token(claims("sub", 7)), "no usable subject"},
		"subject with a line feed": {f.token(claims("sub", "ada\nroot")), "cannot be printed"},
		"subject with a bidi mark": {f.token(claims("sub", "ada\u202eroot")), "cannot be printed"},
		"subject is long":          {f.token(claims("sub", strings.Repeat("s", 256))), "more than 255"},
		"no team":                  {f.token(claims("team", nil)), "belongs to no team"},
		"team is an object":        {f.token(claims("team", map[string]any{"a": 1})), "neither text nor a list"},
		"several teams":            {f.token(claims("team", []string{"a", "b"})), "several values"},
		"empty team":               {f.token(claims("team", "")), "is empty"},
		"groups is a number":       {f.token(claims("groups", 1)), "neither text nor a list"},
		"models is an object":      {f.token(claims("models", map[string]any{})), "neither text nor a list"},
		"tag is a list":            {f.token(claims("class", []string{"high", "low"})), "not one text"},
		"tag is no priority":       {f.token(claims("class", "urgent")), "not high, normal or low"},
		"required claim missing":   {f.token(claims("hd", nil)), "claim hd that"},
		"required claim differs":   {f.token(claims("hd", "evil.com")), "claim hd that"},
		"required claim false":     {f.token(claims("email_verified", false)), "claim email_verified"},
	} {
		got := refusal(t, s, test.token)
		if !strings.HasPrefix(got, "The token ") || !strings.Contains(got, test.want) {
			t.Errorf("%s: refused with %q, want %q", name, got, test.want)
		}
	}
	if n := f.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once: the others came too soon", n)
	}
}

// TestAccepted has tokens that look odd and are good.
func TestAccepted(t *testing.T) {
	f := newIssuer(t)
	o := f.options()
	o.AuthorizedParties = []string{"web", "cli"}
	o.Claims.Roles = "groups"
	o.Roles = map[string][]string{"ops": {"admin"}}
	s := open(t, newClock(), f.options(), Options{Name: "web", Issuer: f.url, Audiences: []string{"gateway-web"}, Algorithms: o.Algorithms, AuthorizedParties: o.AuthorizedParties,
		Claims: o.Claims, Roles: o.Roles, Leeway: o.Leeway, MaxLifetime: o.MaxLifetime})
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }
	for name, claims := range map[string]string{
		"expired within the leeway":    f.claims("exp", at(-29*time.Second)),
		"begins within the leeway":     f.claims("nbf", at(29*time.Second), "iat", at(29*time.Second)),
		"fractions of a second":        f.claims("exp", float64(at(time.Hour))+0.5),
		"without iat and nbf":          f.claims("iat", nil, "nbf", nil),
		"one audience in a list":       f.claims("aud", []string{"gateway"}),
		"several audiences and an azp": f.claims("aud", []string{"other", "gateway"}, "azp", "gateway"),
		"the other issuer's audience":  f.claims("aud", []string{"account", "gateway-web"}, "azp", "cli"),
	} {
		if got := refusal(t, s, f.token(claims)); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := refusal(t, s, f.token(f.claims("aud", "gateway-web", "azp", "evil"))); !strings.Contains(got, "client (azp)") {
		t.Errorf("a token for another client: %q", got)
	}
	for groups, want := range map[any][]string{"ops": {"admin"}, "dev ops": {"admin"}, "x": nil} {
		p, err := s.Verify(context.Background(), f.token(f.claims("aud", "gateway-web", "azp", "web", "groups", groups)))
		if diff := cmp.Diff(want, p.Roles); err != nil || diff != "" {
			t.Errorf("groups %q: %v %s", groups, err, diff)
		}
	}
	// Whoever may name a group must not get a role by blanks in its name.
	if p, err := s.Verify(context.Background(), f.token(f.claims("aud", "gateway-web", "azp", "web", "groups", []string{"my ops"}))); err != nil || p.Roles != nil {
		t.Errorf("the group %q has the roles %v (%v), want none", "my ops", p.Roles, err)
	}
}

// TestVerifiedOnce holds that a good token is verified once, and again when the keys change.
func TestVerifiedOnce(t *testing.T) {
	f, now := newIssuer(t), newClock()
	s := open(t, now, f.options())
	token := f.token(f.claims())
	for range 3 {
		if got := refusal(t, s, token); got != "" {
			t.Fatal(got)
		}
	}
	if got := s.Status()[0].Tokens; got["accepted"] != 1 || got["cached"] != 2 {
		t.Errorf("counts = %v, want 1 accepted and 2 cached", got)
	}
	if who, err := s.Holder("oidc:corp:ada"); err != nil || who.User != "ada" {
		t.Errorf("Holder = %v, %v", who, err)
	}
	now.Advance(time.Hour + 31*time.Second)
	if who, err := s.Holder("oidc:corp:ada"); llm.AsError(err).HTTPStatus() != http.StatusUnauthorized {
		t.Errorf("Holder after the token has expired = %v, %v", who, err)
	}
	if _, err := s.Holder("oidc:corp:bob"); llm.AsError(err).HTTPStatus() != http.StatusUnauthorized {
		t.Errorf("Holder of a stranger = %v", err)
	}
	if got := refusal(t, s, token); !strings.Contains(got, "expired") {
		t.Errorf("after its exp the token is answered with %q", got)
	}
}

func TestReload(t *testing.T) {
	f, now := newIssuer(t), newClock()
	o := f.options()
	first := open(t, now, o)
	token := f.token(f.claims())
	if got := refusal(t, first, token); got != "" {
		t.Fatal(got)
	}
	same, err := Open([]Options{f.options()}, first, nil, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
	if got := refusal(t, same, token); got != "" || f.fetches.Load() != 1 || same.Status()[0].Tokens["cached"] != 1 {
		t.Errorf("after a reload: %q, %d fetches, counts %v", got, f.fetches.Load(), same.Status()[0].Tokens)
	}
	o.Audiences = []string{"other"}
	changed, err := Open([]Options{o}, same, nil, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer changed.Close()
	if got := refusal(t, changed, token); !strings.Contains(got, "another audience") {
		t.Errorf("after a change of the audience the token is answered with %q", got)
	}
	none, err := Open(nil, changed, nil, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if got := refusal(t, none, token); !strings.Contains(got, "does not accept") {
		t.Errorf("without the issuer the token is answered with %q", got)
	}
}

func FuzzParseToken(f *testing.F) {
	head, body := b64([]byte(`{"alg":"RS256","kid":"a"}`)), b64([]byte(`{"iss":"i","aud":["a"],"exp":1.5e9,"a":{"b":[1,null,true]}}`))
	f.Add(head + "." + body + ".AAAA")
	f.Add("..")
	f.Add(b64([]byte(`{"alg":"none","alg":"x"}`)) + "." + body + ".")
	f.Fuzz(func(t *testing.T, text string) {
		tok, err := parseToken(text)
		if err != nil {
			return
		}
		if string(tok.text) != text {
			t.Errorf("parseToken(%q) = %+v", text, tok)
		}
		// The parts have one spelling only.
		parts := strings.Split(text, ".")
		for _, part := range parts {
			if again := b64(must(base64url.DecodeString(part))); again != part {
				t.Errorf("the part %q is also written %q", part, again)
			}
		}
		_, _ = tok.claims.time("exp")
		_, _ = tok.claims.texts("a.b")
		_, _ = tok.claims.words("a")
		_ = tok.claims.scalars("a.b.c")
	})
}

func BenchmarkVerify(b *testing.B) {
	f := newIssuer(b)
	s := open(b, newClock(), f.options())
	token := f.token(f.claims("email", "ada@example.com", "groups", []string{"a", "b", "c"}))
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Verify(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t, err := parseToken(token)
			if err == nil {
				_, _, err = s.all[0].verify(context.Background(), t, start)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
