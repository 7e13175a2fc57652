package main

import (
	"strings"
	"testing"
)

func TestReload(t *testing.T) {
	t.Parallel()
	text := plain(t)
	p := newPlace(t, text)
	p.fails("reload", exitFailed, "is not running")
	p.serves()
	p.does("reload", "The configuration is in force.")
	p.write("gatehouse.yml", text+"metrics_listen: 127.0.0.1:1\n")
	p.does("reload", "wait for a restart: metrics_listen")
	p.write("gatehouse.yml", text+"omniauth: {providers: [{name: nobody, app_id: a, app_secret: b}]}\n")
	p.fails("reload", exitUsage, `"nobody"`)
	p.write("gatehouse.yml", text+"nonsense: true\n")
	p.fails("reload", exitUsage, "no such key")
	p.write("gatehouse.yml", text)
	if got := p.events("configuration.reloaded"); len(got) != 2 || !strings.Contains(got[0].Actor.Name, "configuration file") {
		t.Errorf("audit log: %+v", got)
	}
}
