package kernel

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// faulty is a transport with faults before and after its commits.
type faulty struct {
	transport
	commits int
	before  func(commit int, batch []ruleset.Message) error
	after   func(commit int)
}

func (f *faulty) commit(genid uint32, batch []ruleset.Message) error {
	f.commits++
	if f.before != nil {
		if err := f.before(f.commits, batch); err != nil {
			return err
		}
	}
	err := f.transport.commit(genid, batch)
	if f.after != nil {
		f.after(f.commits)
	}
	return err
}

var errCrash = errors.New("crash")

func TestCrashBetweenBatches(t *testing.T) {
	for crash := 1; crash <= 3; crash++ {
		t.Run(fmt.Sprint(crash), func(t *testing.T) {
			inNamespace(t)
			c := open(t)
			_, err := c.Apply(table(1, 3, 80))
			require.NoError(t, err)
			wire := c.wire
			c.wire = &faulty{transport: wire, before: func(n int, _ []ruleset.Message) error {
				if n == crash {
					return errCrash
				}
				return nil
			}}
			_, err = c.Apply(table(2, 4, 81))
			require.ErrorIs(t, err, errCrash)
			c.wire = wire
			have, err := c.Read(family, name)
			require.NoError(t, err)
			generation, ok := have.Generation()
			require.True(t, ok)
			require.Equal(t, uint64(1+crash/3), generation, "old before the swap, new after it")
			want := table(3, 4, 81)
			_, err = c.Apply(want)
			require.NoError(t, err)
			requireHolds(t, c, want)
			require.NotContains(t, listRuleset(t), "-1")
			require.NotContains(t, listRuleset(t), "-2")
		})
	}
}

func TestSomebodyElseChangesTheRulesetMeanwhile(t *testing.T) {
	for commit := 1; commit <= 3; commit++ {
		t.Run(fmt.Sprint(commit), func(t *testing.T) {
			inNamespace(t)
			c := open(t)
			_, err := c.Apply(table(1, 3, 80))
			require.NoError(t, err)
			c.wire = &faulty{transport: c.wire, before: func(n int, _ []ruleset.Message) error {
				if n == commit {
					nft(t, "add rule inet test input-1 tcp dport 1 accept\nadd table inet other\n")
				}
				return nil
			}}
			_, err = c.Apply(table(2, 3, 81))
			require.ErrorIs(t, err, ErrChanged)
			_, err = c.Apply(table(3, 3, 81))
			require.NoError(t, err)
			requireHolds(t, c, table(3, 3, 81))
		})
	}
}

func TestSomebodyElseChangesTheRulesetRightAfter(t *testing.T) {
	for change, want := range map[string]error{
		"add rule inet test input accept": ErrChanged,
		"add table inet other":            nil,
	} {
		inNamespace(t)
		c := open(t)
		_, err := c.Apply(table(1, 3, 80))
		require.NoError(t, err)
		c.wire = &faulty{transport: c.wire, after: func(n int) {
			if n == 3 {
				nft(t, change+"\n")
			}
		}}
		_, err = c.Apply(table(2, 3, 81))
		require.ErrorIs(t, err, want, change)
	}
}

// A kernel that keeps less than it was sent, as with lengths that wrapped.
func TestWhatTheKernelDoesNotHoldIsNoticed(t *testing.T) {
	for _, size := range []int{3, countable + 1} {
		inNamespace(t)
		c := open(t)
		c.wire = &forgetful{c.wire}
		_, err := c.Apply(table(1, size, 80))
		require.ErrorContains(t, err, "the kernel does not hold what was sent, it differs in: ", "from-1")
	}
}

type forgetful struct{ transport }

func (f *forgetful) commit(genid uint32, batch []ruleset.Message) error {
	var kept []ruleset.Message
	forgotten := false
	for _, m := range batch {
		if m.About == "elements of set from-1" && !forgotten {
			forgotten = true
			continue
		}
		kept = append(kept, m)
	}
	return f.transport.commit(genid, kept)
}

func TestRefusalNamesTheRuleAndItsPolicyLine(t *testing.T) {
	inNamespace(t)
	c := open(t)
	_, err := c.Apply(table(1, 3, 80))
	require.NoError(t, err)
	before := listRuleset(t)
	bad := table(2, 3, 81)
	bad.Chains[1].Rules[0].Statements[2] = ruleset.Count{Name: "nowhere"}
	_, err = c.Apply(bad)
	require.EqualError(t, err, "the kernel refused rule 1 of chain service-2 (service/role, policy.yml:3:1), expression 5: "+
		"it, or something it refers to (a table, chain, set or a feature of the kernel), does not exist")
	require.ErrorIs(t, err, unix.ENOENT)
	require.Equal(t, before, listRuleset(t))
}

