package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// Everything measures something, at sizes whose ratios mean nothing.
func TestEveryMeasurementGivesRows(t *testing.T) {
	if h, err := lab.Build(lab.Link{Name: "eth0", Addrs: []string{address + "/24"}}); err != nil {
		t.Skipf("SKIPPED: %v", err)
	} else {
		h.Close()
	}
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: large transactions need root")
	}
	e := &env{quick: true, dir: t.TempDir()}
	require.NoError(t, e.build())
	for _, m := range measures() {
		t.Run(m.name, func(t *testing.T) {
			rows, err := m.run(e)
			require.NoError(t, err)
			assert.NotEmpty(t, rows)
			for _, r := range rows {
				t.Log(r)
				assert.NotEmpty(t, r.What)
				assert.NotEmpty(t, r.Ours)
				assert.NotEmpty(t, r.Beside)
			}
		})
	}
}

func TestTable(t *testing.T) {
	rows := []row{
		{What: "a", Ours: "1 s", Beside: "nft: 2 s", Ratio: "0.50", Goal: "≤ 0.6", Met: true},
		{What: "b", Ours: "3 s", Beside: "nft: 2 s", Ratio: "1.50", Goal: "≤ 1", Met: false},
		{What: "c", Ours: "3 s", Beside: "nft: 2 s", Ratio: "1.50"},
	}
	assert.Equal(t, `| what | ours | beside it | ratio | goal | met |
|---|---|---|---|---|---|
| a | 1 s | nft: 2 s | 0.50 | ≤ 0.6 | yes |
| b | 3 s | nft: 2 s | 1.50 | ≤ 1 | **no** |
| c | 3 s | nft: 2 s | 1.50 |  |  |
`, table(rows))
	assert.Equal(t, 1, missed(rows))
}

func TestPlaceKeepsWhatIsAround(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.md")
	require.NoError(t, os.WriteFile(path, []byte("# P\n\n"+tableBegin+"old\n"+tableEnd+"\nend\n"), 0o600))
	for _, table := range []string{"new\n", "newer\n"} {
		require.NoError(t, place(path, table))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "# P\n\n"+tableBegin+table+tableEnd+"\nend\n", string(text))
	}
	require.NoError(t, os.WriteFile(path, []byte(tableEnd+tableBegin), 0o600))
	assert.ErrorContains(t, place(path, "new\n"), "no place for the table")
}

func TestChooseAndParse(t *testing.T) {
	all := []measure{{name: "a"}, {name: "b"}}
	for only, want := range map[string]string{"": "a, b", "b": "b", "b,a": "b, a"} {
		chosen, err := choose(all, only)
		require.NoError(t, err)
		assert.Equal(t, want, names(chosen))
	}
	_, err := choose(all, "a,c")
	assert.ErrorContains(t, err, `nothing called "c"`)
	_, err = parse([]string{"-write", "x", "-quick"})
	assert.ErrorContains(t, err, "-write takes the whole table")
	o, err := parse([]string{"-only", "a", "-rounds", "3", "-strict"})
	require.NoError(t, err)
	assert.Equal(t, options{only: "a", rounds: 3, strict: true}, o)
}

func TestMedian(t *testing.T) {
	calls := ""
	contestant := func(name string, values ...int64) func() (sample, error) {
		return func() (sample, error) {
			calls += name
			v := values[0]
			values = values[1:]
			return sample{memory: v}, nil
		}
	}
	got, err := interleaved(3, contestant("a", 9, 1, 5), contestant("b", 1, 2, 2), once(contestant("c", 4)))
	require.NoError(t, err)
	assert.Equal(t, []sample{{memory: 5}, {memory: 2}, {memory: 4}}, got)
	assert.Equal(t, "abcabab", calls, "in turn")
}

// A batch of our own framing is what the kernel takes, and what it refuses is told.
func TestFloorTellsRefusals(t *testing.T) {
	e := &env{dir: t.TempDir()}
	w, err := e.world()
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	defer w.close()
	require.NoError(t, w.write("policy.yml", smallPolicy))
	require.NoError(t, w.batchFile("policy.yml", "batch"))
	_, err = w.floor("batch")
	require.NoError(t, err)
	gone := (&ruleset.Table{Family: ruleset.FamilyInet, Name: "nowhere"}).DeleteTable()
	require.NoError(t, os.WriteFile(w.path("batch"), transaction([]ruleset.Message{gone}), 0o600))
	_, err = w.floor("batch")
	assert.ErrorIs(t, err, unix.ENOENT)
}

// Not one packet gets lost in the rounding.
func TestHitsPerThousandChanges(t *testing.T) {
	h := hits{made: 2000}
	h.Lost, h.LetIn = 1, 3000
	assert.Equal(t, "1 / 1500", h.String())
}

func TestNetworksAreApart(t *testing.T) {
	assert.ElementsMatch(t, []string{"130.0.4.0/29", "130.0.0.0/30", "130.0.8.0/31"}, networks4(3))
	assert.Len(t, networks6(10), 10)
	assert.Equal(t, "1,000,000", thousands(million))
	assert.Equal(t, "999", thousands(999))
}
