package dingtalk

import (
	"context"
	"errors"
	"maps"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Page says how a page inside the DingTalk client asks for a code. The company
// is the listed one, if there is just one; else the page's address has it, where
// DingTalk writes it in place of $CORPID$. Source: open.dingtalk.com, "sign-in
// without a question for H5 apps" (61370528532).
func (p *provider) Page() integration.EmbeddedPage {
	page := integration.EmbeddedPage{Agent: "DingTalk/", Script: p.settings.jsapi, Call: "dingtalk", ClientID: p.settings.key, Fill: "corpid=$CORPID$"}
	if len(p.settings.corpIDs) == 1 {
		page.Company = p.settings.corpIDs[0]
	}
	return page
}

// FinishEmbedded redeems a code of the client. The code is good only with the
// token of the company in whose name the client was asked, and only for somebody
// who is employed there, so that it proves membership by itself; where companies
// are listed, only theirs are tried.
func (p *provider) FinishEmbedded(ctx context.Context, code string) (gatehouse.Vouched, error) {
	if code == "" || len(code) > 512 {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Invalid, "The answer that came from DingTalk has no usable code. Please sign in again.")
	}
	companies := p.settings.corpIDs
	if len(companies) == 0 {
		companies = []string{""}
	}
	var err error
	for _, company := range companies {
		var v gatehouse.Vouched
		if v, err = p.finishIn(ctx, company, code); err == nil || !errors.Is(err, gatehouse.Expired) {
			return v, err
		}
	}
	return gatehouse.Vouched{}, err
}

func (p *provider) finishIn(ctx context.Context, company, code string) (gatehouse.Vouched, error) {
	var u struct {
		UserID  string `json:"userid"`
		UnionID string `json:"unionid"`
		Name    string `json:"name"`
	}
	if err := p.client.topapi(ctx, company, "/topapi/v2/user/getuserinfo", map[string]any{"code": code}, &u); err != nil {
		return gatehouse.Vouched{}, err
	}
	if u.UnionID == "" {
		return gatehouse.Vouched{}, nameless()
	}
	f, err := p.member(ctx, company, u.UnionID)
	if err != nil {
		return gatehouse.Vouched{}, err
	}
	v := p.vouch(person{Nick: u.Name, UnionID: u.UnionID}, f)
	maps.Copy(v.Facts, map[string]string{"way": "inside the DingTalk client"})
	note(v.Facts, "company", company)
	return v, nil
}
