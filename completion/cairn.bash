# SPDX-License-Identifier: Apache-2.0
#
# Completion of cairn's command line in bash.  The bash-completion package loads it by itself and completes the
# arguments of the program to be run; without it this file can be sourced from ~/.bashrc.
#
# Words that come from `cairn list` may be of other users: they are compared, never expanded (compgen -W would).

_cairn_commands='run list top dump report diff leaks flame symbolize merge remove'

# The options of a command; = stands behind those that take a value.
_cairn_options()
{
	local naming='--sysroot= --debug-dir= --download-timeout='
	local viewing="--type= --focus= --ignore= --hide= --lines --all-frames $naming"
	case $1 in
	run) echo --out= --rate= --exact --peak --symbolize --merge --no-follow --only= --interval= --signal= --dump-growth= --fatal \
		--keep= --ledger= --memory= --seed= --library= --force --quiet --verbose --verify-stacks --help --usage ;;
	list) echo --json --help --usage ;;
	top) echo --interval= --sort= --filter= --limit= --once --json --csv --count= --help --usage ;;
	dump) echo --out= --peak --symbolize --since= --every= --count= --quiet --help --usage ;;
	symbolize) echo --out= --quiet "$naming" --help --usage ;;
	report) echo "$viewing" --by= --sort= --top= --stacks= --json --csv --folded --svg --pdf --dot --out= --help --usage ;;
	diff) echo "$viewing" --functions --cum --confidence= --all --top= --json --csv --help --usage ;;
	leaks) echo "$viewing" --kinds= --suppressions= --show-all --max-bytes= --exit-code= --show-reachable --top= --json --log= \
		--junit= --out= --verbose --print-rules --rate= --no-follow --no-trace --ledger-memory= --library= --force \
		--max-pause= --memory= --growth= --warmup= --interval= --per-signal= --max-growth= --confidence= --help --usage ;;
	flame) echo "$viewing" --out= --title= --quiet --help --usage ;;
	merge) echo --out= --files-from= --null --quiet --help --usage ;;
	remove) echo --all --quiet --help --usage ;;
	esac
}

# Add to COMPREPLY those of some words that begin with $cur.
_cairn_add()
{
	local word
	for word; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done
}

# Add files, or other names that compgen knows.
_cairn_add_names() # OPTION OF COMPGEN...
{
	local names
	compopt -o filenames 2>/dev/null # which quotes them, and marks directories
	mapfile -t names < <(compgen "$@" -- "$cur")
	COMPREPLY+=("${names[@]}")
}

# Add process ids of what runs, or paths of ledgers that dead programs left, as `cairn list` shows them.
_cairn_add_listed() # running|dead CAIRN
{
	local pid state rest
	while read -r pid state rest; do
		if [[ $state == running ]]; then
			[[ $1 == dead ]] || _cairn_add "$pid"
		elif [[ $pid == [0-9]* && $1 == dead ]]; then
			_cairn_add "${rest##*  }"
		fi
	done < <("${2/#\~/$HOME}" list 2>/dev/null)
}

_cairn_add_signals()
{
	local name
	for name in $(compgen -A signal SIG); do
		case $name in
		SIGKILL | SIGSTOP | SIGSEGV | SIGBUS | SIGFPE | SIGILL | SIGTRAP | SIGSYS | SIGJUNK* | SIGRTMAX*) ;;
		*) _cairn_add "${name#SIG}" ;;
		esac
	done
}

_cairn_add_values() # COMMAND OPTION
{
	case $1,$2 in
	top,--sort | top,-s) _cairn_add live growth rate count age peak ;;
	report,--sort | report,-s) _cairn_add flat cum ;;
	report,--type | report,-t | diff,--type | diff,-t | leaks,--type | leaks,-t | flame,--type | flame,-t)
		_cairn_add inuse_space inuse_objects alloc_space alloc_objects samples cpu ;;
	report,--out | report,-o | flame,--out | flame,-o | flame,-qo) _cairn_add_names -f ;;
	symbolize,--out | symbolize,-o | symbolize,-qo) _cairn_add_names -f ;;
	*,--sysroot | *,--debug-dir) _cairn_add_names -d ;;
	merge,--out | merge,-o | merge,-[q0]*o | merge,--files-from) _cairn_add_names -f ;;
	leaks,--kinds) _cairn_add definite indirect reachable definite,indirect,reachable ;;
	leaks,--suppressions | leaks,-s | leaks,-vs | leaks,--log | leaks,--junit | leaks,--out | leaks,-o | leaks,-vo | leaks,--library)
		_cairn_add_names -f ;;
	run,--signal | leaks,--per-signal) _cairn_add_signals ;;
	run,--ledger) _cairn_add_names -d ;;
	run,--out | run,-o | run,-[xq]*o | run,--library) _cairn_add_names -f ;;
	dump,--out | dump,-o | dump,-qo | dump,--since) _cairn_add_names -f ;;
	esac
}

