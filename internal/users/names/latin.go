package names

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
)

// latin writes a name in Latin letters, a run of one script at a time. Runes
// that it does not know stay as they are.
func latin(s string) string {
	runes := []rune(s)
	var b strings.Builder
	for i := 0; i < len(runes); {
		end := i + 1
		for end < len(runes) && scriptOf(runes[end]) == scriptOf(runes[i]) {
			end++
		}
		run := runes[i:end]
		switch scriptOf(run[0]) {
		case han:
			b.WriteString(chinese(run))
		case foreign:
			b.WriteString(spelled(run, mixed(runes, i, end)))
		case other:
			b.WriteString(plain(run))
		}
		i = end
	}
	return b.String()
}

// script is as much as we tell of a rune's script.
type script int

const (
	other script = iota
	han
	foreign // Cyrillic and Greek, whose letters look like Latin ones
)

func scriptOf(r rune) script {
	switch {
	case unicode.Is(unicode.Han, r):
		return han
	case unicode.In(r, unicode.Cyrillic, unicode.Greek):
		return foreign
	}
	return other
}

// mixed says whether a run touches Latin letters: then its letters stand for the
// ones that they look like.
func mixed(all []rune, from, to int) bool {
	return from > 0 && unicode.Is(unicode.Latin, all[from-1]) || to < len(all) && unicode.Is(unicode.Latin, all[to])
}

// chinese writes characters in pinyin. A word that can be a person's name begins
// with a surname, some of which are read otherwise than elsewhere.
func chinese(run []rune) string {
	if len(run) >= 2 && len(run) <= 4 {
		for n := 2; n >= 1; n-- {
			if read := surnames()[string(run[:n])]; read != "" {
				return read + syllables(run[n:])
			}
		}
	}
	return syllables(run)
}

func syllables(run []rune) string {
	args := pinyin.NewArgs()
	var b strings.Builder
	for _, r := range run {
		if read := pinyin.SinglePinyin(r, args); len(read) > 0 {
			b.WriteString(strings.ReplaceAll(read[0], "ü", "v"))
		}
	}
	return b.String()
}

// surnames are those that are not read as the characters usually are.
func surnames() map[string]string {
	return map[string]string{
		"单": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "查": "zha", "朴": "piao", "区": "ou", "任": "ren", "冼": "xian",
		"秘": "bi", "翟": "zhai", "重": "chong", "缪": "miao", "覃": "qin", "乐": "yue", "盖": "ge", "召": "shao", "种": "chong",
		"尉迟": "yuchi", "万俟": "moqi", "长孙": "zhangsun", "令狐": "linghu", "单于": "chanyu", "澹台": "tantai", "宿": "su",
		"員": "yun", "员": "yun", "逄": "pang", "牟": "mu", "佴": "nai", "隗": "wei", "晁": "chao", "郇": "xun", "瞿": "qu",
		"單": "shan", "區": "ou", "樂": "yue", "蓋": "ge", "長孫": "zhangsun", "繆": "miao", "尉遲": "yuchi",
	}
}

// spelled writes Cyrillic and Greek. Among Latin letters a letter is the one
// that it looks like, otherwise the one that it sounds like.
func spelled(run []rune, lookAlike bool) string {
	var b strings.Builder
	for _, r := range run {
		lower := unicode.ToLower(r)
		if l, ok := looks()[lower]; ok && lookAlike {
			b.WriteString(l)
		} else if l, ok := sounds()[lower]; ok {
			b.WriteString(l)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// looks are the letters that can be taken for Latin ones (Unicode TR 39).
func looks() map[rune]string {
	return map[rune]string{
		'а': "a", 'в': "b", 'с': "c", 'ԁ': "d", 'е': "e", 'ѐ': "e", 'ё': "e", 'һ': "h", 'н': "h", 'і': "i", 'ї': "i", 'ј': "j",
		'к': "k", 'ӏ': "l", 'м': "m", 'о': "o", 'р': "p", 'ԛ': "q", 'г': "r", 'ѕ': "s", 'т': "t", 'ѵ': "v", 'ԝ': "w", 'х': "x",
		'у': "y", 'ү': "y", 'α': "a", 'β': "b", 'ϲ': "c", 'ε': "e", 'η': "n", 'ι': "i", 'κ': "k", 'μ': "u", 'ν': "v", 'ο': "o",
		'ρ': "p", 'τ': "t", 'υ': "u", 'χ': "x", 'γ': "y", 'ω': "w", 'σ': "o", 'ζ': "z", 'ϳ': "j",
	}
}

// sounds are the letters of names as passports write them, simplified.
func sounds() map[rune]string {
	return map[rune]string{
		'а': "a", 'б': "b", 'в': "v", 'г': "g", 'ґ': "g", 'д': "d", 'е': "e", 'ё': "e", 'є': "ie", 'ж': "zh", 'з': "z", 'и': "i",
		'і': "i", 'ї': "i", 'й': "i", 'к': "k", 'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t",
		'у': "u", 'ў': "u", 'ф': "f", 'х': "kh", 'ц': "ts", 'ч': "ch", 'ш': "sh", 'щ': "shch", 'ъ': "", 'ы': "y", 'ь': "", 'э': "e",
		'ю': "iu", 'я': "ia", 'ђ': "dj", 'ј': "j", 'љ': "lj", 'њ': "nj", 'ћ': "c", 'џ': "dz", 'ѓ': "g", 'ќ': "k", 'ѕ': "z",
		'α': "a", 'ά': "a", 'β': "v", 'γ': "g", 'δ': "d", 'ε': "e", 'έ': "e", 'ζ': "z", 'η': "i", 'ή': "i", 'θ': "th", 'ι': "i",
		'ί': "i", 'ϊ': "i", 'κ': "k", 'λ': "l", 'μ': "m", 'ν': "n", 'ξ': "x", 'ο': "o", 'ό': "o", 'π': "p", 'ρ': "r", 'σ': "s",
		'ς': "s", 'τ': "t", 'υ': "y", 'ύ': "y", 'ϋ': "y", 'φ': "f", 'χ': "ch", 'ψ': "ps", 'ω': "o", 'ώ': "o",
	}
}

// plain writes Latin letters that are no letter with an accent.
func plain(run []rune) string {
	return strings.NewReplacer(
		"ß", "ss", "ẞ", "ss", "æ", "ae", "Æ", "ae", "œ", "oe", "Œ", "oe", "ø", "o", "Ø", "o", "đ", "d", "Đ", "d", "ð", "d", "Ð", "d",
		"þ", "th", "Þ", "th", "ł", "l", "Ł", "l", "ı", "i", "ĸ", "k", "ŋ", "ng", "Ŋ", "ng", "ħ", "h", "Ħ", "h",
	).Replace(string(run))
}
