package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRelease(t *testing.T) {
	for s, want := range map[string]bool{
		"6.1.0-56-cloud-amd64": false, "6.17.9": false, "6.18.44": true, "6.18-rc1": true, "7.0.0": true, "5.20.1": false, "10.1": true, "": false, "x": false,
	} {
		assert.Equal(t, want, release(s), s)
	}
}
