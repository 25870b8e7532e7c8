package store

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ngcp-fw/firewall/ruleset"
)

func sampleMeta(n uint64) Meta {
	return Meta{
		Number: n, Time: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), Who: "root <&> \"quoted\"",
		Policy: "policy.yml", Digest: digest([]byte("text")), BootID: "b0", NetNS: 4026531840,
		Exposures: json.RawMessage(`[{"service":"ssh"}]`), Management: Management{Exposures: json.RawMessage(`[]`)},
	}
}

var sampleMessages = []ruleset.Message{
	{Type: 0, Flags: 0x400, Body: []byte{1, 0, 0, 0}, About: "table ngcp-fw"},
	{Type: 6, Flags: 0xc00, Body: []byte("rule"), About: "rule 3 of chain input-1"},
	{Type: 255},
}

var sampleContent = Content{Messages: sampleMessages, Lists: map[string][]byte{
	"set a": []byte("keys"), "set b": []byte("keys"), "sources 0": {}, "set c": []byte("others"),
}}

func saved(t *testing.T, numbers ...uint64) *Store {
	t.Helper()
	s := New(filepath.Join(t.TempDir(), "var", "state"))
	for _, n := range numbers {
		require.NoError(t, s.Save(sampleMeta(n), sampleContent))
	}
	return s
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	s := saved(t, 7)
	got, err := s.Load(7)
	require.NoError(t, err)
	assert.Equal(t, len(sampleMessages), len(got.Messages))
	for i, m := range sampleMessages {
		assert.Equal(t, m.About, got.Messages[i].About)
		assert.Equal(t, string(m.Body), string(got.Messages[i].Body))
		assert.Equal(t, m.Type, got.Messages[i].Type)
		assert.Equal(t, m.Flags, got.Messages[i].Flags)
	}
	assert.Equal(t, sampleContent.Lists, got.Lists)
	want := sampleMeta(7)
	assert.JSONEq(t, string(want.Exposures), string(got.Meta.Exposures))
	assert.Len(t, got.Meta.Ruleset, 64)
	want.Exposures, want.Ruleset = got.Meta.Exposures, got.Meta.Ruleset
	assert.Equal(t, want, got.Meta)
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	s := saved(t, 1)
	modes := map[string]fs.FileMode{"": 0o700, "generation-1.json": 0o600, "generation-1.ruleset": 0o600}
	for name, mode := range modes {
		info, err := os.Stat(filepath.Join(s.dir, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
	assert.Len(t, names(t, s.dir), 2, "no temporary file is left")
}

func TestSaveReplaces(t *testing.T) {
	s := saved(t, 3)
	meta := sampleMeta(3)
	meta.Who = "somebody else"
	require.NoError(t, s.Save(meta, Content{Messages: sampleMessages[:1]}))
	got, err := s.Load(3)
	require.NoError(t, err)
	assert.Equal(t, "somebody else", got.Meta.Who)
	assert.Len(t, got.Messages, 1)
}

func TestSaveRefusesExposuresThatAreNotJSON(t *testing.T) {
	s := saved(t)
	meta := sampleMeta(1)
	meta.Exposures = json.RawMessage("[")
	assert.ErrorContains(t, s.Save(meta, Content{}), "cannot keep generation 1")
	assert.NoDirExists(t, s.dir)
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	s := saved(t, 7)
	for _, suffix := range []string{metaSuffix, rulesetSuffix} {
		path := s.path(7, suffix)
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		for i := range good {
			for bit := range 8 {
				bad := append([]byte{}, good...)
				bad[i] ^= 1 << bit
				require.NoError(t, os.WriteFile(path, bad, 0o600))
				_, err := s.Load(7)
				require.ErrorContainsf(t, err, "damaged: ", "byte %d bit %d of %s", i, bit, path)
				require.ErrorContains(t, err, path)
			}
		}
		require.NoError(t, os.WriteFile(path, good, 0o600))
	}
	_, err := s.Load(7)
	require.NoError(t, err)
}

func TestEveryCutAndAnyTailIsFound(t *testing.T) {
	s := saved(t, 7)
	for _, suffix := range []string{metaSuffix, rulesetSuffix} {
		path := s.path(7, suffix)
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		variants := [][]byte{append(append([]byte{}, good...), '\n')}
		for i := range good {
			variants = append(variants, good[:i])
		}
		for _, bad := range variants {
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			_, err := s.Load(7)
			require.ErrorContains(t, err, "damaged: "+path)
		}
		require.NoError(t, os.WriteFile(path, good, 0o600))
	}
}

func TestLoadTellsWhatIsMissing(t *testing.T) {
	s := saved(t, 7, 8)
	_, err := s.Load(9)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.EqualError(t, err, "cannot read the snapshot of generation 9 ("+s.path(9, metaSuffix)+"): there is no such file")

	require.NoError(t, os.Remove(s.path(7, rulesetSuffix)))
	_, err = s.Load(7)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, s.path(7, rulesetSuffix))

	require.NoError(t, os.Rename(s.path(8, metaSuffix), s.path(10, metaSuffix)))
	_, err = s.Load(10)
	assert.ErrorContains(t, err, "it speaks of generation 8")
}

func TestNumbers(t *testing.T) {
	s := saved(t)
	numbers, err := s.Numbers()
	require.NoError(t, err)
	assert.Empty(t, numbers)

	s = saved(t, 10, 9, 100)
	for _, other := range []string{
		"generation-5.ruleset", "generation-07.json", "generation-99999999999999999999.json", "generation-x.json",
		".generation-6.json123", "notes.txt", "generation-8.json.bak",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, other), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(s.path(4, metaSuffix), 0o700))
	numbers, err = s.Numbers()
	require.NoError(t, err)
	assert.Equal(t, []uint64{9, 10, 100}, numbers)
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	s := saved(t, 1, 2)
	for _, left := range []string{".generation-2.json77", ".writable-5", "generation-1.ruleset", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, left), nil, 0o600))
	}
	for n := uint64(3); n <= 14; n++ {
		require.NoError(t, s.Save(sampleMeta(n), sampleContent))
	}
	numbers, err := s.Numbers()
	require.NoError(t, err)
	assert.Equal(t, []uint64{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, numbers)
	assert.Len(t, names(t, s.dir), 2*Kept+1)
	assert.FileExists(t, filepath.Join(s.dir, "notes.txt"))

	require.NoError(t, s.Save(sampleMeta(2), sampleContent))
	_, err = s.Load(2)
	assert.NoError(t, err, "what was saved last is kept, whatever its number")
}