// More refusals than find room in the socket.
func TestMoreAnswersThanTheSocketHolds(t *testing.T) {
	inNamespace(t)
	c := open(t)
	require.NoError(t, unix.SetsockoptInt(c.wire.(*socket).fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8192))
	bad := table(1, 3, 80)
	for range 500 {
		bad.Chains[1].Rules = append(bad.Chains[1].Rules, ruleset.Rule{Statements: []ruleset.Statement{ruleset.Count{Name: "nowhere"}}})
	}
	_, err := c.Apply(bad)
	require.ErrorContains(t, err, "the kernel refused rule 2 of chain service-1, expression 1")
	require.Empty(t, listRuleset(t))
	_, err = c.Apply(table(1, 3, 80))
	require.NoError(t, err, "the connection still serves")
}

// A socket whose buffer is small, as those of others than root.
func TestSmallSocket(t *testing.T) {
	const room = 4096
	inNamespace(t)
	c := open(t)
	var largest int
	c.wire = &faulty{transport: c.wire, before: func(_ int, batch []ruleset.Message) error {
		size := 0
		for _, m := range batch {
			size += header + m.Size()
		}
		largest = max(largest, size)
		if size > room && len(batch) > 1 {
			return errTooLarge
		}
		return nil
	}}
	for generation := range uint64(3) {
		want := table(generation+1, 5000, 80+uint16(generation))
		_, err := c.Apply(want)
		require.NoError(t, err)
		requireHolds(t, c, want)
	}
	require.Greater(t, largest, room)
	swap := table(4, 1, 80)
	for range 100 {
		swap.Chains[0].Rules = append(swap.Chains[0].Rules, swap.Chains[0].Rules[0])
	}
	_, err := c.Apply(swap)
	require.ErrorContains(t, err, "net.core.wmem_max", "what must take effect at once does not go in parts")
	have, err := c.Read(family, name)
	require.NoError(t, err)
	generation, _ := have.Generation()
	require.Equal(t, uint64(3), generation)
}

func TestWithoutTheCapability(t *testing.T) {
	inNamespace(t)
	runtime.LockOSThread()
	none := [2]unix.CapUserData{}
	require.NoError(t, unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]))
	c := open(t)
	_, err := c.Generation()
	require.ErrorIs(t, err, ErrPermission)
	_, err = c.Read(family, name)
	require.ErrorIs(t, err, ErrPermission)
	_, err = c.Apply(table(1, 3, 80))
	require.ErrorIs(t, err, ErrPermission)
	_, err = c.Remove(family, name)
	require.ErrorIs(t, err, ErrPermission)
	require.ErrorIs(t, c.wire.commit(1, []ruleset.Message{table(1, 1).EncodeTable()}), ErrPermission)
	require.ErrorContains(t, err, "run it as root")
}

// What kernels answer that have no nf_tables (nfnetlink.c: EINVAL to a request,
// EOPNOTSUPP to a batch; ENOENT, where modules cannot be loaded).
func TestKernelWithoutNFTables(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EINVAL, unix.EOPNOTSUPP, unix.ENOENT} {
		a := answer{body: []byte{0, 0, 0, 0}}
		for i := range 4 {
			a.body[i] = byte(uint32(-int32(errno)) >> (8 * i))
		}
		assert.ErrorIs(t, a.end(unix.NFT_MSG_GETGEN, false), ErrNoNFTables)
		assert.NotErrorIs(t, a.end(unix.NFT_MSG_GETTABLE, false), ErrNoNFTables)
		assert.ErrorIs(t, beginError(errno), ErrNoNFTables)
	}
	assert.ErrorIs(t, openError(unix.EPROTONOSUPPORT), ErrNoNFTables)
	assert.ErrorIs(t, openError(unix.EAFNOSUPPORT), ErrNoNFTables)
	assert.ErrorIs(t, beginError(unix.ERESTART), ErrChanged)
	assert.ErrorIs(t, beginError(unix.EPERM), ErrPermission)
	assert.ErrorIs(t, batchError(unix.EMSGSIZE), errTooLarge)
}

func TestNoErrorIsABareNumber(t *testing.T) {
	for errno := unix.Errno(1); errno < 134; errno++ {
		for _, err := range []error{&Error{About: "table x", Errno: errno}, batchError(errno), beginError(errno), openError(errno)} {
			assert.Regexp(t, `[a-z]{3,} [a-z]{2,}`, err.Error())
		}
	}
	assert.Equal(t, "the kernel refused set x: it is in use (why)", (&Error{About: "set x", Errno: unix.EBUSY, Text: "why"}).Error())
}

func TestPlaceOfBrokenMessages(t *testing.T) {
	m, err := table(1, 1, 80).EncodeRule(&table(1, 1, 80).Chains[1], 0)
	require.NoError(t, err)
	found := map[string]bool{}
	for length := range len(m.Body) + 1 {
		for offset := -1; offset < len(m.Body)+2*header; offset++ {
			found[place(ruleset.Message{Type: m.Type, Body: m.Body[:length]}, offset)] = true
		}
	}
	for n := 1; n <= 6; n++ {
		assert.True(t, found[fmt.Sprintf(", expression %d", n)], n)
	}
	assert.False(t, found[", expression 0"])
	assert.Empty(t, place(ruleset.Message{Type: unix.NFT_MSG_NEWSET, Body: m.Body}, 60))
}
