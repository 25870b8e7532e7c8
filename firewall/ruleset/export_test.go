package ruleset

// For the tests that need a kernel, which this package must not know.
var (
	GenTable  = genTable
	RichTable = richTable
	Record    = update
	Pack      = pack
)
