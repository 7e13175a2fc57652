package store

import "time"

// JobRow is a job as the database keeps it. Package jobs gives it meaning.
type JobRow struct {
	ID          string
	Kind        string
	Key         string // at most one open job of a kind has a key; "" = any number
	Args        []byte // JSON
	State       string // "waiting", "running", "done", "failed", "canceled"
	Attempt     int    // how often it was begun
	MaxAttempts int
	RunAt       time.Time // not before
	LeasedBy    string
	LeaseEndsAt time.Time
	Cancel      bool   // somebody asked it to end
	Progress    []byte // JSON, the job's own
	LastError   string
	CreatedAt   time.Time
	EndedAt     time.Time
}

// AddJob inserts a job; false when an open one has its kind and key.
func (tx *Tx) AddJob(j *JobRow) (bool, error) { panic("todo") }

// LeaseJob claims one job of the kinds that is due, or whose lease ended, for a
// worker: state running, attempt counted up. NotFound when there is none.
func (tx *Tx) LeaseJob(kinds []string, worker string, until time.Time) (JobRow, error) {
	panic("todo")
}

// ExtendLease lengthens the lease of a worker's job and tells whether it was asked to end.
// NotFound when the lease is not the worker's any more.
func (tx *Tx) ExtendLease(id, worker string, until time.Time) (cancel bool, err error) {
	panic("todo")
}

// SaveJob updates a job that the worker holds (state, run at, error, progress, end).
// NotFound when the lease is not the worker's any more.
func (tx *Tx) SaveJob(j *JobRow, worker string) error { panic("todo") }

// SetJobProgress updates the progress of a worker's job.
func (tx *Tx) SetJobProgress(id, worker string, progress []byte) error { panic("todo") }

// Job finds a job by id.
func (tx *Tx) Job(id string) (JobRow, error) { panic("todo") }

// OpenJob finds the open (waiting or running) job of a kind and key.
func (tx *Tx) OpenJob(kind, key string) (JobRow, error) { panic("todo") }

// CancelJob asks a job to end: a waiting one is canceled at once, a running one is told.
func (tx *Tx) CancelJob(id string) error { panic("todo") }

// Jobs lists jobs, the newest first; state "" = all.
func (tx *Tx) Jobs(kind, state string, c Cursor) (Page[JobRow], error) { panic("todo") }

// NextJobAt is when the next waiting job of the kinds is due; zero when there is none.
func (tx *Tx) NextJobAt(kinds []string) (time.Time, error) { panic("todo") }

// DeleteEndedJobs removes up to limit jobs that ended before a time.
func (tx *Tx) DeleteEndedJobs(before time.Time, limit int) (int64, error) { panic("todo") }
