# fish completion for mlmake; written by `mlmake completions fish`
function __mlmake_command
    # The first word that is no option, if it is one of those named; without arguments: is there none yet?
    set -l typed (commandline -opc)
    set -l skip
    for word in $typed[2..-1]
        if test -n "$skip"
            set skip
            continue
        end
        switch $word
            case -C --directory -f --file --profile --color 
                set skip 1
            case '-*'
            case build init lint status why graph log show diff lineage checkout reproduce verify metrics accept fetch merge-lock completions help
                contains -- $word $argv
                return
            case '*'
                contains -- build $argv
                return
        end
    end
    contains -- none $argv
end

complete -c mlmake -n '__mlmake_command none build status why graph checkout reproduce verify metrics accept fetch' -a '(mlmake completions --targets 2>/dev/null)'
complete -c mlmake -n '__mlmake_command init lint log' -f
complete -c mlmake -n '__mlmake_command completions' -f -a 'bash zsh fish'
complete -c mlmake -n '__mlmake_command none help' -a build -d 'build what is stale (what plain `mlmake` does)'
complete -c mlmake -n '__mlmake_command none help' -a init -d 'write a first mlmake.ini about the scripts that are here'
complete -c mlmake -n '__mlmake_command none help' -a lint -d 'check the pipeline file without building'
complete -c mlmake -n '__mlmake_command none help' -a status -d 'show what is stale and why'
complete -c mlmake -n '__mlmake_command none help' -a why -d 'tell why a stage would run, or why it will not'
complete -c mlmake -n '__mlmake_command none help' -a graph -d 'draw who waits for whom'
complete -c mlmake -n '__mlmake_command none help' -a log -d 'list past runs, newest first'
complete -c mlmake -n '__mlmake_command none help' -a show -d 'tell everything about a run'
complete -c mlmake -n '__mlmake_command none help' -a diff -d 'show in what two runs or commits differ, and their results'
complete -c mlmake -n '__mlmake_command none help' -a lineage -d 'tell which run, commit, parameters and data made a file'
complete -c mlmake -n '__mlmake_command none help' -a checkout -d 'put back the artifacts of a commit or a run'
complete -c mlmake -n '__mlmake_command none help' -a reproduce -d 'build an old state once more, apart, and compare'
complete -c mlmake -n '__mlmake_command none help' -a verify -d 'run stages once more, apart, to see whether they come out the same'
complete -c mlmake -n '__mlmake_command none help' -a metrics -d 'show metrics side by side, with the difference to the result before'
complete -c mlmake -n '__mlmake_command none help' -a accept -d 'take changed inputs as harmless: what is there stands, and nothing runs'
complete -c mlmake -n '__mlmake_command none help' -a fetch -d 'run sources again, to see whether their data is new'
complete -c mlmake -n '__mlmake_command none help' -a merge-lock -d 'merge two versions of mlmake.lock (git calls it)'
complete -c mlmake -n '__mlmake_command none help' -a completions -d 'print completions for a shell'
complete -c mlmake -n '__mlmake_command none help' -a help -d 'show the commands, or the options of one'
complete -c mlmake -n '__mlmake_command none build' -l jobs -s j -x -d 'run up to N stages at once (default: the number of cores)'
complete -c mlmake -n '__mlmake_command none build' -l keep-going -s k -d 'after a failure, go on with what does not need it'
complete -c mlmake -n '__mlmake_command none build' -l dry-run -s n -d 'show what would be done, and do nothing'
complete -c mlmake -n '__mlmake_command none build' -l always-make -s B -d 'run everything selected, fresh or not'
complete -c mlmake -n '__mlmake_command none build' -l quiet -s q -d 'show failures alone'
complete -c mlmake -n '__mlmake_command none build' -l verbose -s v -d 'show all reasons, and what stages write'
complete -c mlmake -n '__mlmake_command none build' -l events -r -d 'write what happens to FILE as JSON Lines (-: standard output)'
complete -c mlmake -n '__mlmake_command none build' -l json -d 'with -n: print one JSON document'
complete -c mlmake -n '__mlmake_command none build' -l no-wait -d 'if another mlmake is at work here, exit with 75'
complete -c mlmake -n '__mlmake_command init' -l git -d 'tell git, in this clone\'s configuration, to merge mlmake.lock with mlmake'
complete -c mlmake -n '__mlmake_command lint' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command status' -l check -d 'exit with 4 if anything is stale or has to be restored'
complete -c mlmake -n '__mlmake_command status' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command status' -l quiet -s q -d 'print nothing, for use with --check'
complete -c mlmake -n '__mlmake_command status' -l verbose -s v -d 'show every reason, and what is fresh'
complete -c mlmake -n '__mlmake_command why' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command why' -l run -x -d 'tell why it ran in that run (`mlmake log`)'
complete -c mlmake -n '__mlmake_command graph' -l all -d 'draw every instance of a matrix by itself'
complete -c mlmake -n '__mlmake_command graph' -l format -x -a 'text dot mermaid svg' -d 'text (default), dot, mermaid or svg'
complete -c mlmake -n '__mlmake_command graph' -l json -d 'print one JSON document: status, and edges'
complete -c mlmake -n '__mlmake_command log' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command log' -l limit -s n -x -d 'show the newest N runs'
complete -c mlmake -n '__mlmake_command log' -l stage -x -d 'in which this stage or instance had a part; may be given several times'
complete -c mlmake -n '__mlmake_command log' -l where -x -d 'with a metric like this: \'auc >= 0.9\'; may be given several times'
complete -c mlmake -n '__mlmake_command log' -l author -x -d 'by somebody whose name or address holds TEXT'
complete -c mlmake -n '__mlmake_command log' -l since -x -d 'from then on: 2026-11-26, \'2026-11-26 14:10\', or 3d for three days ago'
complete -c mlmake -n '__mlmake_command log' -l until -x -d 'before then'
complete -c mlmake -n '__mlmake_command log' -l outcome -x -d 'done, failed, interrupted, accepted, undone or reproduced'
complete -c mlmake -n '__mlmake_command show' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command diff' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command diff' -l stage -x -d 'only this stage or instance; may be given several times'
complete -c mlmake -n '__mlmake_command lineage' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command checkout' -l allow-missing -d 'put back what is here, though some of it is missing'
complete -c mlmake -n '__mlmake_command checkout' -l dry-run -s n -d 'show what would be done, and do nothing'
complete -c mlmake -n '__mlmake_command checkout' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command checkout' -l jobs -s j -x -d 'if it has to be built: up to N stages at once'
complete -c mlmake -n '__mlmake_command checkout' -l quiet -s q -d 'if it has to be built: show no progress'
complete -c mlmake -n '__mlmake_command checkout' -l verbose -s v -d 'show also what is there already'
complete -c mlmake -n '__mlmake_command checkout' -l no-wait -d 'if another mlmake is at work here, exit with 75'
complete -c mlmake -n '__mlmake_command reproduce' -l stage -x -d 'run this stage, instance or maker of a file alone, on inputs as they were; may be repeated'
complete -c mlmake -n '__mlmake_command reproduce' -l dir -x -a '(__fish_complete_directories)' -d 'build in DIR, a new directory, which stays'
complete -c mlmake -n '__mlmake_command reproduce' -l input -r -d 'take an input that is gone from FILE, if its digest is right; may be repeated'
complete -c mlmake -n '__mlmake_command reproduce' -l jobs -s j -x -d 'run up to N stages at once (default: the number of cores)'
complete -c mlmake -n '__mlmake_command reproduce' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command reproduce' -l quiet -s q -d 'show no progress'
complete -c mlmake -n '__mlmake_command reproduce' -l verbose -s v -d 'show what stages write'
complete -c mlmake -n '__mlmake_command verify' -l twice -d 'run each stage twice, and compare the two'
complete -c mlmake -n '__mlmake_command verify' -l jobs -s j -x -d 'run up to N stages at once (default: the number of cores)'
complete -c mlmake -n '__mlmake_command verify' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command verify' -l quiet -s q -d 'show no progress'
complete -c mlmake -n '__mlmake_command verify' -l verbose -s v -d 'show what stages write'
complete -c mlmake -n '__mlmake_command metrics' -l json -d 'print one JSON document'
complete -c mlmake -n '__mlmake_command accept' -l because -x -d 'why the change is harmless; kept in mlmake.lock and in the log'
complete -c mlmake -n '__mlmake_command accept' -l undo -d 'take back what was accepted last'
complete -c mlmake -n '__mlmake_command accept' -l no-wait -d 'if another mlmake is at work here, exit with 75'
complete -c mlmake -n '__mlmake_command fetch' -l jobs -s j -x -d 'run up to N stages at once (default: the number of cores)'
complete -c mlmake -n '__mlmake_command fetch' -l keep-going -s k -d 'after a failure, go on with what does not need it'
complete -c mlmake -n '__mlmake_command fetch' -l dry-run -s n -d 'show what would be done, and do nothing'
complete -c mlmake -n '__mlmake_command fetch' -l always-make -s B -d 'run everything selected, fresh or not'
complete -c mlmake -n '__mlmake_command fetch' -l quiet -s q -d 'show failures alone'
complete -c mlmake -n '__mlmake_command fetch' -l verbose -s v -d 'show all reasons, and what stages write'
complete -c mlmake -n '__mlmake_command fetch' -l events -r -d 'write what happens to FILE as JSON Lines (-: standard output)'
complete -c mlmake -n '__mlmake_command fetch' -l json -d 'with -n: print one JSON document'
complete -c mlmake -n '__mlmake_command fetch' -l no-wait -d 'if another mlmake is at work here, exit with 75'
complete -c mlmake -n '__mlmake_command completions' -l targets -d 'print the names of stages and instances instead'
complete -c mlmake -l directory -s C -x -a '(__fish_complete_directories)' -d 'work in DIR'
complete -c mlmake -l file -s f -r -d 'read FILE instead of mlmake.ini'
complete -c mlmake -l profile -x -d 'apply [profile NAME]'
complete -c mlmake -l color -x -a 'auto always never' -d 'auto (default), always or never'
complete -c mlmake -l help -s h -d 'show this help'
complete -c mlmake -l version -d 'show the version'
