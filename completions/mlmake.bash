# bash completion for mlmake; written by `mlmake completions bash`
_mlmake()
{
	local line=${COMP_LINE:0:COMP_POINT} cur prev cmd= word skip= opts= words= value= files= before item
	local IFS=$' \t\n'
	local -a typed found
	read -ra typed <<< "$line"
	cur=${line##*[[:blank:]]}
	[[ -n $cur ]] && unset 'typed[-1]'
	prev=${typed[-1]}
	for word in "${typed[@]:1}"; do
		[[ -n $skip ]] && { skip=; continue; }
		case $word in
			-C|--directory|-f|--file|--profile|--color) skip=1 ;;
			-*) ;;
			build|init|lint|status|why|graph|log|show|diff|lineage|checkout|reproduce|verify|push|pull|metrics|check|profile|monitor|gate|deploy|promote|rollback|retrain|accept|fetch|fsck|gc|hook|merge-lock|perform|completions|help) cmd=$word; break ;;
			*) cmd=build; break ;;
		esac
	done
	[[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=}
	local none= runs= commands='build init lint status why graph log show diff lineage checkout reproduce verify push pull metrics check profile monitor gate deploy promote rollback retrain accept fetch fsck gc hook merge-lock perform completions help'
	case ${cmd:-build} in
		build)
			opts+=' -j --jobs= -k --keep-going -n --dry-run -B --always-make -q --quiet -v --verbose --pull --remote= --events= --inherit-env --json --no-wait '
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --events ]] && value=1 files=-f
			;;
		init)
			opts+=' --git '
			;;
		lint)
			opts+=' --fix --json '
			;;
		status)
			opts+=' --check --inherit-env --json --remote= -q --quiet -v --verbose '
			[[ $prev == --remote ]] && value=1 words=
			;;
		why)
			opts+=' --inherit-env --json --run= '
			[[ $prev == --run ]] && value=1 words=$(mlmake completions --runs 2> /dev/null | tr '\n' ' ')
			;;
		graph)
			opts+=' --all --format= --json '
			[[ $prev == --format ]] && value=1 words='text dot mermaid svg'
			;;
		log)
			opts+=' --json -n --limit= --stage= --where= --author= --since= --until= --outcome= '
			[[ $prev == --limit || $prev == -n ]] && value=1 words=
			[[ $prev == --stage ]] && value=1 words=
			[[ $prev == --where ]] && value=1 words=
			[[ $prev == --author ]] && value=1 words=
			[[ $prev == --since ]] && value=1 words=
			[[ $prev == --until ]] && value=1 words=
			[[ $prev == --outcome ]] && value=1 words=
			;;
		show)
			opts+=' --json '
			;;
		diff)
			opts+=' --json --stage= '
			[[ $prev == --stage ]] && value=1 words=
			;;
		lineage)
			opts+=' --json '
			;;
		checkout)
			opts+=' --allow-missing --pull --remote= -n --dry-run --json -j --jobs= -q --quiet -v --verbose --no-wait '
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			;;
		reproduce)
			opts+=' --stage= --dir= --input= --pull --remote= -j --jobs= --json -q --quiet -v --verbose '
			[[ $prev == --stage ]] && value=1 words=
			[[ $prev == --dir ]] && value=1 files=-d
			[[ $prev == --input ]] && value=1 files=-f
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			;;
		verify)
			opts+=' --twice -j --jobs= --json -q --quiet -v --verbose '
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			;;
		push)
			opts+=' --remote= --at= --all --allow-missing -n --dry-run -q --quiet -v --verbose --json '
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --at ]] && value=1 words=
			;;
		pull)
			opts+=' --remote= --at= --all --lineage --allow-missing -n --dry-run -q --quiet -v --verbose --json '
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --at ]] && value=1 words=
			;;
		metrics)
			opts+=' --json '
			;;
		check)
			opts+=' --infer= --format= --separator= --no-header --na= --json '
			[[ $prev == --infer ]] && value=1 files=-f
			[[ $prev == --format ]] && value=1 words=
			[[ $prev == --separator ]] && value=1 words=
			[[ $prev == --na ]] && value=1 words=
			;;
		profile)
			opts+=' --format= --separator= --no-header --na= --json '
			[[ $prev == --format ]] && value=1 words=
			[[ $prev == --separator ]] && value=1 words=
			[[ $prev == --na ]] && value=1 words=
			;;
		monitor)
			opts+=' -n --dry-run --due --history --lines= --install --uninstall --with= --json '
			[[ $prev == --lines ]] && value=1 words=
			[[ $prev == --with ]] && value=1 words=
			;;
		gate)
			opts+=' --json '
			;;
		deploy)
			opts+=' --status --json --as= --bump= --because= --again --events= -j --jobs= -k --keep-going -n --dry-run -q --quiet -v --verbose --no-wait '
			[[ $prev == --as ]] && value=1 words=
			[[ $prev == --bump ]] && value=1 words=
			[[ $prev == --because ]] && value=1 words=
			[[ $prev == --events ]] && value=1 files=-f
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			;;
		promote)
			opts+=' --because= --again --events= -q --quiet --no-wait '
			[[ $prev == --because ]] && value=1 words=
			[[ $prev == --events ]] && value=1 files=-f
			;;
		rollback)
			opts+=' --to= --because= --again --events= -q --quiet --no-wait '
			[[ $prev == --to ]] && value=1 words=
			[[ $prev == --because ]] && value=1 words=
			[[ $prev == --events ]] && value=1 files=-f
			;;
		retrain)
			opts+=' -j --jobs= -k --keep-going -n --dry-run -B --always-make -q --quiet -v --verbose --pull --remote= --events= --inherit-env --json --no-wait '
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --events ]] && value=1 files=-f
			;;
		accept)
			opts+=' --because= --undo --no-wait '
			[[ $prev == --because ]] && value=1 words=
			;;
		fetch)
			opts+=' -j --jobs= -k --keep-going -n --dry-run -B --always-make -q --quiet -v --verbose --pull --remote= --events= --inherit-env --json --no-wait '
			[[ $prev == --jobs || $prev == -j ]] && value=1 words=
			[[ $prev == --remote ]] && value=1 words=
			[[ $prev == --events ]] && value=1 files=-f
			;;
		fsck)
			opts+=' --repair --quick --json -q --quiet --no-wait '
			;;
		gc)
			opts+=' -n --dry-run --keep-runs= --keep= --force --grace= --json --no-wait '
			[[ $prev == --keep-runs ]] && value=1 words=
			[[ $prev == --keep ]] && value=1 words=
			[[ $prev == --grace ]] && value=1 words=
			;;
		hook)
			opts+=' --bare= --work= --for= --in= --then= -n --lines= -q --quiet --json '
			[[ $prev == --bare ]] && value=1 files=-d
			[[ $prev == --work ]] && value=1 files=-d
			[[ $prev == --for ]] && value=1 words='pre-commit lefthook husky'
			[[ $prev == --in ]] && value=1 files=-d
			[[ $prev == --then ]] && value=1 files=-f
			[[ $prev == --lines || $prev == -n ]] && value=1 words=
			;;
		merge-lock)
			opts+=' '
			;;
		perform)
			opts+=' '
			;;
		completions)
			opts+=' --targets --runs '
			;;
		help)
			opts+=' '
			;;
	esac
	opts+=' -C --directory= -f --file= --profile= --color= -h --help --version '
	[[ $prev == --directory || $prev == -C ]] && value=1 files=-d
	[[ $prev == --file || $prev == -f ]] && value=1 files=-f
	[[ $prev == --profile ]] && value=1 words=
	[[ $prev == --color ]] && value=1 words='auto always never'
	case $cmd in
		init|lint|log|fsck|gc) none=1 ;;
		show|diff|checkout|reproduce) runs=1 ;;
		completions) [[ -z $value ]] && words=$'bash\nzsh\nfish' ;;
		hook) [[ -z $value ]] && words=$'install\nstatus\nuninstall\nprint\nlog\nwatch\ncancel' ;;
		help) [[ -z $value ]] && words=${commands// /$'\n'} ;;
	esac
	if [[ -n $value ]]; then
		:
	elif [[ $cur == -* ]]; then
		words=$opts
	elif [[ -z $words && -z $none ]]; then
		words=$(mlmake completions --targets ${runs:+--runs} 2> /dev/null)
		[[ $cur == *@* ]] || words=$(grep -v @ <<< "$words")
	fi
	COMPREPLY=()
	if [[ -n $files ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen "$files" -- "$cur")
		return
	fi
	[[ $COMP_WORDBREAKS == *@* ]] && before=${cur%"${cur##*[@:]}"}
	if [[ -n $value || $cur == -* ]]; then
		read -ra found <<< "$words"
	else
		[[ -z $cmd ]] && words+=$'\n'${commands// /$'\n'}
		mapfile -t found <<< "$words"
	fi
	for item in "${found[@]}"; do
		[[ -n $item && $item == "$cur"* ]] || continue
		[[ $item == *= ]] && compopt -o nospace
		item=${item#"$before"}
		[[ $item == *[^A-Za-z0-9_./@,:=+-]* ]] && printf -v item %q "$item"
		COMPREPLY+=("$item")
	done
}
complete -o default -F _mlmake mlmake
