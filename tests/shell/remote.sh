# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the tests of remotes share; read after lib.sh.

# shared_project NAME URL [LINE...]: three models of 300,000 bytes and more, a directory of a large and a small file, a small file.
# What is behind URL are further lines of [remote lab].
shared_project() {
	name=$1 url=$2
	shift 2
	new_project "$name" <<-END
	[project]
	params = params.ini

	[remote lab]
	url = $url
	$(for line do printf '%s\n' "$line"; done)

	[stage model]
	matrix seed = 1 2 3
	cmd    = head -c 300000 /dev/zero | tr '\\0' {{seed}} > {{outs}}; printf '\\n%s\\n' {{size}} >> {{outs}}; echo model >> "\$COUNT"
	outs   = model-{{seed}}.bin

	[stage dir]
	cmd    = mkdir {{outs}}; cat {{data}} {{data}} > {{outs}}/large; echo small > {{outs}}/small; echo dir >> "\$COUNT"
	data   = model-1.bin
	outs   = d

	[stage few]
	cmd    = tail -n 1 {{data}} > {{outs}}; echo few >> "\$COUNT"
	data   = model-1.bin
	outs   = few.txt
	END
	echo 'size = 7' > params.ini
	printf '%s\n' '*.bin' d few.txt > .gitignore
	git add . && git commit -q -m 'A project'
	mm 0
	git add mlmake.lock && git commit -q -m 'Built'
	: > "$COUNT"
}
FILES=4 # large files that the project has

# clone_of NAME NEW: a fresh clone, in which the script stands. By file://, for a path brings all of the objects along.
clone_of() {
	git clone -q "file://$T/w/$1" "$T/w/$2" && cd "$T/w/$2" || exit 1
}

in_project() { cd "$T/w/$1" || exit 1; }

# same_results NAME: what the build made is as it is in the other project.
same_results() {
	for f in model-1.bin model-2.bin model-3.bin d/large d/small few.txt; do
		cmp -s "$f" "$T/w/$1/$f" || fail "'$f' is not as it is in '$1'"
	done
}

objects() { find "$1" -type f | sed 's|.*/||' | sort; }

# a_port COMMAND...: calls the command with one port after another until it says that it serves there; the port is $port.
a_port() {
	port=$((20000 + $$ % 20000))
	tries=0
	while ! "$@"; do
		port=$((port + 7)) tries=$((tries + 1))
		[ "$tries" -lt 50 ] || return 1
	done
}

# a_sshd: a real one, on this machine alone, for the user that runs the tests; ssh finds its way by GIT_SSH_COMMAND. SHLVL keeps bash
# from reading that user's .bashrc, which may take long.
a_sshd() {
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	if [ ! -x "$sshd" ] || ! command -v ssh > /dev/null; then
		skip_all 'openssh-server is not installed'
	fi
	mkdir -p "$T/ssh"
	ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/host" && ssh-keygen -q -t ed25519 -N '' -f "$T/ssh/user" || exit 1
	cp "$T/ssh/user.pub" "$T/ssh/authorized"
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	a_port try_sshd || skip_all "sshd does not start: $(tail -n 1 "$T/ssh/log")"
	cat > "$T/ssh/config" <<-END
	Host lab
	HostName 127.0.0.1
	Port $port
	User $(id -un)
	IdentityFile $T/ssh/user
	IdentitiesOnly yes
	UserKnownHostsFile $T/ssh/known
	StrictHostKeyChecking accept-new
	BatchMode yes
	LogLevel ERROR
	END
	GIT_SSH_COMMAND="ssh -F $T/ssh/config"
	export GIT_SSH_COMMAND
}
try_sshd() {
	cat > "$T/ssh/sshd_config" <<-END
	Port $port
	ListenAddress 127.0.0.1
	HostKey $T/ssh/host
	AuthorizedKeysFile $T/ssh/authorized
	StrictModes no
	UsePAM no
	PidFile none
	PasswordAuthentication no
	PermitRootLogin yes
	SetEnv SHLVL=9
	END
	"$sshd" -D -e -f "$T/ssh/sshd_config" > "$T/ssh/log" 2>&1 &
	serving=$!
	until grep -q 'Server listening' "$T/ssh/log"; do
		alive "$serving" || return 1
		sleep 0.02
	done
	started="$started $serving"
}