# True if an option's value is the next word.
_cairn_takes_value() # COMMAND OPTION
{
	case $1,$2 in
	run,-o | run,-[xq]*o | dump,-o | dump,-qo | top,-[csfin] | report,-[tfisno] | diff,-[tfin] | leaks,-[tfinso] | leaks,-v[so] | flame,-[otfi] | flame,-qo | symbolize,-o | symbolize,-qo | merge,-o | merge,-[q0]*o) return 0 ;;
	*) [[ $2 == --* && " $(_cairn_options "$1") " == *" $2= "* ]] ;;
	esac
}

# The number of the word that is the program of `cairn run` or `cairn leaks --`, if it is the one that is completed or comes
# before it.
_cairn_find_program() # COMMAND
{
	local i
	for ((i = 2; i <= COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]] && ((i < COMP_CWORD)); then
			echo $((i + 1))
			return
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			[[ $1 != run ]] || echo "$i"
			return
		elif [[ ${COMP_WORDS[i + 1]-} == = ]]; then
			((i += 2))
		elif _cairn_takes_value "$1" "${COMP_WORDS[i]}"; then
			((i += 1))
		fi
	done
}

_cairn_complete_program() # NUMBER OF ITS WORD
{
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$1"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif (($1 < COMP_CWORD)) || [[ $cur == */* ]]; then
		_cairn_add_names -f
	else
		_cairn_add_names -c
	fi
}

_cairn_complete_arguments() # CAIRN COMMAND
{
	case $2 in
	list) _cairn_add_names -d ;;
	top | dump)
		_cairn_add_listed running "$1"
		_cairn_add_listed dead "$1"
		_cairn_add_names -f -X '!*.cairn'
		_cairn_add_names -d ;;
	report | diff | leaks | flame | symbolize | merge)
		_cairn_add_listed running "$1"
		_cairn_add_listed dead "$1"
		_cairn_add_names -f -X '!*.pb.gz'
		_cairn_add_names -f -X '!*.cairn'
		_cairn_add_names -d
		((${#COMPREPLY[@]})) || _cairn_add_names -f ;; # profiles have other names too
	remove)
		_cairn_add_listed dead "$1"
		_cairn_add_names -f -X '!*.cairn'
		_cairn_add_names -d ;;
	help)
		# shellcheck disable=SC2086 # words of our own
		((COMP_CWORD > 2)) || _cairn_add $_cairn_commands ;;
	esac
}

_cairn() # CAIRN, as bash calls it
{
	local command=${COMP_WORDS[1]} cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} program before=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		# shellcheck disable=SC2086 # words of our own
		_cairn_add $_cairn_commands help --help --version
		return
	fi
	if [[ $command == run || $command == leaks ]] && program=$(_cairn_find_program "$command") && [[ $program ]]; then
		_cairn_complete_program "$program"
		return
	fi
	# --option=value is one word or, as COMP_WORDBREAKS has it by default, three.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $option == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $cur == --*=* ]]; then
		option=${cur%%=*} before=${cur%%=*}= cur=${cur#*=}
	fi
	if _cairn_takes_value "$command" "$option"; then
		_cairn_add_values "$command" "$option"
		COMPREPLY=("${COMPREPLY[@]/#/$before}")
	elif [[ $cur == -* ]]; then
		# shellcheck disable=SC2046 # words of our own
		_cairn_add $(_cairn_options "$command")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
	else
		_cairn_complete_arguments "$1" "$command"
	fi
}

complete -F _cairn cairn
