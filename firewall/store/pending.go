package store

import "time"

const pendingName = "pending.json"

// Pending is a generation that is in force for a trial: unless somebody confirms
// it in time, what was in force before comes back. It lives in the run directory
// and ends with the boot, which restores what is confirmed.
type Pending struct {
	Generation uint64        `json:"generation"`
	Back       uint64        `json:"back"` // the generation that comes back; 0: nothing was in force
	Since      time.Time     `json:"since"`
	Deadline   time.Time     `json:"deadline"` // for people; a clock may be set meanwhile
	Until      time.Duration `json:"until"`    // the same as time since the boot (CLOCK_BOOTTIME), which decides
	BootID     string        `json:"boot_id"`
	NetNS      uint64        `json:"netns"`
	Sessions   []string      `json:"sessions"` // who was logged in by ssh when it began: addresses and ports
}

// ReadPending reads what is pending in a run directory. The error wraps
// fs.ErrNotExist where nothing is.
func ReadPending(runDir string) (Pending, error) { return readNote[Pending](runDir, pendingName) }

// Write puts it into a run directory that is there, whole or not at all.
func (p Pending) Write(runDir string) error { return writeNote(runDir, pendingName, p) }

// RemovePending takes it away, if there is one.
func RemovePending(runDir string) error { return removeNote(runDir, pendingName) }
