package host

import (
	"testing"
	"fmt"
	"github.com/stretchr/testify/require"
)
func TestTryListeners(t *testing.T) {
	l, err := Listeners()
	require.NoError(t, err)
	for _, x := range l { fmt.Printf("%+v\n", x) }
	fmt.Println(OtherNamespaces())
	fmt.Println(Routes())
}
