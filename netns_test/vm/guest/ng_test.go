package guest

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// control is where rtpengine listens for the ng protocol (rtpengine's
// docs/ng_control_protocol.md): a cookie, a space, a bencoded dictionary.
const control = "127.0.0.1:2223"

type dictionary = map[string]any

// ask sends a command and gives the answer, which must be the result.
func ask(t *testing.T, result string, question dictionary) dictionary {
	t.Helper()
	answer, err := exchange(question, 5*time.Second)
	require.NoError(t, err)
	require.Equal(t, result, answer["result"], answer)
	return answer
}

func exchange(question dictionary, patience time.Duration) (dictionary, error) {
	conn, err := net.Dial("udp", control)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	cookie := strconv.FormatInt(time.Now().UnixNano(), 36)
	if _, err := conn.Write([]byte(cookie + " " + bencode(question))); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	buffer := make([]byte, 65536)
	n, err := conn.Read(buffer)
	if err != nil {
		return nil, err
	}
	text, ours := strings.CutPrefix(string(buffer[:n]), cookie+" ")
	if !ours {
		return nil, fmt.Errorf("an answer to something else: %q", buffer[:n])
	}
	value, _, err := bdecode(text)
	answer, _ := value.(dictionary)
	return answer, err
}

func bencode(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%d:%s", len(v), v)
	case []string:
		text := "l"
		for _, s := range v {
			text += bencode(s)
		}
		return text + "e"
	case dictionary:
		text := "d"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			text += bencode(key) + bencode(v[key])
		}
		return text + "e"
	}
	panic(fmt.Sprintf("no bencoding for %T", v))
}

// bdecode gives the first value of the text and what follows it.
func bdecode(text string) (value any, rest string, err error) {
	switch {
	case text == "":
		return nil, "", fmt.Errorf("the text ends too early")
	case text[0] == 'i':
		number, rest, _ := strings.Cut(text[1:], "e")
		n, err := strconv.ParseInt(number, 10, 64)
		return n, rest, err
	case text[0] == 'l' || text[0] == 'd':
		return bdecodeMany(text[0], text[1:])
	}
	length, rest, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(rest) {
		return nil, "", fmt.Errorf("bad length %q", length)
	}
	return rest[:n], rest[n:], nil
}

func bdecodeMany(kind byte, text string) (value any, rest string, err error) {
	var list []any
	for !strings.HasPrefix(text, "e") {
		var v any
		if v, text, err = bdecode(text); err != nil {
			return nil, "", err
		}
		list = append(list, v)
	}
	if kind == 'l' {
		return list, text[1:], nil
	}
	d := dictionary{}
	for pair := range slices.Chunk(list, 2) {
		d[fmt.Sprint(pair[0])] = pair[len(pair)-1]
	}
	return d, text[1:], nil
}
