package similar

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Hi, can you please tell me what the capital of France is? Thanks!", "what is the capital of france"},
		{"Tell me the capital of France.", "what is the capital of france"},
		{"In Python, how can I sort a list?", "how do i sort a list in python"},
		{"Send twenty-five percent of $1,000", "send #25 unit:% of #1000 unit:usd"},
		{"two hundred five, one million two thousand, nineteen eighty", "#205 , #1002000 , #19 #80"},
		{"Red, white, and blue", "red , white and blue"},
		{"What does ennui mean?", "what does-mean ennui"},
		{"请问法国的首都是什么？谢谢", "法 国 的 首 都 是 什 么"},
		{"Bitte, wo ist der Bahnhof?", "wo ist der bahnhof"},
		// What the text is about is not cut off.
		{"Hello in French", "hello in french"},
		{"How do I say thank you?", "how do i say thank you"},
		{"Translate to German: please", "translate to german : please"},
		{"请假怎么写", "请 假 怎 么 写"},
		{"Can you swim?", "can you swim"},
		{"please", "please"},
		{"Thanks!", "thanks"},
		// Pauses, articles and endings count.
		{"Let's eat, grandma", "let us eat , grandma"},
		{"What is the time?", "what is the time"},
		{"Cancel my orders", "cancel my orders"},
		{"ＦＵＬＬ　ｗｉｄｔｈ", "full width"},
		{"it\u00ads", "its"},
	}
	for _, tt := range tests {
		if got := strings.Join(texts(parse(tt.in).words), " "); got != tt.want {
			t.Errorf("words of %q = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestScan(t *testing.T) {
	var got []string
	for _, k := range scan("Don't pay $3.50 (now); see a.b/c, 10:30 or -4 x-y.") {
		got = append(got, k.text)
	}
	want := []string{"Don't", "pay", "$", "3.50", "(", "now", ")", ";", "see", "a.b", "/", "c", ",", "10:30", "or", "-4", "x-y", "."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

func TestQuoted(t *testing.T) {
	got := quoted("„eins“ «deux» \"three\" 「四」 `five` “six” \"open")
	if diff := cmp.Diff([]string{"eins", "deux", "three", "四", "five", "six", "open"}, got); diff != "" {
		t.Errorf("quoted (-want +got):\n%s", diff)
	}
}

// FuzzParse checks that every text can be parsed, and is similar to itself and to itself with
// spaces around it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "Hi, what's \"up\"?", "请问 3.5% of $1,000", "if x:\n\ty('a", "\xff\xfe", "one hundred and", "please please please"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, q := NewProfile(s), NewProfile(s+" ")
		if got := p.Refuses(&p, true); got != "" {
			t.Errorf("%q is refused for itself by %s", s, got)
		}
		if got := p.Refuses(&q, true); got != "" && !strings.ContainsAny(s, "\"“„«「『`") {
			t.Errorf("%q is refused by %s for itself with a space", s, got)
		}
		Embed(s)
	})
}
