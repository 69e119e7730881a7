package similar

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// numberMark begins the canonical text of a number, unitMark that of a unit.
const (
	numberMark = "#"
	unitMark   = "unit:"
)

// grouped is a number with commas between thousands.
var grouped = regexp.MustCompile(`^-?\d{1,3}(,\d{3})+(\.\d+)?$`)

// numerals writes numbers in digits and units after numbers in one way: "twenty-five
// percent" and "25%" become the same.
func numerals(words []word, language string) []word {
	out := make([]word, 0, len(words))
	for i := 0; i < len(words); i++ {
		w := words[i]
		afterNumber := len(out) > 0 && strings.HasPrefix(out[len(out)-1].text, numberMark)
		switch {
		case w.kind == digits:
			w.text = numberMark + ungroup(w.text, language)
		case afterNumber && w.glued && ordinalEnds[w.text]:
			out[len(out)-1].text += w.text
			continue
		case afterNumber && w.kind != pause && unitOf(w.raw) != "":
			w.text = unitMark + unitOf(w.raw)
		case currencies[w.text] != "" && i+1 < len(words) && words[i+1].kind == digits:
			number := words[i+1]
			number.text, number.first = numberMark+ungroup(number.text, language), w.first
			out = append(out, number)
			w.text, w.first = unitMark+currencies[w.text], false
			i++
		default:
			if n, used := spelledNumber(words[i:], language); used > 0 {
				w.text, w.kind = numberMark+n, digits
				i += used - 1
			}
		}
		out = append(out, w)
	}
	return out
}

var ordinalEnds = set("st nd rd th")

// unitOf returns the usual form of a unit after a number. Capitals count in short ones: Mb is
// not MB, and 5G not five grams. It is empty for other words.
func unitOf(raw string) string {
	lower, listed := strings.ToLower(raw), " "+raw+" "
	switch {
	case raw == lower || len(raw) > 3 || strings.Contains(" KB kB MB GB TB KG Kg KM Km USD EUR GBP JPY INR ", listed):
		return units[lower]
	case strings.Contains(" AM PM ", listed):
		return ""
	}
	return raw
}

// ungroup removes the commas between thousands, except where a comma is the decimal point.
func ungroup(s, language string) string {
	if language != "de" && language != "fr" && language != "es" && grouped.MatchString(s) {
		return strings.ReplaceAll(s, ",", "")
	}
	return s
}

// spelledNumber reads a number in words at the start and returns it in digits, and how many
// words it takes; 0 if there is none. English numbers are composed, as in "two hundred
// five"; in other languages every word stands for itself.
func spelledNumber(words []word, language string) (digits string, used int) {
	total, group, last := int64(0), int64(0), int64(-1)
	for used < len(words) {
		n, ok := valueOf(words[used].text)
		if !ok || language != "" && language != "en" || !follows(last, n) {
			break
		}
		switch {
		case n >= 1000:
			total, group = total+max(group, 1)*n, 0
		case n == 100:
			group = max(group, 1) * 100
		default:
			group += n
		}
		last, used = n, used+1
	}
	if used > 0 {
		return strconv.FormatInt(total+group, 10), used
	}
	if n := cmp.Or(ordinals[words[0].text], otherNumbers[language][words[0].text]); n != "" {
		return n, 1
	}
	return "", 0
}

// valueOf returns the value of a number word; tens and ones may be joined by a hyphen.
func valueOf(w string) (int64, bool) {
	if n, ok := numberWords[w]; ok {
		return n, true
	}
	tens, ones, ok := strings.Cut(w, "-")
	a, b := numberWords[tens], numberWords[ones]
	return a + b, ok && a >= 20 && a < 100 && b > 0 && b < 10
}

// follows reports whether a number word continues the number that ends in another one.
func follows(last, n int64) bool {
	switch {
	case last < 0:
		return true
	case n >= 100:
		return last < n && last != 0
	case last >= 100:
		return n > 0
	}
	return last >= 20 && last%10 == 0 && n > 0 && n < 10
}

