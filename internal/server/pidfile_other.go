//go:build !unix

package server

import "errors"

var errNoReload = errors.New("this system has no signal for it; restart gatehouse serve")

func holdPidFile(string) (release func(), err error) { return nil, errNoReload }

func held(string) bool { return false }

func hangUp(int) error { return errNoReload }
