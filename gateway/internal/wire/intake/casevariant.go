package intake

import "unicode/utf8"

// caseVariant finds the known name that an unknown one turns into when its letters are
// folded: Model, MESSAGES, ſtream with a long s.
func caseVariant(of object, name []byte) (folded string, ok bool) {
	var buf [maxNameBytes]byte
	low := fold(buf[:0], name)
	if lookup(of, low) == unknown {
		return "", false
	}
	return string(low), true
}

// fold appends name in lower case, with the few runes beyond ASCII that some parser
// takes for an ASCII letter replaced by it. The result is never longer than name.
func fold(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r == 'ſ': // folds to s in Unicode's simple case folding
			r = 's'
		case r == '\u212A': // the Kelvin sign folds to k
			r = 'k'
		case r == 'İ', r == 'ı': // fold to i by way of ToLower and ToUpper
			r = 'i'
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return dst
}

// namesUpstream reports whether a member would choose where a request goes or with
// what credentials, in one of the spellings that client libraries and other
// gateways take. Case, underscores and hyphens make no difference.
func namesUpstream(name []byte) bool {
	var low, bare [maxNameBytes]byte
	n := 0
	for _, c := range fold(low[:0], name) {
		if c != '_' && c != '-' {
			bare[n] = c
			n++
		}
	}
	switch string(bare[:n]) {
	case "apibase", "baseurl", "apikey", "apitype", "apiversion", "apihost", "apitoken", "authtoken", "authorization",
		"headers", "extraheaders", "defaultheaders", "extrabody", "extraquery",
		"customhost", "endpoint", "endpointurl", "serverurl", "url", "proxy", "httpclient", "organization",
		"customllmprovider", "litellmparams", "modellist", "userconfig", "deploymentid",
		"azureendpoint", "azureadtoken", "azureadtokenprovider",
		"awsaccesskeyid", "awssecretaccesskey", "awssessiontoken", "awsregionname", "awssessionname",
		"awsprofilename", "awsrolename", "awswebidentitytoken", "awsstsendpoint", "awsbedrockruntimeendpoint",
		"vertexcredentials", "vertexproject", "vertexlocation", "vertexaicredentials", "vertexaiproject", "vertexailocation":
		return true
	}
	return false
}
