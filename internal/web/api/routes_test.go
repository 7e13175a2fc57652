package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"gatehouse"
)

// address is one operation of the description.
type address struct {
	method, path string
	op           *huma.Operation
}

// body is what is sent to it: an empty object where it takes one.
func (a address) body() string {
	if a.op.RequestBody == nil {
		return ""
	}
	return "{}"
}

// served says whether a status is that of somebody who may use the address. The
// object that is sent may lack what is needed, and what is to be ended may have
// ended: blocking the user, which is asked for before, ends tokens.
func (a address) served(status int) bool {
	return status < 300 || status == http.StatusConflict || a.op.RequestBody != nil && status == http.StatusUnprocessableEntity ||
		(strings.HasSuffix(a.path, "/tokens/{token}") || strings.HasSuffix(a.path, "/registration_tokens/{token}")) && status == http.StatusNotFound
}

// addresses are all of the description, in a fixed order.
func addresses(d *huma.OpenAPI) []address {
	var all []address
	for path, item := range d.Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch,
			http.MethodDelete: item.Delete, http.MethodHead: item.Head, http.MethodOptions: item.Options,
		} {
			if op != nil {
				all = append(all, address{method, path, op})
			}
		}
	}
	slices.SortFunc(all, func(a, b address) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return all
}

func described() *huma.OpenAPI {
	a := &API{URL: ourURL}
	return a.mountOn(http.NewServeMux())
}

// mayUse is who may use an address, said here once more and not taken from the
// code: an address that nobody thought of fails.
func mayUse(a address) []string {
	switch {
	case strings.HasSuffix(a.path, "/choices/{field}"), a.path == "/api/v1/connectors" && a.method == http.MethodPost:
		return []string{"super", "connector"}
	case strings.Contains(a.path, "/provider_tokens/"):
		return nil // no session of a browser
	case a.path == "/api/v1/me":
		return []string{"super", "connector", "auditor", "nobody"}
	case strings.Contains(a.path, "/merge_plan/"), strings.HasSuffix(a.path, "/split_plan"):
		return []string{"super"}
	case a.method == http.MethodGet, strings.HasSuffix(a.path, "/dry_run"):
		return []string{"super", "connector", "auditor"}
	case strings.HasPrefix(a.path, "/api/v1/connectors/"), strings.HasPrefix(a.path, "/api/v1/pulls/"):
		return []string{"super", "connector"}
	case a.path == "/api/v1/users", strings.HasPrefix(a.path, "/api/v1/users/"), strings.HasPrefix(a.path, "/api/v1/merges/"), strings.HasPrefix(a.path, "/api/v1/connections"), a.path == "/api/v1/sign_up",
		strings.HasPrefix(a.path, "/api/v1/registration_tokens"), strings.HasPrefix(a.path, "/api/v1/clients"):
		return []string{"super"}
	}
	return nil
}

func TestEveryAddressAsksWhoIsThereAndWhatTheyMay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	h.fillTwin(&f)
	for _, a := range addresses(described()) {
		target := f.at(a.path)
		if strings.Contains(target, "{") {
			t.Fatalf("%s: the test has no id for it", a.path)
		}
		if got := h.do("", a.method, target, ""); got.status != http.StatusUnauthorized || decode[problem](t, got).Code != "unauthorized" {
			t.Errorf("anonymous %s %s: %d %s, want 401", a.method, target, got.status, got.body)
		}
		if got := h.do("", a.method, target+"?limit=x", ""); got.status != http.StatusUnauthorized {
			t.Errorf("anonymous %s %s with a wrong parameter: %d, want 401 before anything is looked at", a.method, target, got.status)
		}
		for _, who := range []string{"nobody", "auditor", "connector", "super"} {
			got := h.do(who, a.method, target, f.body(a))
			if slices.Contains(mayUse(a), who) {
				if !a.served(got.status) {
					t.Errorf("%s: %s %s: %d %s", who, a.method, target, got.status, got.body)
				}
				continue
			}
			if got.status != http.StatusForbidden || decode[problem](t, got).Code != "forbidden" {
				t.Errorf("%s: %s %s: %d %s, want 403", who, a.method, target, got.status, got.body)
			}
		}
	}
}

func TestWhoIsKeptOutIsKeptOutAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.do("auditor", http.MethodGet, prefix+"/users", ""); got.status != http.StatusOK {
		t.Fatalf("before: %d", got.status)
	}
	if got := h.do("super", http.MethodPost, prefix+"/users/"+h.users["auditor"].ID+"/block", ""); got.status != http.StatusOK {
		t.Fatalf("block: %d %s", got.status, got.body)
	}
	if got := h.do("auditor", http.MethodGet, prefix+"/users", ""); got.status != http.StatusUnauthorized {
		t.Errorf("after: %d, want 401", got.status)
	}
}

func TestAForgottenRoleClosesAnAddress(t *testing.T) {
	t.Parallel()
	if (may{}).allows(caller{user: gatehouse.User{Role: gatehouse.RoleSuperAdministrator}}) {
		t.Error("an address without roles lets somebody in")
	}
	if (may{roles: []gatehouse.AdminRole{gatehouse.RoleAuditor}}).allows(caller{}) {
		t.Error("somebody without a role is taken for an auditor")
	}
}

// TestAddresses is the list of what programs rely on. Adding is harmless; what
// is taken away or renamed breaks somebody.
func TestAddresses(t *testing.T) {
	t.Parallel()
	var got []string
	for _, a := range addresses(described()) {
		got = append(got, a.method+" "+a.path+" "+a.op.OperationID)
	}
	golden := []string{
		"GET /api/v1/approvals listApprovals",
		"GET /api/v1/certificate_key getCertificateKey",
		"GET /api/v1/clients listClients",
		"POST /api/v1/clients addClient",
		"DELETE /api/v1/clients/{client} removeClient",
		"GET /api/v1/clients/{client} getClient",
		"PATCH /api/v1/clients/{client} changeClient",
		"POST /api/v1/clients/{client}/secret renewClientSecret",
		"GET /api/v1/connections listConnections",
		"POST /api/v1/connections addConnection",
		"DELETE /api/v1/connections/{connection} removeConnection",
		"GET /api/v1/connections/{connection} getConnection",
		"PATCH /api/v1/connections/{connection} changeConnection",
		"POST /api/v1/connections/{connection}/dry_run dryRun",
		"GET /api/v1/connector_kinds listConnectorKinds",
		"GET /api/v1/connectors listConnectors",
		"POST /api/v1/connectors addConnector",
		"POST /api/v1/connectors/probe tryConnector",
		"DELETE /api/v1/connectors/{connector} removeConnector",
		"GET /api/v1/connectors/{connector} getConnector",
		"PATCH /api/v1/connectors/{connector} changeConnector",
		"GET /api/v1/connectors/{connector}/accounts listAccounts",
		"GET /api/v1/connectors/{connector}/accounts/{account} getAccount",
		"DELETE /api/v1/connectors/{connector}/accounts/{account}/match resetMatch",
		"PUT /api/v1/connectors/{connector}/accounts/{account}/match setMatch",
		"GET /api/v1/connectors/{connector}/accounts/{account}/reach listReach",
		"GET /api/v1/connectors/{connector}/certificates listCertificates",
		"GET /api/v1/connectors/{connector}/choices/{field} listChoices",
		"GET /api/v1/connectors/{connector}/findings listFindings",
		"POST /api/v1/connectors/{connector}/findings findNow",
		"GET /api/v1/connectors/{connector}/findings/{finding} getFinding",
		"POST /api/v1/connectors/{connector}/findings/{finding}/acknowledge acknowledgeFinding",
		"POST /api/v1/connectors/{connector}/findings/{finding}/reopen reopenFinding",
		"POST /api/v1/connectors/{connector}/hook_secret newHookSecret",
		"GET /api/v1/connectors/{connector}/matching getMatching",
		"PUT /api/v1/connectors/{connector}/matching setMatching",
		"POST /api/v1/connectors/{connector}/matching/reset resetMatches",
		"GET /api/v1/connectors/{connector}/news getNews",
		"POST /api/v1/connectors/{connector}/pause pauseConnector",
		"POST /api/v1/connectors/{connector}/probe probeConnector",
		"GET /api/v1/connectors/{connector}/pulls listPulls",
		"GET /api/v1/connectors/{connector}/resources listResources",
		"GET /api/v1/connectors/{connector}/resources/{resource} getResource",
		"GET /api/v1/connectors/{connector}/resources/{resource}/access listAccess",
		"POST /api/v1/connectors/{connector}/resume resumeConnector",
		"GET /api/v1/connectors/{connector}/settings getConnectorSettings",
		"POST /api/v1/connectors/{connector}/sync syncConnector",
		"GET /api/v1/decisions listDecisions",
		"GET /api/v1/decisions/{decision} getDecision",
		"GET /api/v1/events listEvents",
		"GET /api/v1/kinds listKinds",
		"GET /api/v1/me getMe",
		"GET /api/v1/merges/{merge} getMerge",
		"POST /api/v1/merges/{merge}/split splitUsers",
		"GET /api/v1/merges/{merge}/split_plan planSplit",
		"GET /api/v1/pulls/{pull} getPull",
		"GET /api/v1/pulls/{pull}/certificate getCertificate",
		"POST /api/v1/pulls/{pull}/release releasePull",
		"GET /api/v1/registration_tokens listRegistrationTokens",
		"POST /api/v1/registration_tokens createRegistrationToken",
		"DELETE /api/v1/registration_tokens/{token} endRegistrationToken",
		"GET /api/v1/sign_up getSignUp",
		"PATCH /api/v1/sign_up setSignUp",
		"GET /api/v1/users listUsers",
		"POST /api/v1/users makeUser",
		"GET /api/v1/users/{user} getUser",
		"GET /api/v1/users/{user}/accounts listUserAccounts",
		"GET /api/v1/users/{user}/applications listUserApplications",
		"DELETE /api/v1/users/{user}/applications/{client} withdrawUserApplication",
		"POST /api/v1/users/{user}/approve approveUser",
		"POST /api/v1/users/{user}/block blockUser",
		"POST /api/v1/users/{user}/deny denyUser",
		"GET /api/v1/users/{user}/emails listUserEmails",
		"POST /api/v1/users/{user}/emails/verify mailEmailProof",
		"GET /api/v1/users/{user}/identities listUserIdentities",
		"DELETE /api/v1/users/{user}/identities/{identity} removeUserIdentity",
		"POST /api/v1/users/{user}/invite inviteUser",
		"POST /api/v1/users/{user}/merge mergeUsers",
		"GET /api/v1/users/{user}/merge_plan/{other} planMerge",
		"GET /api/v1/users/{user}/merges listUserMerges",
		"GET /api/v1/users/{user}/provider_tokens listProviderTokens",
		"GET /api/v1/users/{user}/provider_tokens/{connection} getProviderToken",
		"POST /api/v1/users/{user}/role setUserRole",
		"DELETE /api/v1/users/{user}/sessions endUserSessions",
		"GET /api/v1/users/{user}/sessions listUserSessions",
		"GET /api/v1/users/{user}/tokens listPersonalTokens",
		"DELETE /api/v1/users/{user}/tokens/{token} revokePersonalToken",
		"POST /api/v1/users/{user}/unblock unblockUser",
		"POST /api/v1/users/{user}/unlock unlockUser",
	}
	if diff := cmp.Diff(golden, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.do("", http.MethodGet, openAPIPath, "")
	if first.status != http.StatusOK || first.header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%d %v", first.status, first.header)
	}
	doc := decode[map[string]any](t, first)
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi: %v", doc["openapi"])
	}
	if diff := cmp.Diff([]any{map[string]any{"url": ourURL}}, doc["servers"]); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	t.Run("HostChangesNothing", func(t *testing.T) {
		t.Parallel()
		if strings.Contains(first.body, "evil.example") {
			t.Error("the Host of the request is in the description")
		}
	})
	t.Run("SaysTheSameEveryTime", func(t *testing.T) {
		t.Parallel()
		other, err := json.Marshal(described())
		if err != nil || string(other) != first.body {
			t.Errorf("another process describes it otherwise (%v)", err)
		}
	})
	t.Run("ReferencesLeadSomewhere", func(t *testing.T) {
		t.Parallel()
		schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
		used := map[string]bool{}
		for _, part := range strings.Split(first.body, `"$ref":"#/components/schemas/`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			used[name] = true
			if schemas[name] == nil {
				t.Errorf("schema %s is missing", name)
			}
		}
		for name := range schemas {
			if !used[name] {
				t.Errorf("schema %s is used by nothing", name)
			}
		}
	})
	t.Run("NamesItsParametersAndRoles", func(t *testing.T) {
		t.Parallel()
		for _, a := range addresses(described()) {
			for _, p := range a.op.Parameters {
				if p.In == "path" && !strings.Contains(a.path, "{"+p.Name+"}") {
					t.Errorf("%s has no {%s}", a.path, p.Name)
				}
			}
			if roles, _ := a.op.Extensions["x-roles"].([]string); len(roles) == 0 && a.op.OperationID != "getMe" && a.op.OperationID != "getProviderToken" {
				t.Errorf("%s names no role", a.path)
			}
			if a.op.Responses["default"] == nil || a.op.Summary == "" || len(a.op.Tags) != 1 {
				t.Errorf("%s is described in part only", a.path)
			}
		}
	})
}

