package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// race runs fn in n goroutines at once.
func race(n int, fn func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	all.Wait()
}

func TestTakenByExactlyOneOfTwenty(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(tx *store.Tx) error
		take    func(tx *store.Tx, i int) (bool, error)
	}{
		"code": {
			func(tx *store.Tx) error { return tx.SaveCode(&gatehouse.Code{Hash: hash("c"), ExpiresAt: noon}) },
			func(tx *store.Tx, _ int) (bool, error) {
				c, err := tx.TakeCode(hash("c"))
				return c.UsedAt.IsZero(), err
			},
		},
		"refresh token": {
			func(tx *store.Tx) error {
				return tx.SaveTokens(&gatehouse.Token{Hash: hash("r"), Kind: gatehouse.RefreshToken})
			},
			func(tx *store.Tx, i int) (bool, error) { return tx.RotateToken(hash("r"), hash(fmt.Sprint(i))) },
		},
		"attempt": {
			func(tx *store.Tx) error { return tx.SaveAttempt(&gatehouse.Attempt{State: "s"}) },
			func(tx *store.Tx, _ int) (bool, error) {
				_, err := tx.TakeAttempt("s")
				return found(err)
			},
		},
		"link": {
			func(tx *store.Tx) error { return tx.SaveLink("l", store.Link{Purpose: "claim"}) },
			func(tx *store.Tx, _ int) (bool, error) {
				_, err := tx.TakeLink("claim", "l")
				return found(err)
			},
		},
		"job": {
			func(tx *store.Tx) error {
				_, err := tx.AddJob(&store.JobRow{Kind: "k", Args: []byte("{}")})
				return err
			},
			func(tx *store.Tx, i int) (bool, error) {
				_, err := tx.LeaseJob([]string{"k"}, fmt.Sprint(i), tx.Now().Add(1e9))
				return found(err)
			},
		},
		"key of jobs": {
			func(*store.Tx) error { return nil },
			func(tx *store.Tx, _ int) (bool, error) {
				return tx.AddJob(&store.JobRow{Kind: "k", Key: "key", Args: []byte("{}")})
			},
		},
		"username": {
			func(*store.Tx) error { return nil },
			func(tx *store.Tx, _ int) (bool, error) {
				err := tx.SaveUser(&gatehouse.User{Username: "ann"})
				if errors.Is(err, gatehouse.Conflict) {
					return false, nil
				}
				return err == nil, err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				update(t, s, c.prepare)
				var winners atomic.Int64
				race(20, func(i int) {
					won := false
					if err := s.Update(t.Context(), func(tx *store.Tx) (err error) {
						won, err = c.take(tx, i)
						return err
					}); err != nil {
						t.Errorf("take: %v", err)
					}
					if won {
						winners.Add(1)
					}
				})
				if n := winners.Load(); n != 1 {
					t.Errorf("%d took it", n)
				}
			})
		})
	}
}

func found(err error) (bool, error) {
	if errors.Is(err, gatehouse.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func TestManyNewUsersAtOnceHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var numbers sync.Map
		race(40, func(i int) {
			u := gatehouse.User{}
			if err := s.Update(t.Context(), func(tx *store.Tx) error {
				u = gatehouse.User{Username: fmt.Sprint("u", i)}
				return tx.SaveUser(&u)
			}); err != nil {
				t.Errorf("save: %v", err)
			}
			if _, twice := numbers.LoadOrStore(u.Number, true); twice || u.Number < gatehouse.FirstUserNumber {
				t.Errorf("number %d", u.Number)
			}
		})
	})
}

// TestUpdatesRunAsIfOneAfterAnother is write skew: each of two doctors on call
// may go if another stays.
func TestUpdatesRunAsIfOneAfterAnother(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const doctors = 5
		update(t, s, func(tx *store.Tx) error {
			for i := range doctors {
				is(t, tx.SetSetting(fmt.Sprint("doctor", i), "on call"), "")
			}
			return nil
		})
		onCall := func(tx *store.Tx) (n int, err error) {
			for i := range doctors {
				v, err := tx.Setting(fmt.Sprint("doctor", i))
				if err != nil {
					return 0, err
				}
				if v == "on call" {
					n++
				}
			}
			return n, nil
		}
		race(doctors, func(i int) {
			if err := s.Update(t.Context(), func(tx *store.Tx) error {
				n, err := onCall(tx)
				if err != nil || n < 2 {
					return err
				}
				return tx.SetSetting(fmt.Sprint("doctor", i), "gone")
			}); err != nil {
				t.Errorf("update: %v", err)
			}
		})
		view(t, s, func(tx *store.Tx) error {
			n, err := onCall(tx)
			if n != 1 {
				t.Errorf("%d doctors are on call, want 1", n)
			}
			return err
		})
	})
}

