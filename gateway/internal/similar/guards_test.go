package similar

import (
	"slices"
	"testing"
)

// TestGuards checks for each guard which texts it tells apart, and that it does not for texts
// that ask the same.
func TestGuards(t *testing.T) {
	tests := []struct {
		guard, a, b string
		differ      bool
	}{
		{"language", "What is the capital of France?", "Quelle est la capitale de la France ?", true},
		{"language", "Где мой заказ?", "Where is my order?", true},
		{"language", "Where is my order?", "where can I find my order", false},
		{"numbers", "Plan 3 days in Rome", "Plan 4 days in Rome", true},
		{"numbers", "Plan three days in Rome", "Plan 3 days in Rome", false},
		{"numbers", "Is $1,000 enough?", "Is 1000 dollars enough?", false},
		{"numbers", "Is $1,000 enough?", "Is €1,000 enough?", true},
		{"numbers", "Add 5 mg", "Add 5 g", true},
		{"numbers", "Add 5kg", "Add five kilograms", false},
		{"numbers", "the 2nd door", "the second door", false},
		{"numbers", "version 2.1", "version 2.10", true},
		{"numbers", "Take it twice", "Take it once", true},
		{"numbers", "Nenne drei Berge, die ich kenne", "Nenne 3 Berge, die ich kenne", false},
		{"negation", "Can I park here?", "Can't I park here?", true},
		{"negation", "I can't log in", "I cannot log in", false},
		{"negation", "Is it legal?", "Is it illegal?", true},
		{"negation", "Ist das erlaubt?", "Ist das nicht erlaubt?", true},
		{"negation", "¿Puedo pagar?", "¿No puedo pagar?", true},
		{"negation", "Je peux payer", "Je ne peux pas payer", true},
		{"negation", "我可以退货吗", "我不可以退货吗", true},
		{"negation", "Can I understand the university?", "Can I grasp the college?", false},
		{"quotations", `Translate "cat"`, `Translate "car"`, true},
		{"quotations", "Translate “cat”", `Translate "cat"`, false},
		{"quotations", `Find "A"`, `Find "a"`, true},
		{"symbols", "What is a && b", "What is a || b", true},
		{"symbols", "Learn C++", "Learn C", true},
		{"symbols", "Explain print(a)", "Explain print(A)", true},
		{"symbols", "if x:\n  y", "if x:\n    y", true},
		{"symbols", "Is it open?", "Is it open", false},
		{"dates", "Open on Monday?", "Open on Tuesday?", true},
		{"dates", "Who is king?", "Who was king?", true},
		{"dates", "Offen im Jan?", "Offen im Januar?", false},
		{"question", "When was it built?", "Where was it built?", true},
		{"question", "How many are there?", "How are there?", true},
		{"question", "The shop is open.", "The shop is open?", true},
		{"question", "Could you please explain gravity?", "Explain gravity", false},
		{"direction", "Is A larger than B?", "Is A smaller than B?", true},
		{"direction", "Is A larger than B?", "Is A bigger than B?", false},
		{"direction", "Turn left", "Turn right", true},
		{"direction", "Wie öffne ich es: öffnen?", "Wie öffne ich es: schließen?", true},
		{"persons", "Can I help you?", "Can you help me?", true},
		{"persons", "How do I log in?", "How to log in?", false},
		{"quantity", "Delete all files", "Delete some files", true},
		{"quantity", "Delete all files", "Delete every file", false},
		{"task", "Summarize the text", "Translate the text", true},
		{"task", "Make it brief", "Make it concise", false},
		{"case", "Help us now", "Help US now", true},
		{"case", "Polish it", "polish it", false},
	}
	for _, tt := range tests {
		i := slices.IndexFunc(guards[:], func(g guard) bool { return g.name == tt.guard })
		a, b := guards[i].of(parse(tt.a)), guards[i].of(parse(tt.b))
		if differ := !slices.Equal(a, b); differ != tt.differ {
			t.Errorf("%s: %q has %q, %q has %q; differ = %v, want %v", tt.guard, tt.a, a, tt.b, b, differ, tt.differ)
		}
	}
}

// TestRefuses checks which guard is named, for an embedder that knows meanings and for one
// that does not.
func TestRefuses(t *testing.T) {
	tests := []struct{ a, b, meaning, spelling string }{
		{"Did Rome defeat Carthage?", "Did Carthage defeat Rome?", "order", "order"},
		{"How many euros is a dollar?", "How many dollars is a euro?", "order", "order"},
		{"Flights to Oslo in spring", "Flights to Bergen in spring", "names", "words"},
		{"treatment for hypothyroidism", "treatment for hyperthyroidism", "one word", "words"},
		{"price of the phone", "price of the phone case", "one word", "words"},
		{"How do I begin playing chess well", "How can I start learning chess properly", "", "words"},
		{"Could you please explain gravity?", "Explain gravity!", "", ""},
		{"How do I sort a list in Go?", "In Go, how can I sort a list?", "", ""},
	}
	for _, tt := range tests {
		a, b := NewProfile(tt.a), NewProfile(tt.b)
		if got := a.Refuses(&b, false); got != tt.meaning {
			t.Errorf("Refuses(%q, %q, false) = %q, want %q", tt.a, tt.b, got, tt.meaning)
		}
		if got := b.Refuses(&a, true); got != tt.spelling {
			t.Errorf("Refuses(%q, %q, true) = %q, want %q", tt.b, tt.a, got, tt.spelling)
		}
	}
}

// TestGuardsAreSymmetric checks that a pair is judged the same in both directions.
func TestGuardsAreSymmetric(t *testing.T) {
	for _, p := range ownPairs(t) {
		a, b := NewProfile(p.A), NewProfile(p.B)
		for _, sameWords := range []bool{false, true} {
			if x, y := a.Refuses(&b, sameWords), b.Refuses(&a, sameWords); x != y {
				t.Errorf("line %d: %q in one direction, %q in the other", p.Line, x, y)
			}
		}
	}
}
