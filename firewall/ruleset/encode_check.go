package ruleset

import (
	"errors"
	"fmt"
	"strings"
)

// What a message has room for. Beyond it, a length would wrap and the kernel
// would hold something else without an error.
const (
	maxAttr    = 1<<16 - 1 - attrHeader // bytes of an attribute's data: its length has 16 bits
	maxName    = 255                    // bytes of a name (NFT_NAME_MAXLEN of linux/netfilter/nf_tables.h, less the closing zero)
	maxComment = 254                    // bytes of a comment: the length of user data has 8 bits, a closing zero follows
)

// Encodable reports what of the table no message can say.
func (t *Table) Encodable() error {
	for _, f := range t.Foreign {
		return fmt.Errorf("%s of table %s is foreign", f.Name, t.Name)
	}
	if err := checkObject("table", t.Name, t.Comment); err != nil {
		return err
	}
	for i := range t.Counters {
		if err := checkObject("counter", t.Counters[i].Name, ""); err != nil {
			return err
		}
	}
	for i := range t.Chains {
		if err := checkObject("chain", t.Chains[i].Name, ""); err != nil {
			return err
		}
	}
	for i := range t.Sets {
		s := &t.Sets[i]
		if err := checkObject("set", s.Name, s.Comment); err != nil {
			return err
		}
		if err := s.encodable(); err != nil {
			return fmt.Errorf("set %s of table %s %w", s.Name, t.Name, err)
		}
	}
	return nil
}

func checkObject(kind, name, comment string) error {
	if name == "" {
		return fmt.Errorf("a %s has no name", kind)
	}
	if err := checkText("the name of "+kind+" "+name, name, maxName); err != nil {
		return err
	}
	return checkText("the comment of "+kind+" "+name, comment, maxComment)
}

func checkText(what, text string, limit int) error {
	switch {
	case len(text) > limit:
		return fmt.Errorf("%s has %d bytes, more than %d", what, len(text), limit)
	case strings.Contains(text, "\x00"):
		return fmt.Errorf("%s has a zero byte in it", what)
	}
	return nil
}

func (s *Set) encodable() error {
	e := &s.Elements
	switch {
	case s.Key == nil || s.Raw != nil:
		return errors.New("is foreign")
	case e.Len() > 0 && (e.width != s.Key.Len || e.interval != s.Interval):
		return errors.New("has elements of another kind of set")
	case len(e.verdicts) > 0 != (s.Map && e.Len() > 0) || s.Map && len(e.verdicts) != e.Len():
		return fmt.Errorf("has %d elements and %d verdicts", e.Len(), len(e.verdicts))
	}
	return nil
}

// fits reports whether a value has the length that the type says.
func (t *DataType) fits(values ...[]byte) bool {
	for _, v := range values {
		if len(v) != t.Len {
			return false
		}
	}
	return true
}
