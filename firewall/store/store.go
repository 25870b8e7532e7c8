// Package store keeps what was applied: a snapshot of each of the newest
// generations in the state directory, and the lock that lets one writer work
// at a time.
//
// A snapshot is two files, generation-N.json (who, when, from which policy, who
// may reach what) and generation-N.ruleset (what was sent to the kernel). The
// first vouches for both by SHA-256 digests and is put in place last, so that
// half a snapshot is none.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"ngcp-fw/policy"
)

// Kept is how many generations stay on disk; saving one more removes the oldest.
const Kept = 10

// Store is a state directory. It need not exist: without it there are no
// generations, and Save and Writable make it. Saving and clearing are for the
// holder of the Lock.
type Store struct{ dir string }

// New is the store in dir. It touches nothing.
func New(dir string) *Store { return &Store{dir: dir} }

// Meta is what is known of an applied generation.
type Meta struct {
	Number    uint64          `json:"number"`
	Time      time.Time       `json:"time"` // of applying
	Who       string          `json:"who"`
	Policy    string          `json:"policy"`  // the file's name
	Digest    string          `json:"digest"`  // SHA-256 of its text, in hex
	BootID    string          `json:"boot_id"` // the boot and the network namespace it was applied in
	NetNS     uint64          `json:"netns"`
	Exposures json.RawMessage `json:"exposures"`
	Ruleset   string          `json:"ruleset"` // SHA-256 of the ruleset file, in hex; Save fills it in

	Of         uint64     `json:"of,omitempty"`     // the generation whose ruleset this one brought back
	Reason     string     `json:"reason,omitempty"` // in the words of who applied it
	Confirmed  bool       `json:"confirmed"`        // it may be restored at boot
	Inputs     []Input    `json:"inputs"`           // what it was made of
	Observe    bool       `json:"observe"`          // nothing was dropped
	Mediaproxy Media      `json:"mediaproxy"`
	Counted    Counted    `json:"counted,omitempty"` // before; only where nothing was dropped
	Management Management `json:"management"`
}

// Counted is the packets and bytes that each of the ruleset's counters has met,
// which go on from generation to generation.
type Counted map[string][2]uint64

// Input is a file that a generation was made of, as it was then. The text is kept
// of the policy alone: config.yml has secrets, and lists may be long.
type Input struct {
	File   string `json:"file"`
	Size   int    `json:"size"`
	Digest string `json:"digest"` // SHA-256, in hex
	Text   string `json:"text,omitempty"`
}

// Management is the exposures by which a host is managed, with their lists: here
// too, for when the ruleset file is lost.
type Management struct {
	Exposures json.RawMessage   `json:"exposures"`
	Lists     map[string][]byte `json:"lists"`
}

// Media is what was asked for of the mediaproxy rule, and the ports that were
// open for media.
type Media struct {
	Rule  string         `json:"rule"`
	Table int            `json:"table"`
	RTP   []policy.Ports `json:"rtp"`
}

// Snapshot is a generation as it was applied.
type Snapshot struct {
	Meta Meta
	Content
}

// Load reads the snapshot of generation n and verifies all of it. The error
// wraps fs.ErrNotExist where there is none, and names the file where one is
// damaged.
func (s *Store) Load(n uint64) (*Snapshot, error) {
	meta, err := s.Meta(n)
	if err != nil {
		return nil, err
	}
	out := Snapshot{Meta: meta}
	packed, err := s.read(n, rulesetSuffix)
	if err != nil {
		return nil, err
	}
	if digest(packed) != out.Meta.Ruleset {
		return nil, s.damaged(n, rulesetSuffix, errors.New("its SHA-256 digest is not the one on record"))
	}
	if out.Content, err = unpack(packed); err != nil {
		return nil, s.damaged(n, rulesetSuffix, err)
	}
	return &out, nil
}

// Describe reads what is known of generation n without its content, of which it
// only looks whether it is there. It fails as Load does.
func (s *Store) Describe(n uint64) (Meta, error) {
	meta, err := s.Meta(n)
	if err != nil {
		return Meta{}, err
	}
	path := s.path(n, rulesetSuffix)
	_, err = os.Stat(path)
	return meta, explain(err, "cannot read the snapshot of generation %d (%s)", n, path)
}

// Meta is Describe that does not look for the content.
func (s *Store) Meta(n uint64) (Meta, error) {
	sealed, err := s.read(n, metaSuffix)
	if err != nil {
		return Meta{}, err
	}
	meta, err := unseal(sealed, n)
	if err != nil {
		return Meta{}, s.damaged(n, metaSuffix, err)
	}
	return meta, nil
}

func (s *Store) read(n uint64, suffix string) ([]byte, error) {
	data, err := read(s.path(n, suffix))
	return data, explain(err, "cannot read the snapshot of generation %d (%s)", n, s.path(n, suffix))
}

func (s *Store) damaged(n uint64, suffix string, why error) error {
	return fmt.Errorf("the snapshot of generation %d is damaged: %s: %w", n, s.path(n, suffix), why)
}

const (
	metaSuffix    = "json"
	rulesetSuffix = "ruleset"
	probePrefix   = ".writable-"
)

var (
	metaName = regexp.MustCompile(`^generation-(0|[1-9][0-9]*)\.json$`)
	ourNames = regexp.MustCompile(`^(generation-([0-9]+)\.(json|ruleset)|\.generation-[0-9]+\.(json|ruleset)[0-9]+|\.writable-[0-9]+|\.?(history\.jsonl|bans)[0-9]*)$`)
)

func (s *Store) path(n uint64, suffix string) string {
	return filepath.Join(s.dir, fmt.Sprintf("generation-%d.%s", n, suffix))
}

// Numbers lists the generations that have a snapshot, ascending; it does not
// look into them.
func (s *Store) Numbers() ([]uint64, error) {
	names, err := s.list()
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if match := metaName.FindStringSubmatch(name); match != nil {
			if n, err := strconv.ParseUint(match[1], 10, 64); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// list is the names of our files, also of those that an interruption left.
func (s *Store) list() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && ourNames.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, explain(err, "cannot list the generations in %s", s.dir)
}
