package config

import (
	"strings"
	"testing"
)

func TestTimeZone(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"} {
		c, err := Parse("penstock.yaml", []byte("time_zone: "+name+"\n"), getenv)
		if err != nil || c.TimeZone.Location().String() != name {
			t.Errorf("time_zone: %s gives %v, %v", name, c, err)
		}
	}
	for _, name := range []string{"Local", "Europe/Berlyn", "''", "CEST+2", "../../etc/passwd", "3"} {
		if _, err := Parse("penstock.yaml", []byte("time_zone: "+name+"\n"), getenv); err == nil || !strings.Contains(err.Error(), "time_zone: ") || !strings.Contains(err.Error(), "Europe/Berlin") {
			t.Errorf("time_zone: %s gives %v, want a fault with an example", name, err)
		}
	}
	c, err := Parse("penstock.yaml", []byte("listen: 127.0.0.1:1\n"), getenv)
	if err != nil || c.TimeZone.Location().String() != "UTC" {
		t.Errorf("without time_zone: %v, %v, want UTC", c, err)
	}
}
