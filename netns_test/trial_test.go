package netns_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// prologue of each script: the program, two policies, and what is asked of what
// is in force.
const prologue = `
fw() { "$PROGRAM" --state-dir state --run-dir run "$@"; }
in_force() { fw -f "$1" verify >/dev/null; }
came_back() { # the policy $1, within two seconds of its time
	for i in $(seq 40); do [ ! -e run/pending.json ] && in_force "$1" && return; sleep 0.1; done; return 1
}
nothing_left() { ! nft list ruleset | grep -q .; }
`

// Trials: what happens to who tried, and what has to be in force in the end. A
// script that fails says so with its exit code.
var trials = map[string]string{
	"never confirmed": `
fw -f before.yml apply || exit 1
fw -f after.yml apply --confirm 1s || exit 2
in_force after.yml || exit 3
came_back before.yml || exit 4
fw status | grep -q 'generation 2 was taken back' || exit 5
fw history | grep -q 'as nobody confirmed it in' || exit 6`,
	"confirmed in time": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
fw status -o json | grep -q '"confirmed": false' || exit 2
fw confirm || exit 3
sleep 2
in_force after.yml || exit 4
fw status -o json | grep -q '"confirmed": true' || exit 5
! pgrep -f "state-dir $PWD/state.*watch" || exit 6`,
	"confirmed too late": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
came_back before.yml || exit 2
fw confirm && exit 3
fw confirm 2>&1 | grep -q 'generation 2 was taken back' || exit 4
in_force before.yml || exit 5`,
	"first ever": `
fw -f after.yml apply --confirm 1s || exit 1
sleep 2
nothing_left || exit 2
fw status -o json >status.json; [ $? = 1 ] || exit 3
grep -q '"drift": \[\]' status.json || exit 4
fw -f before.yml apply | grep -q 'Generation 2' || exit 5`,
	"process group killed": `
fw -f before.yml apply || exit 1
setsid sh -c '"$PROGRAM" --state-dir state --run-dir run -f after.yml apply --confirm 2s; kill -KILL -$$'
in_force after.yml || exit 2
sleep 1
came_back before.yml || exit 3`,
	"terminal hung up": `
fw -f before.yml apply || exit 1
setsid sh -c 'trap "" HUP; "$PROGRAM" --state-dir state --run-dir run -f after.yml apply --confirm 2s; kill -HUP -$$; kill -TERM -$$'
in_force after.yml || exit 2
sleep 1
came_back before.yml || exit 3`,
	"watch hung up": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
pkill -HUP -f "state-dir $PWD/state.*watch" || exit 2
came_back before.yml || exit 3`,
	"watch killed": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
sleep 1.5
in_force after.yml || exit 3
fw status | grep -q 'Generation 3' || exit 4
in_force before.yml || exit 5`,
	"watch killed, then apply": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
sleep 1.5
fw -f after.yml apply >words.txt 2>&1 || exit 3
grep -q 'nobody confirmed generation 2 in time' words.txt || exit 4
in_force after.yml || exit 5
fw status -o json | grep -q '"confirmed": true' || exit 6`,
	"a second one goes on": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
fw -f before.yml apply; [ $? = 3 ] || exit 2
sed s/rate:.5/rate:\ 7/ after.yml >third.yml
fw -f third.yml apply --confirm 3s || exit 3
sleep 1.5
in_force third.yml || exit 4
sleep 1
came_back before.yml || exit 5`,
	"the same once more is more time": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s && fw -f after.yml apply --confirm 3s || exit 1
sleep 2
in_force after.yml || exit 2
came_back before.yml || exit 3`,
	"rolled back by hand": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1m || exit 1
fw rollback || exit 2
in_force before.yml || exit 3
fw confirm; [ $? = 1 ] || exit 4
sleep 1.5
! pgrep -f "state-dir $PWD/state.*watch" || exit 5`,
	"word of it damaged": `
fw -f before.yml apply && fw -f after.yml apply --confirm 2s || exit 1
echo '{}' >run/pending.json
sleep 1
came_back before.yml || exit 2`,
	"word of it damaged, nobody watches": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1m || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
echo '{}' >run/pending.json
fw -f before.yml apply; [ $? = 3 ] || exit 3
fw rollback || exit 4
in_force before.yml || exit 5
fw -f after.yml apply || exit 6`,
	"word of it lost": `
fw -f before.yml apply && fw -f after.yml apply --confirm 3s || exit 1
sleep 0.3
rm run/pending.json
sleep 1.5
fw status -o json | grep -q '"back": 1' || exit 2
sleep 1
came_back before.yml || exit 3`,
	"word of it lost, nobody watches": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1m || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
rm run/pending.json
fw status >words.txt; [ $? = 1 ] || exit 3
tr '\n' ' ' <words.txt | grep -q 'generation 2 was never confirmed, and nobody waits' || exit 4
fw rollback || exit 5
in_force before.yml || exit 6
fw status || exit 7`,
	"word of it lost, nobody watches, kept": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1m || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
rm run/pending.json
fw confirm || exit 3
in_force after.yml || exit 4
fw status || exit 5`,
	"word of the first ever lost": `
fw -f after.yml apply --confirm 1m || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
rm run/pending.json
fw rollback || exit 3
nothing_left || exit 4`,
	"the way back damaged": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
echo x >>state/generation-1.ruleset
sleep 2
in_force after.yml || exit 2
fw status >words.txt 2>&1; [ $? = 1 ] || exit 3
tr '\n' ' ' <words.txt | grep -q 'generation 2 is overdue: nobody confirmed it' || exit 4
fw -f before.yml apply; [ $? = 3 ] || exit 5
fw confirm || exit 6
in_force after.yml || exit 7
fw status || exit 8
fw -f before.yml apply || exit 9`,
	"rolled back to itself": `
fw -f before.yml apply && fw -f after.yml apply --confirm 2s || exit 1
fw rollback 2 2>words.txt; [ $? = 3 ] || exit 2
grep -q 'generation 2 waits until' words.txt || exit 3
sleep 1
came_back before.yml || exit 4`,
	"the disk is full": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1s || exit 1
dd if=/dev/zero of=state/filler bs=4k 2>/dev/null
sleep 1
came_back before.yml || exit 2`,
	"what would come back is damaged": `
fw -f before.yml apply || exit 1
echo x >>state/generation-1.ruleset
fw -f after.yml apply --confirm 1s; [ $? = 3 ] || exit 2
in_force before.yml || exit 3
[ ! -e run/pending.json ] || exit 4`,
	"what would come back is damaged later": `
fw -f after.yml apply && fw -f before.yml apply || exit 1
sed s/rate:.5/rate:\ 7/ after.yml >third.yml
fw -f third.yml apply --confirm 1s || exit 2
echo x >>state/generation-2.ruleset
came_back after.yml || exit 3`,
	"nobody could watch": `
fw -f before.yml apply || exit 1
mkdir run/pending.json
fw -f after.yml apply --confirm 1s; [ $? = 3 ] || exit 2
rmdir run/pending.json
in_force before.yml || exit 3`,
	"a boot comes first": `
fw -f before.yml apply && fw -f after.yml apply --confirm 1m || exit 1
pkill -KILL -f "state-dir $PWD/state.*watch" || exit 2
nft flush ruleset; rm -r run
fw restore || exit 3
in_force before.yml || exit 4`,
}

func TestTrials(t *testing.T) {
	for name, script := range trials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := inTrial(t, prologue+script)
			assert.NoError(t, err, "%s", out)
		})
	}
}

// inTrial runs a script in namespaces of its own, with little room for its state.
func inTrial(t *testing.T, script string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"before.yml": faultsBefore, "after.yml": faultsAfter, "list.txt": faultsList()} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "mount -t proc proc /proc; mount -t tmpfs -o size=2m tmpfs state"+script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PROGRAM="+program)
	cmd.SysProcAttr = &unix.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS,
	}
	return cmd.CombinedOutput()
}
