package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/internal/web/ui"
)

// maxBody bounds what a request may bring. Every form of ours is far smaller.
const maxBody = 1 << 20

// crossSite are the addresses that other sites may send forms to: the protocol
// endpoints, hooks, and the callback of providers that answer by form_post,
// which keeps the answer and redirects to its GET, where the browser is
// checked. Our own consent, device and sign-out forms are not among them.
func crossSite() []string {
	return []string{
		"POST /oauth/authorize", "POST /oauth/par", "POST /oauth/token", "POST /oauth/revoke", "POST /oauth/introspect",
		"POST /oauth/userinfo", "POST /oauth/logout", "/hooks/", "POST /users/auth/{connection}/callback", "POST /backchannel-logout/{connection}",
	}
}

// handler is everything that is served, with what goes around it.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	s.provider.Mount(mux)
	for _, m := range s.pages {
		m.Mount(mux)
	}
	mux.Handle("GET /assets/", s.ui.Assets())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	if s.dev {
		mux.Handle("GET /metrics", s.meters.handler())
	}
	protect := http.NewCrossOriginProtection()
	for _, pattern := range crossSite() {
		protect.AddInsecureBypassPattern(pattern)
	}
	protect.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ui.Fail(w, r, errCrossSite())
	}))
	h := s.sessions.Remember(protect.Handler(mux))
	h = s.ui.Middleware(h)
	h = bounded(h)
	h = s.logged(h)
	return ui.WithClientAddress(s.config.TrustedProxies, h)
}

// bounded ends the body of a request at maxBody. Unlike http.MaxBytesHandler it
// copies no request: WithClientAddress around it has made this one ours.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// ready says whether this node can do its work now.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.store.Ping(ctx); err != nil {
		s.log.Error("not ready", "error", err)
		plain(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// logged notes every request by its pattern and path, never with its query,
// which may hold codes and states.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &watched{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		took := time.Since(began)
		s.meters.Observe("http_request", took, "method", method(r.Method), "class", class(seen.status))
		level := slog.LevelDebug
		if seen.status >= http.StatusInternalServerError {
			level = slog.LevelWarn
		}
		if !s.log.Enabled(r.Context(), level) {
			return
		}
		s.log.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path, "status", seen.status,
			"took", took, "address", ui.ClientAddress(r), "id", w.Header().Get("X-Request-Id"))
	})
}

// watched remembers the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader notes the first final status.
func (w *watched) WriteHeader(status int) {
	if !w.wrote && status >= http.StatusOK {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func class(status int) string {
	return string('0'+rune(status/100)) + "xx"
}

// method keeps the label's values few, whatever strangers send.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// newHTTPServer bounds what a client may take of us.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// ended turns the error of a server that was told to end into nil.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
