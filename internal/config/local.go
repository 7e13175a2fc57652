package config

// LocalSignIn says who may sign in without a provider. The zero value is the
// usual: administrators and accounts made by hand may, once one of them can.
type LocalSignIn struct {
	Off            bool // enabled: false
	Always         bool // enabled: true; offered also when nobody can yet
	PasskeysForAll bool // passkeys_for: everybody
	OneFactor      bool // require_two_factor: false
}

func (r *reader) localSignIn(s *section) LocalSignIn {
	l := r.section(s.get("local_sign_in"), "local_sign_in")
	defer l.done()
	out := LocalSignIn{OneFactor: !l.flag("require_two_factor", true)}
	if v := l.get("enabled"); v != nil && !v.bad {
		on, ok := asFlag(v)
		switch {
		case ok:
			out.Always, out.Off = on, !on
		case v.shape != text || v.text != "auto":
			r.wrong(v, l.at("enabled"), "auto, true or false")
		}
	}
	for _, i := range l.one("passkeys_for") {
		if problem := oneOf([]string{"administrators", "everybody"})(i, i.text); problem != "" {
			r.problem(i.value, i.path, "%s", problem)
		}
		out.PasskeysForAll = i.text == "everybody"
	}
	if out.OneFactor {
		r.warn(l.spot("require_two_factor"), "an administrator's password alone opens the dashboard then; leave it out unless another wall is in front")
	}
	return out
}

// one is the text of a key as a list of one, empty when there is none.
func (s *section) one(key string) []item {
	v := s.get(key)
	if v == nil {
		return nil
	}
	if _, ok := s.r.line(v, s.at(key)); !ok {
		return nil
	}
	return []item{{v, s.at(key)}}
}
