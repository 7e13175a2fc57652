package store

import (
	"time"

	"gatehouse"
)

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

const jobColumns = `id, kind, key, args, state, attempt, max_attempts, run_at, leased_by, lease_ends_at, cancel, progress,
	last_error, created_at, ended_at`

func scanJob(r row) (j JobRow, err error) {
	err = r.Scan(&j.ID, &j.Kind, &j.Key, &j.Args, &j.State, &j.Attempt, &j.MaxAttempts, at(&j.RunAt), &j.LeasedBy,
		at(&j.LeaseEndsAt), &j.Cancel, &j.Progress, &j.LastError, at(&j.CreatedAt), at(&j.EndedAt))
	return j, err
}

// AddJob inserts a job; false when an open one has its kind and key. ID, State,
// RunAt and CreatedAt are filled in.
func (tx *Tx) AddJob(j *JobRow) (bool, error) {
	fresh := *j
	if fresh.ID == "" {
		fresh.ID = NewID()
	}
	if fresh.State == "" {
		fresh.State = "waiting"
	}
	if fresh.RunAt.IsZero() {
		fresh.RunAt = tx.now
	}
	fresh.CreatedAt = tx.now
	n, err := tx.exec(`insert into jobs (`+jobColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		on conflict (kind, key) where key <> '' and state in ('waiting', 'running') do nothing`,
		fresh.ID, fresh.Kind, fresh.Key, string(fresh.Args), fresh.State, fresh.Attempt, fresh.MaxAttempts, fresh.RunAt,
		fresh.LeasedBy, fresh.LeaseEndsAt, fresh.Cancel, string(fresh.Progress), fresh.LastError, fresh.CreatedAt, fresh.EndedAt)
	if err != nil || n == 0 {
		return false, err
	}
	tx.OnCommit(tx.store.watchers.tell)
	*j = fresh
	return true, nil
}

// LeaseJob claims one job of the kinds that is due, or whose lease ended, for a
// worker: state running, attempt counted up. The one that is due longest comes
// first. NotFound when there is none.
func (tx *Tx) LeaseJob(kinds []string, worker string, until time.Time) (JobRow, error) {
	return one(tx, scanJob, `update jobs set state = 'running', attempt = attempt + 1, leased_by = $2, lease_ends_at = $3
		where id = (select id from jobs where state in ('waiting', 'running')
			and (state = 'waiting' and run_at <= $4 or state = 'running' and lease_ends_at <= $4)
			and kind `+tx.store.dialect.in("$1")+`
			order by run_at, id limit 1 `+tx.store.dialect.skipLocked+`)
		returning `+jobColumns, asList(kinds), worker, until, tx.now)
}

// held is the condition under which a worker may still write to its job.
const held = ` where id = $1 and leased_by = $2 and state = 'running' and lease_ends_at > $3`

// ExtendLease lengthens the lease of a worker's job and tells whether it was asked to end.
// NotFound when the lease is not the worker's any more, or ended.
func (tx *Tx) ExtendLease(id, worker string, until time.Time) (cancel bool, err error) {
	return one(tx, scanBool, `update jobs set lease_ends_at = $4`+held+` returning cancel`, id, worker, tx.now, until)
}

func scanBool(r row) (b bool, err error) {
	err = r.Scan(&b)
	return b, err
}

// SaveJob updates a job that the worker holds (state, attempt, run at, error, progress
// unless it is nil, end); unless it goes on running, the worker's lease ends.
// NotFound when the lease is not the worker's any more, or ended.
func (tx *Tx) SaveJob(j *JobRow, worker string) error {
	return must(tx.exec(`update jobs set state = $4, run_at = $5, last_error = $6,
		progress = case when $7 = '' then progress else $7 end, ended_at = $8, attempt = $9,
		leased_by = case when $4 = 'running' then leased_by else '' end,
		lease_ends_at = case when $4 = 'running' then lease_ends_at else 0 end`+held,
		j.ID, worker, tx.now, j.State, j.RunAt, j.LastError, string(j.Progress), j.EndedAt, j.Attempt))
}

// SetJobProgress updates the progress of a worker's job.
func (tx *Tx) SetJobProgress(id, worker string, progress []byte) error {
	return must(tx.exec(`update jobs set progress = $4`+held, id, worker, tx.now, string(progress)))
}

// HoldsJob is NotFound when the lease of a job is not the worker's any more, or
// ended: then what the worker writes must not count.
func (tx *Tx) HoldsJob(id, worker string) error {
	_, err := one(tx, scanString, `select id from jobs`+held, id, worker, tx.now)
	return err
}

// FreeJob takes the key off a worker's job, so that another job of its kind and
// key may be added though this one is still open. NotFound when the lease is
// not the worker's any more.
func (tx *Tx) FreeJob(id, worker string) error {
	return must(tx.exec(`update jobs set key = ''`+held, id, worker, tx.now))
}

// MoveJob changes when a waiting job is due. Nothing happens to one that runs
// or ended.
func (tx *Tx) MoveJob(id string, runAt time.Time) error {
	_, err := tx.exec(`update jobs set run_at = $2 where id = $1 and state = 'waiting'`, id, runAt)
	tx.OnCommit(tx.store.watchers.tell)
	return err
}

// Job finds a job by id.
func (tx *Tx) Job(id string) (JobRow, error) {
	return one(tx, scanJob, `select `+jobColumns+` from jobs where id = $1`, id)
}

// OpenJob finds the open (waiting or running) job of a kind and key.
func (tx *Tx) OpenJob(kind, key string) (JobRow, error) {
	return one(tx, scanJob, `select `+jobColumns+` from jobs
		where kind = $1 and key = $2 and key <> '' and state in ('waiting', 'running')`, kind, key)
}

// LastJob finds the newest job of a kind and key, open or ended.
func (tx *Tx) LastJob(kind, key string) (JobRow, error) {
	return one(tx, scanJob, `select `+jobColumns+` from jobs where kind = $1 and key = $2 order by id desc limit 1`, kind, key)
}

// CancelJob asks a job to end: a waiting one is canceled at once, a running one is told.
// One that ended is a Conflict.
func (tx *Tx) CancelJob(id string) error {
	n, err := tx.exec(`update jobs set cancel = true,
		ended_at = case when state = 'waiting' then $2 else ended_at end,
		state = case when state = 'waiting' then 'canceled' else state end
		where id = $1 and state in ('waiting', 'running')`, id, tx.now)
	if err != nil {
		return err
	}
	if n > 0 {
		tx.OnCommit(tx.store.watchers.tell)
		return nil
	}
	if _, err := tx.Job(id); err != nil {
		return err
	}
	return gatehouse.Errorf(gatehouse.Conflict, "This job has ended already.")
}

// Jobs lists jobs, the newest first; kind "" and state "" = all.
func (tx *Tx) Jobs(kind, state string, c Cursor) (Page[JobRow], error) {
	q := selecting(jobColumns, "jobs")
	if kind != "" {
		q.Where(q.Equal("kind", kind))
	}
	if state != "" {
		q.Where(q.Equal("state", state))
	}
	return newest(tx, q, c, scanJob, func(j JobRow) string { return j.ID })
}

// NextJobAt is when the next waiting job of the kinds is due; zero when there is none.
func (tx *Tx) NextJobAt(kinds []string) (time.Time, error) {
	return one(tx, scanTime, `select min(run_at) from jobs
		where state in ('waiting', 'running') and state = 'waiting' and kind `+tx.store.dialect.in("$1"), asList(kinds))
}

// DeleteEndedJobs removes up to limit jobs that ended before a time.
func (tx *Tx) DeleteEndedJobs(before time.Time, limit int) (int64, error) {
	return tx.exec(`delete from jobs where id in (select id from jobs
		where state in ('done', 'failed', 'canceled') and ended_at < $1 order by ended_at limit $2)`, before, limit)
}
