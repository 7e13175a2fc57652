package users

// Arrived are the arguments of the job that follows when a person got an
// account or an identity: whoever keeps apps in order looks for their accounts
// there. The job's kind is the only thing that the two sides share.
type Arrived struct {
	UserID string `json:"user_id"`
}

// Kind names the job.
func (Arrived) Kind() string { return "users.arrived" }
