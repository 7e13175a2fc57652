package admin

import (
	"testing"

	"gatehouse/internal/i18n"
	"gatehouse/internal/web/admin/desk"
)

func TestStatesOfTheApp(t *testing.T) {
	t.Parallel()
	ctx, zh := t.Context(), i18n.With(t.Context(), i18n.Chinese)
	for state, want := range map[string][2]string{
		"active": {"Active", "正常"}, "blocked": {"Blocked", "已禁用"}, "ldap_blocked": {"Blocked by LDAP", "已被 LDAP 禁用"},
		"deactivated": {"Deactivated", "已停用"}, "banned": {"Banned", "已封禁"}, "blocked_pending_approval": {"Waits for approval", "等待批准"},
		"hibernating": {"hibernating", "hibernating"}, "": {"", ""},
	} {
		if got := [2]string{accountState(ctx, state), accountState(zh, state)}; got != want {
			t.Errorf("account %q is %q, want %q", state, got, want)
		}
	}
	for state, want := range map[string][2]string{
		"archived": {"Archived", "已归档"}, "marked_for_deletion": {"Marked for deletion", "待删除"}, "frozen": {"frozen", "frozen"},
	} {
		if got := [2]string{resourceState(ctx, state), resourceState(zh, state)}; got != want {
			t.Errorf("resource %q is %q, want %q", state, got, want)
		}
	}
}

// TestFactsHaveWords: what the rules note of a decision is read by people.
func TestFactsHaveWords(t *testing.T) {
	t.Parallel()
	zh := i18n.With(t.Context(), i18n.Chinese)
	for _, fact := range []string{
		"connection", "provider_username", "provider_nickname", "provider_name", "provider_email", "provider_email_verified",
		"provider_other_ids", "email_counts_as_verified", "users_with_this_email", "verified_holder_of_this_email", "identity_known",
		"identity_known_by_its_older_id", "linking_user", "proof_of_decision", "address_was_unproven", "username",
	} {
		english, chinese := desk.FactLabel(t.Context(), fact), desk.FactLabel(zh, fact)
		if english == fact || chinese == english {
			t.Errorf("%s is %q and %q", fact, english, chinese)
		}
	}
}

func TestUnknownWordsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for got, want := range map[string]string{
		accountType(ctx, "robot"): "robot", matchedBy(ctx, "magic"): "magic", visibility(ctx, "secret"): "secret",
		desk.FactLabel(ctx, "new_fact"): "new_fact", desk.FactLabel(ctx, "rule_auto_link_user"): "Rule auto_link_user", resourceKind(ctx, "board"): "board",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
