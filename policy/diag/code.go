package diag

// Code is one row of the table of codes: what a remark of this code means, and
// what to do about it. Codes are stable: scripts and policies name them.
type Code = struct {
	Code     string
	Severity Severity
	Meaning  string
	Do       string
}

// About is who a warning speaks of: the names that an accepted risk may be
// narrowed to. The zero About is nobody in particular.
type About struct {
	Services [2]string // one, or the two that share something
	Role     string
}

// Has reports whether the warning speaks of the service and of the role; an
// empty name asks for none.
func (a About) Has(service, role string) bool {
	return (service == "" || service == a.Services[0] || service == a.Services[1]) && (role == "" || role == a.Role)
}
