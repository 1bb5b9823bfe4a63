# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# A project that deploys, and a "server" at $T/srv: what is at $T/srv/ENVIRONMENT is there. It is healthy unless $T/sick names the very
# content. Every step is counted: train, ship, health, undo.
server=$T/srv
deploys() {
	mkdir -p "$server"
	export server
	new_project "$1" <<-'END'
	[stage train]
	cmd     = echo train >> "$COUNT"; cat {{data}} > {{outs}}; echo "auc = $(cat {{data}})" > {{metrics}}
	data    = raw.txt
	outs    = model.txt
	metrics = eval.txt

	[gate release]
	of      = train
	require = auc >= 0.5

	[deploy api]
	gate    = release
	ship    = model.txt
	cmd     = echo ship >> "$COUNT"; cp {{ship}} "$server/{{environment}}"
	health  = echo health >> "$COUNT"; ! cmp -s "$T/sick" "$server/{{environment}}"
	wait    = 300ms
	environments = production staging
	END
	echo 0.7 > raw.txt
	printf 'model.txt\neval.txt\n' > .gitignore
	git add -A && git commit -qm one
}

# data VALUE: other data, committed.
data() {
	echo "$1" > raw.txt
	git add -A && git commit -qm "data $1"
}

# live ENVIRONMENT CONTENT VERSION: what is there, and what the registry says of it.
live() {
	holds "$server/$1" "$2"
	if have_python; then
		"$MLMAKE" deploy --status --json > "$T/status" || fail 'no status'
		is "$(json "$T/status" "[d['live']['version'] for d in d['deploys'] if d['environment'] == '$1'][0]")" "$3" "version in $1"
	fi
}
