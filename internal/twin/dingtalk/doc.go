// Package dingtalk is a stand-in for DingTalk, for tests and for trying
// Gatehouse out: one server that plays login.dingtalk.com, api.dingtalk.com and
// oapi.dingtalk.com at once, with made-up companies and people. It signs in
// whoever is picked on its page, without a password, so it must never be reached
// by anyone but the person trying it. It shares no code with the rest of
// Gatehouse, so that both cannot be wrong in the same way.
package dingtalk