func TestAnswersAreAsDescribedAndHoldNoSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	h.fillTwin(&f)
	d := described()
	clientHash := sha256.Sum256([]byte("client secret"))
	sessionHash := sha256.Sum256([]byte(h.cookies["super"]))
	secrets := []string{appSecret, argSecret, token, hookSecret, settingText, h.cookies["super"]}
	for _, hash := range [][32]byte{clientHash, sessionHash} {
		secrets = append(secrets, hex.EncodeToString(hash[:]), base64.StdEncoding.EncodeToString(hash[:]), base64.RawURLEncoding.EncodeToString(hash[:]))
	}
	for _, a := range addresses(d) {
		if a.method != http.MethodGet || strings.Contains(a.path, "/provider_tokens/") { // its answer is a secret: TestProviderTokens
			continue
		}
		targets := []string{f.at(a.path)}
		if strings.HasSuffix(a.path, "/sessions") {
			targets = append(targets, prefix+"/users/"+h.users["super"].ID+"/sessions")
		}
		for _, target := range targets {
			got := h.do("super", http.MethodGet, target, "")
			if strings.Contains(target, "/merge_plan/") && got.status == http.StatusConflict {
				continue // they are merged already: TestMergingAndSplitting
			}
			if got.status != http.StatusOK {
				t.Errorf("%s: %d %s", target, got.status, got.body)
				continue
			}
			for _, secret := range secrets {
				if strings.Contains(got.body, secret) {
					t.Errorf("%s holds the secret %s", target, secret)
				}
			}
			schema := a.op.Responses["200"].Content["application/json"].Schema
			var res huma.ValidateResult
			huma.Validate(d.Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, decode[any](t, got), &res)
			for _, err := range res.Errors {
				t.Errorf("%s is not as described: %v", target, err)
			}
		}
	}
}