// numbers are the numbers and units of a text in their order.
func numbers(t *text) []string {
	var found []string
	for _, w := range t.words {
		if strings.HasPrefix(w.text, numberMark) || strings.HasPrefix(w.text, unitMark) || multiples[w.text] || hasDigit(w.text) {
			found = append(found, w.text)
		}
	}
	return found
}

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// numberWords are number words with their values.
var numberWords = map[string]int64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13,
	"fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
	"eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000, "trillion": 1_000_000_000_000,
}

// ordinals are written as digits with their ending.
var ordinals = map[string]string{
	"first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
}

// otherNumbers are the number words of other languages than English. They are not composed.
var otherNumbers = map[string]map[string]string{
	"de": {"null": "0", "eins": "1", "zwei": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9", "zehn": "10", "elf": "11", "zwölf": "12",
		"zwanzig": "20", "dreißig": "30", "vierzig": "40", "fünfzig": "50", "hundert": "100", "tausend": "1000"},
	"fr": {"deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "six": "6", "sept": "7", "huit": "8", "neuf": "9", "dix": "10", "onze": "11", "douze": "12", "quinze": "15",
		"vingt": "20", "trente": "30", "quarante": "40", "cinquante": "50", "cent": "100", "mille": "1000"},
	"es": {"dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6", "siete": "7", "ocho": "8", "nueve": "9", "diez": "10", "once": "11", "doce": "12", "quince": "15",
		"veinte": "20", "treinta": "30", "cuarenta": "40", "cincuenta": "50", "cien": "100", "mil": "1000"},
	"han": {"一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"},
}

// multiples are words that say how many or how many times.
var multiples = set("half third quarter double triple twice once thrice dozen dozens single pair couple both halb hälfte doppelt einmal zweimal dreimal dutzend moitié demi double triple mitad doble 半 倍 双")

// units has the usual form of units after a number. Those that could be two things, such as
// "m", stay as they are.
var units = map[string]string{
	"%": "%", "percent": "%", "prozent": "%", "pourcent": "%", "km": "km", "kilometer": "km", "kilometers": "km", "meter": "meter", "meters": "meter", "cm": "cm", "centimeter": "cm", "centimeters": "cm",
	"mm": "mm", "millimeter": "mm", "millimeters": "mm", "mile": "mile", "miles": "mile", "inch": "inch", "inches": "inch", "foot": "foot", "feet": "foot", "ft": "foot", "yard": "yard", "yards": "yard",
	"kg": "kg", "kilo": "kg", "kilos": "kg", "kilogram": "kg", "kilograms": "kg", "g": "g", "gram": "g", "grams": "g", "mg": "mg", "milligram": "mg", "milligrams": "mg", "lb": "lb", "lbs": "lb", "pound": "pound", "pounds": "pound",
	"oz": "oz", "ounce": "oz", "ounces": "oz", "l": "l", "liter": "l", "liters": "l", "ml": "ml", "milliliter": "ml", "milliliters": "ml", "gallon": "gal", "gallons": "gal",
	"s": "s", "sec": "s", "second": "s", "seconds": "s", "min": "min", "minute": "min", "minutes": "min", "h": "h", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "day": "day", "days": "day", "week": "week", "weeks": "week",
	"month": "month", "months": "month", "year": "year", "years": "year", "ms": "ms", "millisecond": "ms", "milliseconds": "ms",
	"kb": "kb", "kilobyte": "kb", "kilobytes": "kb", "mb": "mb", "megabyte": "mb", "megabytes": "mb", "gb": "gb", "gigabyte": "gb", "gigabytes": "gb", "tb": "tb", "terabyte": "tb", "terabytes": "tb",
	"$": "usd", "usd": "usd", "dollar": "usd", "dollars": "usd", "€": "eur", "eur": "eur", "euro": "eur", "euros": "eur", "£": "gbp", "gbp": "gbp", "yen": "jpy", "jpy": "jpy", "¥": "jpy", "rupees": "inr", "inr": "inr",
	"celsius": "celsius", "fahrenheit": "fahrenheit",
}

// currencies are the signs and codes that may stand before an amount.
var currencies = map[string]string{"$": "usd", "usd": "usd", "€": "eur", "eur": "eur", "£": "gbp", "gbp": "gbp", "¥": "jpy", "jpy": "jpy", "inr": "inr", "₹": "inr"}
