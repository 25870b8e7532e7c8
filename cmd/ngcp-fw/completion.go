package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// completions are the scripts by shell: %[1]s stands for the commands,
// %[2]s for the lines that name each command's flags.
var completions = map[string]struct {
	script string
	flags  func(command string, flags []string) string
}{
	"bash": {`_ngcp_fw() {
    local cur=${COMP_WORDS[COMP_CWORD]} cmd= word flags=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case " %[1]s " in *" $word "*) cmd=$word; break ;; esac
    done
    case $cmd in
%[2]s    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    elif [[ -z $cmd ]]; then
        COMPREPLY=($(compgen -W "%[1]s" -- "$cur"))
    else
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}
complete -F _ngcp_fw ngcp-fw
`, func(c string, flags []string) string {
		return fmt.Sprintf("        %s) flags=%q ;;\n", shellPattern(c), strings.Join(flags, " "))
	}},
	"zsh": {`#compdef ngcp-fw
_ngcp_fw() {
    local cmd= word
    for word in "${(@)words[2,CURRENT-1]}"; do
        case " %[1]s " in *" $word "*) cmd=$word; break ;; esac
    done
    local -a flags
    case $cmd in
%[2]s    esac
    if [[ $PREFIX == -* ]]; then
        compadd -- $flags
    elif [[ -z $cmd ]]; then
        compadd -- %[1]s
    else
        _files
    fi
}
compdef _ngcp_fw ngcp-fw
`, func(c string, flags []string) string {
		return fmt.Sprintf("        %s) flags=(%s) ;;\n", shellPattern(c), strings.Join(flags, " "))
	}},
	"fish": {`complete -c ngcp-fw -n __fish_use_subcommand -f -a "%[1]s"
%[2]s`, func(c string, flags []string) string {
		var lines strings.Builder
		for _, flag := range flags {
			condition := "__fish_seen_subcommand_from " + c
			if c == "" {
				condition = "__fish_use_subcommand"
			}
			fmt.Fprintf(&lines, "complete -c ngcp-fw -n %q -l %s\n", condition, strings.TrimPrefix(flag, "--"))
		}
		return lines.String()
	}},
}

// shellPattern is a case pattern for the command; none yet is the empty word.
func shellPattern(command string) string {
	if command == "" {
		return "''"
	}
	return command
}

func setupCompletion(*pflag.FlagSet) action {
	return func(a *app, args []string) error {
		shell := ""
		if len(args) == 1 {
			shell = args[0]
		}
		c, ok := completions[shell]
		if !ok {
			return usagef("completion wants bash, zsh or fish, not %q", shell)
		}
		names, flags := a.completionWords(c.flags)
		fmt.Fprintf(a.out, c.script, names, flags)
		return nil
	}
}

// completionWords lists the commands, and each one's flags as the shell wants them.
func (a *app) completionWords(line func(string, []string) string) (names, flags string) {
	var list []string
	lines := line("", longFlags(func(fs *pflag.FlagSet) { a.flags.register(fs) }))
	for _, c := range commands() {
		list = append(list, c.name)
		lines += line(c.name, longFlags(func(fs *pflag.FlagSet) { c.setup(fs); a.flags.register(fs) }))
	}
	return strings.Join(list, " "), lines
}

func longFlags(register func(*pflag.FlagSet)) []string {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	register(fs)
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	slices.Sort(names)
	return names
}
