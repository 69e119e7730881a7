package intake

// field is a member name that the gateway knows in an object. Fields are numbered
// below 128 so that a set of them is two words.
type field uint8

// fieldSet is a set of fields.
type fieldSet [2]uint64

// add adds a field and reports whether it is new.
func (f *fieldSet) add(one field) bool {
	word, bit := &f[one/64], uint64(1)<<(one%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

const (
	unknown field = iota
	fModel
	fMessages
	fStream
	fStreamOptions
	fMaxTokens
	fMaxCompletionTokens
	fN
	fUser
	fMetadata
	fTools
	fFunctions
	fResponseFormat
	fReasoningEffort
	fLogprobs
	fTopLogprobs
	fModalities
	fWebSearchOptions
	fCache
	fPromptCacheKey
	// fOther and those after it are known by name only: they may not come twice or
	// in other letters, but nobody here reads them.
	fTemperature
	fTopP
	fStop
	fSeed
	fToolChoice
	fParallelToolCalls
	fFunctionCall
	fServiceTier
	fStore
	fAudio
	fPrediction
	fVerbosity
	fLogitBias
	fFrequencyPenalty
	fPresencePenalty
	fSafetyIdentifier

	fRole
	fContent
	fName
	fToolCalls
	fToolCallID
	fRefusal

	fType
	fText
	fImageURL
	fInputAudio
	fFile

	fURL
	fData
	fFileData
	fFileID

	fIncludeUsage

	fTTL
	fSMaxAge
	fNoCache
	fNoStore
	fNamespace
	fUseCache

	// Of Anthropic's Messages API:
	fSystem
	fThinking
	fOutputConfig
	fOutputFormat
	fSpeed
	fInferenceGeo
	fStopSequences
	fTopK
	fContextManagement
	fSource
	fUserID
	fFormat

	// Of OpenAI's Responses API:
	fInput
	fInstructions
	fMaxOutputTokens
	fReasoning
	fTextConfig
	fEffort
	fOutput
	fResult
	fFileURL

	// Of OpenAI's embeddings API:
	fEncodingFormat
	fDimensions

	// Of OpenAI's completions API:
	fPrompt
	fBestOf
	fEcho
	fSuffix

	// Of Google's generateContent; fOpaque is what is carried along unread.
	fContents
	fParts
	fGenerationConfig
	fCachedContent
	fMimeType
	fInlineData
	fFunctionResponse
	fGoogleSearch
	fOpaque

	// Of Google's countTokens, embedContent and batchEmbedContents, and of some providers of
	// OpenAI's embeddings:
	fGenerateRequest
	fRequests
	fTaskType
	fInputType
)
