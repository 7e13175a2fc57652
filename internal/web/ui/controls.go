package ui

// Input is a labelled line that can be filled in. Label and Name are needed.
type Input struct {
	Label, Name, Value string
	Type               string // of HTML: "text" (also ""), "url", "password", "email"
	Hint               string // stands below, "" = none
	Problem            string // what is wrong with the value, "" = nothing
	Placeholder        string
	Autocomplete       string // "" = off: what is entered here is no person's own
}

func (i Input) kind() string {
	if i.Type == "" {
		return "text"
	}
	return i.Type
}

func (i Input) autocomplete() string {
	switch {
	case i.Autocomplete != "":
		return i.Autocomplete
	case i.Type == "password":
		return "new-password" // browsers pass over "off" there, and would fill in a person's own
	}
	return "off"
}

// Flag is a labelled box that can be ticked.
type Flag struct {
	Label, Name   string
	On            bool
	Fixed         bool // it is shown, and cannot be changed
	Hint, Problem string
}

// Pick is a choice of one among few, each with what it means.
type Pick struct {
	Label, Name, Chosen string
	Options             []PickOption
	Hint, Problem       string
}

// PickOption is an option of a Pick.
type PickOption struct{ Value, Label, Hint string }

// Area is a labelled field for several lines.
type Area struct {
	Label, Name, Value string
	Hint, Problem      string
	Placeholder        string
	Rows               int  // 0: 4
	Code               bool // letters of one width
}

func (a Area) rows() int {
	if a.Rows == 0 {
		return 4
	}
	return a.Rows
}

// described is the id of the text that says more about a field, "" when there is none.
func described(name, hint, problem string) string {
	if hint == "" && problem == "" {
		return ""
	}
	return "hint-" + name
}
