package netns_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// killedAt is system calls at which the ways back are killed.
func killedAt() []fault {
	return faults("signal=KILL", map[string][2]int{
		"flock": {1, 1}, "openat": {4, 13}, "write": {4, 1}, "fsync": {2, 1}, "renameat": {4, 1}, "sendto": {10, 4}, "recvfrom": {6, 13}, "close": {2, 17},
	})
}

// Wherever a rollback is killed, the old or the new policy is in force as a whole.
func TestRollbackKilledAnywhere(t *testing.T) {
	back := disturbEach(t, killedAt(), `
fw -f after.yml apply || exit 98
strace -f -qq -o /dev/null -e "inject=$FAULT" "$PROGRAM" --state-dir state --run-dir run rollback
echo "apply: $?"
`)
	for _, d := range back {
		assert.Truef(t, d.before != d.after, "%s: neither policy is in force as a whole\n%s", d.fault, d.output)
	}
}

// Wherever a trial's beginning is killed, the old or the new policy is in force as
// a whole; and if it was the new one, the old one comes back.
func TestTrialKilledAnywhere(t *testing.T) {
	tried := disturbEach(t, killedAt(), `
strace -qq -o /dev/null -e "inject=$FAULT" "$PROGRAM" --state-dir state --run-dir run -f after.yml apply --confirm 2s
echo "apply: $?"
fw -f after.yml verify >/dev/null && generation=new || generation=old
fw -f before.yml verify >/dev/null && generation=$generation,old
[ $generation = new ] || [ $generation = old,old ] || exit 99
for i in $(seq 40); do [ -e run/pending.json ] || break; sleep 0.1; done
fw status # goes back where nobody watches yet
[ ! -e run/pending.json ] || exit 98
`)
	for _, d := range tried {
		assert.Truef(t, d.before && !d.after, "%s: what was in force is not again\n%s", d.fault, d.output)
	}
}

// Wherever a restore at boot is killed, nothing or the whole is in force, and the
// next one puts the whole into force.
func TestRestoreKilledAnywhere(t *testing.T) {
	restored := disturbEach(t, killedAt(), `
fw -f after.yml apply || exit 98
nft flush ruleset; rm -r run
strace -f -qq -o /dev/null -e "inject=$FAULT" "$PROGRAM" --state-dir state --run-dir run restore
echo "apply: $?"
[ -z "$(nft list ruleset)" ] || fw -f after.yml verify || exit 99
fw restore || exit 98
`)
	for _, d := range restored {
		assert.Truef(t, d.after && !d.before, "%s: what was confirmed last is not in force\n%s", d.fault, d.output)
	}
}
