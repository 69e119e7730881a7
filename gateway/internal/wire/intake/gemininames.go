package intake

// lookupGemini finds a name among those known in an object of Google's API, in either of its
// spellings.
func lookupGemini(of object, name []byte) field {
	switch of {
	case geminiBody:
		return geminiField(name)
	case content:
		switch string(name) {
		case "role":
			return fRole
		case "parts":
			return fParts
		}
	case geminiPart:
		return geminiPartField(name)
	case geminiResult:
		if string(name) == "parts" {
			return fParts
		}
	case inlineMedium:
		switch string(name) {
		case "mimeType", "mime_type":
			return fMimeType
		case "data":
			return fData
		}
	case geminiToolObject:
		switch string(name) {
		case "functionDeclarations", "function_declarations":
			return fFunctions
		case "googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval":
			return fGoogleSearch
		}
	case geminiConfig:
		return geminiConfigField(name)
	case countTokensBody:
		if string(name) == "generateContentRequest" || string(name) == "generate_content_request" {
			return fGenerateRequest
		}
		return geminiField(name)
	case embedContentBody:
		return embedContentField(name)
	case batchEmbedBody:
		if string(name) == "requests" {
			return fRequests
		}
	}
	return unknown
}

func geminiField(name []byte) field {
	switch string(name) {
	case "model":
		return fModel
	case "contents":
		return fContents
	case "systemInstruction", "system_instruction":
		return fSystem
	case "tools":
		return fTools
	case "generationConfig", "generation_config":
		return fGenerationConfig
	case "cachedContent", "cached_content":
		return fCachedContent
	case "serviceTier", "service_tier":
		return fServiceTier
	case "toolConfig", "tool_config":
		return fToolChoice
	case "safetySettings", "safety_settings":
		return fOpaque
	}
	return unknown
}

func geminiPartField(name []byte) field {
	switch string(name) {
	case "text":
		return fText
	case "inlineData", "inline_data":
		return fInlineData
	case "fileData", "file_data":
		return fFileData
	case "functionResponse", "function_response":
		return fFunctionResponse
	case "functionCall", "function_call", "thought", "thoughtSignature", "thought_signature", "videoMetadata", "video_metadata",
		"executableCode", "executable_code", "codeExecutionResult", "code_execution_result", "toolCall", "tool_call", "toolResponse",
		"tool_response", "mediaResolution", "media_resolution":
		return fOpaque
	}
	return unknown
}

func geminiConfigField(name []byte) field {
	switch string(name) {
	case "maxOutputTokens", "max_output_tokens":
		return fMaxOutputTokens
	case "candidateCount", "candidate_count":
		return fN
	case "responseLogprobs", "response_logprobs":
		return fLogprobs
	case "responseSchema", "response_schema", "responseJsonSchema", "response_json_schema":
		return fResponseFormat
	}
	return unknown
}

func embedContentField(name []byte) field {
	switch string(name) {
	case "model":
		return fModel
	case "content":
		return fContent
	case "requests": // of a list only
		return fRequests
	case "taskType", "task_type":
		return fTaskType
	case "title":
		return fName
	case "outputDimensionality", "output_dimensionality":
		return fDimensions
	}
	return unknown
}
