package classify

// Category is the kind of a task.
type Category uint8

// The categories. Rules tell them from words, mostly English ones; Chat is what no rule
// applies to.
const (
	Chat Category = iota
	Code
	Math
	Translation
	Extraction
	Summary
	Writing
	Question

	categories = iota
)

// names are the categories' names.
func names() [categories]string {
	return [...]string{"chat", "code", "math", "translation", "extraction", "summary", "writing", "question"}
}

// String returns the category's name.
func (c Category) String() string { return names()[c] }

// instructed is how many words at the beginning of a prompt may say what to do. What follows
// is often a text to do it with.
const instructed = 24

// signals are what the rules need of a text.
type signals struct {
	words, numbers, braces, percents int
	// task is the first word that says what to do, or Chat without one.
	task Category
	// code and math add up the words of their field.
	code, math int
	// asks says that the text begins with a word of questions, or ends with a question mark.
	asks bool
}

// word adds a word, in lower case if it is ASCII.
func (s *signals) word(w []byte, number bool) {
	s.words++
	if number {
		s.numbers++
		return
	}
	c, strength := meaning(w)
	switch {
	case c == Code:
		s.code += strength
	case c == Math:
		s.math += strength
	case c == Question:
		s.asks = s.asks || s.words == 1
	case c != Chat && s.task == Chat && s.words <= instructed:
		s.task = c
	}
}

// mark adds a punctuation mark.
func (s *signals) mark(c byte) {
	switch c {
	case '{', '}', ';':
		s.braces++
	case '%':
		s.percents++
	}
}

// end looks at how the text ends.
func (s *signals) end(text []byte) {
	n := len(text)
	for n > 0 && kinds[text[n-1]] == blank {
		n--
	}
	s.asks = s.asks || n > 0 && text[n-1] == '?'
}

// category applies the rules in their order: program text, a task on a text, program text by
// its words alone, a sum, writing, a question.
func (s *signals) category(c *counts) Category {
	switch {
	case c.fences > 0, s.code >= 3, s.code > 0 && s.braces >= 2, s.braces >= 6:
		return Code
	case s.task != Chat && s.task != Writing:
		return s.task
	case s.code >= 2:
		return Code
	case s.math >= 2 && s.task != Writing, (s.math > 0 || s.percents > 0) && (s.numbers >= 2 || c.symbols >= 2), s.numbers >= 2 && c.symbols >= 3:
		return Math
	case s.task == Writing:
		return Writing
	case s.asks:
		return Question
	}
	return Chat
}

// meaning is what a word is a sign of, Chat when of nothing, and how strong a sign of program
// text or sums it is: 2 is enough alone.
func meaning(w []byte) (c Category, strength int) {
	switch string(w) {
	case "python", "javascript", "typescript", "java", "golang", "rust", "kotlin", "cpp", "sql", "html", "css", "regex", "bash", "powershell",
		"docker", "dockerfile", "kubernetes", "debug", "compiler", "stacktrace", "traceback", "refactor", "refactoring", "unittest", "pytest",
		"algorithm", "println", "printf", "npm", "github", "codebase", "backend", "frontend", "nullpointerexception":
		return Code, 2
	case "code", "function", "functions", "method", "bug", "implement", "implementation", "compile", "exception", "api", "endpoint", "script",
		"array", "json", "yaml", "xml", "csv", "git", "linux", "pip", "def", "import", "return", "const", "struct", "async", "await", "void", "func",
		"tests", "select", "query", "database", "variable", "loop", "thread", "runtime":
		return Code, 1
	case "equation", "equations", "integral", "derivative", "theorem", "polynomial", "algebra", "arithmetic", "frac", "sqrt", "calculate",
		"trigonometry", "eigenvalue", "eigenvalues", "quadratic":
		return Math, 2
	case "solve", "compute", "prove", "probability", "matrix", "geometry", "fraction", "percent", "percentage", "sum", "average", "many", "much",
		"total", "equals", "divided", "multiplied", "times", "integer", "integers", "vector":
		return Math, 1
	case "translate", "translation", "übersetze", "Übersetze", "übersetzen", "traduire", "traduis", "traduce", "traducir", "traduza", "traduci", "перевести", "переведи":
		return Translation, 0
	case "extract", "classify", "categorize", "categorise", "label", "tag", "identify", "parse", "extrahiere", "klassifiziere", "extraire", "extrae":
		return Extraction, 0
	case "summarize", "summarise", "summary", "tldr", "condense", "shorten", "zusammenfassen", "zusammenfassung", "fasse", "résume", "résumer", "resume", "resumen":
		return Summary, 0
	case "write", "draft", "compose", "rewrite", "rephrase", "paraphrase", "proofread", "essay", "poem", "story", "email", "letter", "blog",
		"slogan", "tweet", "schreibe", "verfasse", "écris", "Écris", "rédige", "escribe", "redacta":
		return Writing, 0
	case "what", "who", "whom", "whose", "when", "where", "why", "how", "which", "is", "are", "was", "were", "do", "does", "did", "can",
		"could", "should", "would", "will", "wer", "wann", "wo", "warum", "wie", "welche", "qui", "quand", "pourquoi", "comment", "qué", "quién", "cuándo", "por":
		return Question, 0
	}
	return Chat, 0
}

// Categories returns the categories' names.
func Categories() []string { all := names(); return all[:] }
