package store

const markName = "in-force.json"

// Mark says that at one generation of the kernel's ruleset, the kernel held
// exactly what was applied as a generation of ours, every element included.
// That generation (NFT_MSG_GETGEN) changes with every commit of anybody in the
// network namespace, and with nothing else; so while it is the same, nothing
// has changed.
//
// It begins anew with each boot and each namespace, hence their names beside it.
// It has 32 bits: after 4,294,967,296 commits without a look between them, an
// old mark would be taken for a new one. The inode of a namespace may be used
// again by a later one of the same boot, which is taken for the same only if as
// many commits were made in it.
type Mark struct {
	Generation uint64 `json:"generation"`
	Ruleset    string `json:"ruleset"` // as in the snapshot's Meta, which it was applied from
	GenID      uint32 `json:"genid"`
	BootID     string `json:"boot_id"`
	NetNS      uint64 `json:"netns"`

	// Differs is the sets in which, against what is said above, the kernel held
	// other elements, as comparing all of them has shown. Look-ups of some would
	// find that only by chance, even later.
	Differs []string `json:"differs,omitempty"`
}

// ReadMark reads the mark of a run directory. The error wraps fs.ErrNotExist
// where there is none.
func ReadMark(runDir string) (Mark, error) { return readNote[Mark](runDir, markName) }

// Write puts the mark into a run directory that is there, whole or not at all.
func (m Mark) Write(runDir string) error { return writeNote(runDir, markName, m) }

// RemoveMark takes the mark away, if there is one.
func RemoveMark(runDir string) error { return removeNote(runDir, markName) }
