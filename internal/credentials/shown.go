package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
)

const (
	purposeCodes = "recovery_codes"
	shownFor     = 10 * time.Minute
)

// ShowCodes keeps new recovery codes, sealed and for ten minutes, for the one
// page of this browser that shows them, and gives the token of that page.
func (c *Credentials) ShowCodes(tx *store.Tx, userID string, browserHash []byte, codes []string) (token string, err error) {
	data, err := json.Marshal(codes)
	if err != nil {
		return "", fmt.Errorf("keep recovery codes to be shown: %w", err)
	}
	token = gatehouse.NewSecret()
	err = tx.SaveCeremony(token, &gatehouse.Ceremony{
		Purpose: purposeCodes, UserID: userID, BrowserHash: browserHash, Data: data, ExpiresAt: tx.Now().Add(shownFor),
	})
	return token, err
}

// ShownCodes are the codes that ShowCodes keeps; Expired when they are not shown
// any more.
func (c *Credentials) ShownCodes(tx *store.Tx, userID, token string, browserHash []byte) ([]string, error) {
	at, err := tx.Ceremony(purposeCodes, token, browserHash)
	if errors.Is(err, gatehouse.NotFound) || err == nil && at.UserID != userID {
		return nil, gatehouse.Errorf(gatehouse.Expired, "These recovery codes are not shown any more. Make new ones on your security page if you have not kept them.")
	}
	if err != nil {
		return nil, fmt.Errorf("read recovery codes to be shown: %w", err)
	}
	var codes []string
	if err := json.Unmarshal(at.Data, &codes); err != nil {
		return nil, fmt.Errorf("read recovery codes to be shown: %w", err)
	}
	return codes, nil
}

// HideCodes ends that codes are shown.
func (c *Credentials) HideCodes(tx *store.Tx, userID, token string, browserHash []byte) error {
	if _, err := c.ShownCodes(tx, userID, token, browserHash); err != nil {
		if errors.Is(err, gatehouse.Expired) {
			return nil
		}
		return err
	}
	return tx.EndCeremony(token)
}
