package ruleset

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"
)

// elementTimeout is NFTA_SET_ELEM_TIMEOUT of linux/netfilter/nf_tables.h, in
// milliseconds.
const elementTimeout = 4

// Timed is an element of a set that may end by itself.
type Timed struct {
	From, To []byte        // keys in wire order, both included; To is nil in a set without ranges
	Timeout  time.Duration // 0: for ever
}

// EncodeTimed adds the elements to a set whose elements may end, or removes them from it, in as many messages as they need.
func EncodeTimed(family Family, table, set string, remove bool, list []Timed) (messages []Message) {
	kind, flags := uint8(unix.NFT_MSG_NEWSETELEM), uint16(unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if remove {
		kind, flags = unix.NFT_MSG_DELSETELEM, 0
	}
	var elements attrs
	flush := func() {
		body := attrs{byte(family), unix.NFNETLINK_V0, 0, 0}
		body.text(unix.NFTA_SET_ELEM_LIST_TABLE, table)
		body.text(unix.NFTA_SET_ELEM_LIST_SET, set)
		body.bytes(unix.NFTA_SET_ELEM_LIST_ELEMENTS|unix.NLA_F_NESTED, elements)
		messages = append(messages, Message{Type: kind, Flags: flags, Body: body, About: "elements of set " + set})
		elements = nil
	}
	for _, e := range list {
		elements.timed(e, remove)
		if len(elements) >= messageSize {
			flush()
		}
	}
	if len(elements) > 0 {
		flush()
	}
	return messages
}

func (a *attrs) timed(e Timed, remove bool) {
	a.nest(unix.NFTA_LIST_ELEM, func() {
		a.nest(unix.NFTA_SET_ELEM_KEY, func() { a.bytes(unix.NFTA_DATA_VALUE, e.From) })
		if e.Timeout > 0 && !remove {
			a.u64(elementTimeout, uint64(max(1, e.Timeout.Milliseconds())))
		}
	})
	if e.To == nil || isAll(e.To, 0xff) {
		return // one key, or a range that ends with the highest one there is
	}
	end := bytes.Clone(e.To)
	increment(end)
	a.nest(unix.NFTA_LIST_ELEM, func() {
		a.u32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
		a.nest(unix.NFTA_SET_ELEM_KEY, func() { a.bytes(unix.NFTA_DATA_VALUE, end) })
	})
}
