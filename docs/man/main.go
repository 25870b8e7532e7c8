// Command man makes a manual page for man(1) of a page of this documentation:
//
//	man -name ngcp-fw -section 8 -summary WORDS [-see PAGES] [-program FILE] PAGE.md
//
// With a program, its own list of commands comes first, and each section named
// after commands is followed by their flags, as the program's help says. The date
// is SOURCE_DATE_EPOCH's, in seconds since 1970, so that the same input makes the
// same page.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func main() {
	var p page
	flag.StringVar(&p.name, "name", "", "the page's name")
	flag.IntVar(&p.section, "section", 8, "the manual's section")
	flag.StringVar(&p.summary, "summary", "", "what the page is about, in a line")
	flag.StringVar(&p.see, "see", "", "other pages")
	program := flag.String("program", "", "whose help to put in")
	flag.Parse()
	if err := p.run(os.Stdout, flag.Arg(0), *program); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

// page is what a manual page says beside its text.
type page struct {
	name, summary string
	see           string // other pages
	section       int
	date          time.Time
}

func (p page) run(w io.Writer, file, program string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	p.date = time.Unix(seconds, 0)
	help := func(string) (string, error) { return "", nil }
	if program != "" {
		help = helpOf(program)
	}
	roff, err := p.write(string(text), help)
	if err == nil {
		_, err = io.WriteString(w, roff)
	}
	return err
}

// write makes the page of the Markdown text. Help gives a command's flags, and
// the list of commands by the name "".
func (p page) write(text string, help func(command string) (string, error)) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, ".TH %s %d %s ngcp-fw\n", strings.ToUpper(p.name), p.section, p.date.UTC().Format(time.DateOnly))
	fmt.Fprintf(&out, ".nh\n.ad l\n.SH NAME\n%s \\- %s\n", escape(p.name), escape(p.summary))
	list, err := help("")
	if err != nil {
		return "", err
	}
	out.WriteString(".SH DESCRIPTION\n")
	for i, section := range strings.Split("\n"+text, "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if i == 0 {
			_, body, _ = strings.Cut(body, "\n") // the page's own title
			out.WriteString(blocks(body) + example(list))
			continue
		}
		flags, err := flagsOf(title, list, help)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, ".SH %s\n%s%s", strings.ToUpper(inline(title)), blocks(body), example(flags))
	}
	if p.see != "" {
		fmt.Fprintf(&out, ".SH SEE ALSO\n%s\n", escape(p.see))
	}
	return needless.ReplaceAllString(out.String(), "$1"), nil
}

// needless is a paragraph right behind a heading, which begins one anyway.
var needless = regexp.MustCompile(`(?m)^(\.S[HS] .*\n)\.PP\n`)

// flagsOf is the help of the commands that the section's title names.
func flagsOf(title, list string, help func(string) (string, error)) (flags string, err error) {
	for name := range strings.SplitSeq(title, ", ") {
		if !strings.Contains(list, "\n  "+name+" ") {
			continue
		}
		text, err := help(name)
		if err != nil {
			return "", err
		}
		flags += text
	}
	return flags, nil
}

// helpOf asks the program for help, and leaves out what the page says anyway.
func helpOf(program string) func(string) (string, error) {
	return func(command string) (string, error) {
		if command == "" {
			out, err := exec.Command(program, "help").Output()
			_, rest, _ := strings.Cut(string(out), "\ncommands:")
			list, _, _ := strings.Cut(rest, "\n\n")
			return list + "\n", err
		}
		out, err := exec.Command(program, "help", command).Output()
		text, _, _ := strings.Cut(string(out), "\nglobal flags:\n")
		_, flags, _ := strings.Cut(text, "\nflags:\n")
		return flags, err
	}
}
