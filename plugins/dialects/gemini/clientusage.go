package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeUsage writes usage as Google counts: the answer without the thoughts. What was written
// to the prompt cache is part of the prompt there.
func writeUsage(w *canonical.Writer, u *canonical.Usage, tier []byte) {
	if !u.Known {
		return
	}
	thoughts := min(u.Reasoning, u.Completion)
	w.Name("usageMetadata")
	w.Open('{')
	w.MemberInt("promptTokenCount", u.Prompt)
	w.MemberInt("candidatesTokenCount", u.Completion-thoughts)
	w.MemberInt("totalTokenCount", u.Prompt+u.Completion)
	if u.CacheRead > 0 {
		w.MemberInt("cachedContentTokenCount", u.CacheRead)
	}
	if thoughts > 0 {
		w.MemberInt("thoughtsTokenCount", thoughts)
	}
	writeModalityCounts(w, "promptTokensDetails", u.Prompt, u.AudioPrompt)
	writeModalityCounts(w, "candidatesTokensDetails", u.Completion-thoughts, u.AudioCompletion)
	switch string(tier) {
	case "default":
		w.MemberLiteral("serviceTier", `"standard"`)
	case "flex", "priority":
		w.MemberText("serviceTier", tier)
	}
	w.Close('}')
}

// writeModalityCounts writes how many of the tokens are text and how many sound, if any are.
func writeModalityCounts(w *canonical.Writer, name string, all, sound int64) {
	if sound = min(sound, all); sound <= 0 {
		return
	}
	w.Name(name)
	w.Raw(`[{"modality":"TEXT","tokenCount":`)
	w.Int(all - sound)
	w.Raw(`},{"modality":"AUDIO","tokenCount":`)
	w.Int(sound)
	w.Raw("}]")
}