func TestClearLeavesWhatIsNotOurs(t *testing.T) {
	require.NoError(t, saved(t).Clear(), "of a directory that is not there")
	s := saved(t, 1, 2)
	require.NoError(t, s.Writable())
	for _, name := range []string{".generation-2.json77", ".writable-5", "notes.txt", "generation-1.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), nil, 0o600))
	}
	require.NoError(t, s.Clear())
	assert.Equal(t, []string{"generation-1.txt", "notes.txt"}, names(t, s.dir))
}

func packed(t require.TestingT, c Content) []byte {
	var out bytes.Buffer
	require.NoError(t, c.pack(&out))
	return out.Bytes()
}

func TestPackedContentUnpacks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Content{
			Messages: rapid.SliceOf(rapid.Custom(func(t *rapid.T) ruleset.Message {
				return ruleset.Message{
					Type: rapid.Byte().Draw(t, "type"), Flags: rapid.Uint16().Draw(t, "flags"),
					Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"), About: rapid.String().Draw(t, "about"),
				}
			})).Draw(t, "messages"),
			Lists: rapid.MapOf(rapid.String(), rapid.SliceOfN(rapid.Byte(), 0, 2)).Draw(t, "lists"),
		}
		got, err := unpack(packed(t, want))
		require.NoError(t, err)
		require.Len(t, got.Messages, len(want.Messages))
		for i := range want.Messages {
			require.Equal(t, want.Messages[i], got.Messages[i])
		}
		require.Equal(t, want.Lists, got.Lists)
	})
}

func TestTheSameListIsKeptOnce(t *testing.T) {
	list := bytes.Repeat([]byte("0123456789abcdef"), 100)
	one := len(packed(t, Content{Lists: map[string][]byte{"a": list}}))
	assert.Less(t, len(packed(t, Content{Lists: map[string][]byte{"a": list, "b": bytes.Clone(list)}})), one+20)
}

func TestUnpackKnowsItsVersion(t *testing.T) {
	_, err := unpack([]byte("ngcp-fw\x01"))
	assert.ErrorContains(t, err, "version")
}

func TestUnpackFindsWhatIsCutOff(t *testing.T) {
	whole := packed(t, sampleContent)
	for i := len(magic); i < len(whole); i++ {
		_, err := unpack(whole[:i])
		require.Error(t, err, i)
	}
	_, err := unpack(append(whole, 0))
	require.Error(t, err)
}

func FuzzUnpack(f *testing.F) {
	f.Add(packed(f, Content{}))
	f.Add(packed(f, sampleContent))
	f.Add([]byte(magic + "\x06\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		content, err := unpack(data)
		if err != nil {
			return
		}
		again, err := unpack(packed(t, content))
		require.NoError(t, err)
		assert.Equal(t, content, again)
	})
}

func FuzzUnseal(f *testing.F) {
	sealed, err := seal(sampleMeta(7))
	require.NoError(f, err)
	f.Add(sealed)
	f.Add(wrap([]byte("{}")))
	f.Add(wrap([]byte("null")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if meta, err := unseal(data, 7); err == nil {
			assert.EqualValues(t, 7, meta.Number)
		}
	})
}

func TestConfirmedComeLastFirst(t *testing.T) {
	s := saved(t, 1, 2, 3, 4)
	for _, n := range []uint64{3, 1, 3} {
		require.NoError(t, s.Confirm(n))
	}
	require.NoError(t, os.WriteFile(s.path(4, metaSuffix), []byte("damaged"), 0o600))
	list, err := s.Confirmed()
	require.NoError(t, err)
	assert.Equal(t, []uint64{4, 3, 1}, list, "of a damaged one nobody knows")
	require.ErrorIs(t, s.Confirm(9), fs.ErrNotExist)
}

func TestTheLastConfirmedIsNotPruned(t *testing.T) {
	s := saved(t, 1)
	require.NoError(t, s.Confirm(1))
	for n := range uint64(2 * Kept) {
		require.NoError(t, s.Save(sampleMeta(n+2), sampleContent))
	}
	list, err := s.Confirmed()
	require.NoError(t, err)
	assert.Equal(t, []uint64{1}, list)
	_, err = s.Load(1)
	require.NoError(t, err)
}