func TestViewDoesNotSeeLaterWrites(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		view(t, s, func(tx *store.Tx) error {
			before, err := tx.Setting("k")
			is(t, err, "")
			update(t, s, func(tx *store.Tx) error { return tx.SetSetting("k", "later") })
			after, err := tx.Setting("k")
			if before != "" || after != "" {
				t.Errorf("the view saw %q, then %q", before, after)
			}
			return err
		})
		view(t, s, func(tx *store.Tx) error {
			v, err := tx.Setting("k")
			if v != "later" {
				t.Errorf("the next view saw %q", v)
			}
			return err
		})
	})
}

func TestViewCannotWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if err := s.View(t.Context(), func(tx *store.Tx) error { return tx.SetSetting("k", "v") }); err == nil {
			t.Error("a view wrote")
		}
		view(t, s, func(tx *store.Tx) error { // and the connection is as good as before
			v, err := tx.Setting("k")
			if v != "" {
				t.Errorf("it is %q", v)
			}
			return err
		})
	})
}

func TestUpdateThatWasOvertakenRunsAgain(t *testing.T) {
	t.Parallel()
	s := storetest.OpenPostgres(t, storetest.Options{}) // SQLite has one writer: nobody overtakes
	runs, committed := 0, 0
	update(t, s, func(tx *store.Tx) error {
		runs++
		tx.OnCommit(func() { committed++ })
		v, err := tx.Setting("k")
		if err != nil {
			return err
		}
		if runs == 1 {
			update(t, s, func(tx *store.Tx) error { return tx.SetSetting("k", "overtaken,") })
		}
		if err := tx.SetSetting("k", v+"second"); err != nil {
			return gatehouse.Errorf(gatehouse.Conflict, "hidden").Because(err) // a rule may wrap it as it likes
		}
		return nil
	})
	if runs != 2 || committed != 1 {
		t.Errorf("it ran %d times and was committed %d times", runs, committed)
	}
	view(t, s, func(tx *store.Tx) error {
		v, err := tx.Setting("k")
		if v != "overtaken,second" {
			t.Errorf("it is %q", v)
		}
		return err
	})
}

func TestErrorOfTheDatabaseCannotBeSwallowed(t *testing.T) {
	t.Parallel()
	for name, swallow := range map[string]func(*testing.T, *store.Tx){
		"of a statement that was waited for": func(t *testing.T, tx *store.Tx) {
			is(t, tx.SaveSession(&gatehouse.Session{TokenHash: []byte("hash"), UserID: "nobody"}), gatehouse.Conflict)
			_, err := tx.Setting("k")
			is(t, err, gatehouse.Conflict) // nothing goes on after it
		},
		"of one that was only sent, with the next": func(t *testing.T, tx *store.Tx) {
			_ = tx.SaveConsent(store.Consent{UserID: "nobody"}) // it may be on its way still
			_, err := tx.Setting("k")
			is(t, err, gatehouse.Conflict)
		},
		"of one that was only sent, with the end": func(_ *testing.T, tx *store.Tx) {
			_ = tx.SaveConsent(store.Consent{UserID: "nobody"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				is(t, s.Update(t.Context(), func(tx *store.Tx) error {
					is(t, tx.SetSetting("k", "v"), "")
					swallow(t, tx)
					return nil
				}), gatehouse.Conflict)
				view(t, s, func(tx *store.Tx) error {
					v, err := tx.Setting("k")
					if v != "" {
						t.Error("half of it was written")
					}
					return err
				})
			})
		})
	}
}

func TestOnCommit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var order []string
		is(t, s.Update(t.Context(), func(tx *store.Tx) error {
			tx.OnCommit(func() { order = append(order, "undone") })
			return gatehouse.Forbidden
		}), gatehouse.Forbidden)
		update(t, s, func(tx *store.Tx) error {
			tx.OnCommit(func() {
				view(t, s, func(tx *store.Tx) error {
					v, err := tx.Setting("k")
					order = append(order, v)
					return err
				})
			})
			tx.OnCommit(func() { order = append(order, "last") })
			return tx.SetSetting("k", "there")
		})
		same(t, order, []string{"there", "last"})
	})
}

func TestTxIsOfNoUseAfterItsEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var kept *store.Tx
		update(t, s, func(tx *store.Tx) error {
			kept = tx
			return nil
		})
		if err := kept.SetSetting("k", "v"); err == nil {
			t.Error("it wrote after its end")
		}
	})
}

func TestCanceledContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		for name, run := range map[string]func(context.Context, func(*store.Tx) error) error{"view": s.View, "update": s.Update} {
			inside, end := context.WithCancel(t.Context())
			if err := run(inside, func(tx *store.Tx) error {
				end()
				_, err := tx.Setting("k")
				return err
			}); !errors.Is(err, context.Canceled) {
				t.Errorf("%s that is canceled inside: %v", name, err)
			}
			end()
		}
		cancel()
		fn := func(*store.Tx) error { t.Error("it ran"); return nil }
		if err := errors.Join(s.View(ctx, fn), s.Update(ctx, fn)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		update(t, s, func(tx *store.Tx) error { return tx.SetSetting("k", "v") })
	})
}

func TestPing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		is(t, s.Ping(t.Context()), "")
		is(t, s.Ping(t.Context()), "")
	})
}
