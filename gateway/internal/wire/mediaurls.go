package wire

import (
	"net/url"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// byURL says which media a target takes by URL.
type byURL uint8

const (
	// anyURL: it fetches them, or they are left to the dialect to refuse.
	anyURL byURL = iota
	// httpsURL: it fetches them over https only.
	httpsURL
	// someURL: some of its models or services fetch them, over https only.
	someURL
	// ownURL: its format has no place for URLs, but some servers take them from clients that
	// speak it.
	ownURL
	// noURL: it takes their data only.
	noURL
)

// mediaURLs says what targets take by URL, by kind of medium. The first row that matches
// counts; dialects without a row fetch everything themselves.
var mediaURLs = []struct {
	dialect llm.Dialect
	// provider is the target's name in the catalog; empty for all.
	provider              string
	images, files, sounds byURL
}{
	// docs.ollama.com/api/openai-compatibility: base64 encoded images, no image URLs.
	{llm.OpenAI, "ollama", noURL, noURL, noURL},
	// platform.moonshot.ai/docs, use the Kimi vision model: URLs of images are not supported.
	{llm.OpenAI, "moonshot", noURL, noURL, noURL},
	// OpenAI's chat completions have file_data and file_id only; other servers have more.
	{llm.OpenAI, "", anyURL, ownURL, anyURL},
	// platform.openai.com/docs/guides/pdf-files: file_url.
	{llm.Responses, "", anyURL, httpsURL, anyURL},
	// docs.anthropic.com/en/docs/build-with-claude/vision: URLs of images must be https.
	{llm.Anthropic, "", httpsURL, httpsURL, anyURL},
	// ai.google.dev/gemini-api/docs/file-input-methods: external URLs, over https, from Gemini 2.5 on.
	{llm.Gemini, "", someURL, someURL, someURL},
	// docs.cohere.com/docs/image-inputs: URLs or data: URLs. Text files become documents.
	{llm.Cohere, "", anyURL, noURL, anyURL},
	// docs.ollama.com/capabilities/vision: base64.
	{llm.Ollama, "", noURL, noURL, noURL},
}

// takesByURL returns what a target takes by URL of a kind of media.
func takesByURL(t *llm.Target, kind llm.Features) byURL {
	for _, row := range mediaURLs {
		if row.dialect != t.Dialect || row.provider != "" && row.provider != t.Catalog {
			continue
		}
		switch kind {
		case llm.Vision:
			return row.images
		case llm.AudioIn:
			return row.sounds
		}
		return row.files
	}
	return anyURL
}

// need says whether the data of a medium has to be fetched for a target.
type need uint8

const (
	leave  need = iota // the target fetches it, or its dialect says what is wrong
	prefer             // the target may not fetch it: only where the configuration lets the gateway do it
	must
)

// needOf returns what a target needs of a medium. native says that the client speaks the
// target's own dialect: then a URL may mean more to it than is known here.
func needOf(t *llm.Target, m *remoteMedium, native bool) need {
	takes := takesByURL(t, m.kind)
	switch {
	case takes == noURL || takes == ownURL && !native:
		return must
	case takes == anyURL || native || t.Dialect == llm.Gemini && atGoogle(m.url):
		return leave
	case !isHTTPS(m.url):
		return must
	case takes == someURL:
		return prefer
	}
	return leave
}

// atGoogle reports whether a URL is one that only Gemini itself can follow: of an uploaded
// file, or of a video at YouTube.
func atGoogle(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."); host {
	case "generativelanguage.googleapis.com", "youtube.com", "m.youtube.com", "youtu.be":
		return true
	}
	return false
}

func isHTTPS(url string) bool { return hasScheme(url, "https://") }

// isWebURL reports whether a text is an http or https URL.
func isWebURL(s string) bool { return isHTTPS(s) || hasScheme(s, "http://") }

// hasScheme reports whether a URL begins with a scheme, in any case.
func hasScheme(url, scheme string) bool {
	return len(url) >= len(scheme) && strings.EqualFold(url[:len(scheme)], scheme)
}
