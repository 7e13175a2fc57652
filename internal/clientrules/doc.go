// Package clientrules says what a client, an app that people sign in to, can be
// set to and which settings contradict each other, in one place for all that set
// them: the configuration file, the dashboard, the REST API, the commands and
// applications that register themselves. It looks at a client for itself and
// asks nobody.
package clientrules

import "gatehouse"

// Problem is what is wrong with one setting.
type Problem struct {
	Field string // the setting's name in the configuration file
	Err   *gatehouse.Error
}

// Problems are what is wrong with a client, in the order of the settings.
type Problems []Problem

func (p *Problems) add(field string, err *gatehouse.Error) { *p = append(*p, Problem{field, err}) }
