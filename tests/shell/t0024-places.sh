#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Where projects live: below the top of a repository, in a linked work tree, without git.
. "${srcdir:-.}/tests/shell/lib.sh"
pipeline() {
	printf '[stage s]\ncmd  = cat {{data}} > {{outs}}; echo s >> "$COUNT"\ndata = in.txt\nouts = o.txt\n' > mlmake.ini
	echo "$1" > in.txt
}
mkdir "$T/w"

begin 'without git: all is kept in .mlmake'
mkdir "$T/w/plain"; cd "$T/w/plain" || exit 1
pipeline 1
mm 0; ran s; mm 0; ran
exists .mlmake
echo 2 > in.txt; mm 0; ran s
echo 1 > in.txt; mm 0; ran; holds o.txt 1
mm 0 log; said 'done'

begin 'without git, moved to another place: nothing runs'
mv "$T/w/plain" "$T/w/moved"; cd "$T/w/moved" || exit 1
mm 0; ran
mm 0 status --check

begin 'a project below the top of a repository'
mkdir -p "$T/w/mono/models/churn"; cd "$T/w/mono" || exit 1
git init -q .
cd models/churn || exit 1
pipeline 1
mm 0; ran s
missing .mlmake
exists "$T/w/mono/.git/mlmake"
git -C "$T/w/mono" add -A .; git commit -qm all -- mlmake.ini in.txt
git rm -q --cached o.txt 2> /dev/null
mm 0; ran

begin 'below the top: an output that git tracks is refused there, too'
git add -f o.txt
echo 2 > in.txt
mm 2; said 'o\.txt.*tracked'
git rm -q --cached o.txt
mm 0; ran s

begin 'two projects in one repository share the store and nothing else'
mkdir "$T/w/mono/models/other"; cd "$T/w/mono/models/other" || exit 1
pipeline 2
mm 0
ran
holds o.txt 2
mm 0 status --check
echo 3 > in.txt; mm 0; ran s
cd ../churn || exit 1
mm 0 status --check

begin 'a linked work tree shares the store'
cd "$T/w/mono" || exit 1
printf 'o.txt\nmlmake.lock\n' > .gitignore
git add .gitignore; git commit -qam ignore
git worktree add -q "$T/w/linked" HEAD 2> /dev/null
cd "$T/w/linked/models/churn" || exit 1
echo 2 > in.txt
mm 0; ran
holds o.txt 2
echo 9 > in.txt; mm 0; ran s
cd "$T/w/mono/models/churn" || exit 1
mm 0 status --check
holds o.txt 2
echo 9 > in.txt; mm 0; ran; holds o.txt 9

begin 'a file system that is not writable for the store says so'
if [ "$(id -u)" = 0 ]; then
	mkdir "$T/w/ro"; cd "$T/w/ro" || exit 1
	git init -q .; pipeline 1; : > .git/mlmake
	mm 2; said '\.git/mlmake'; ran
else
	mkdir "$T/w/ro"; cd "$T/w/ro" || exit 1
	git init -q .; pipeline 1; chmod a-w .git
	mm 2; said '\.git/mlmake'; ran
	chmod u+w .git
fi

begin 'inputs outside the project are inputs'
mkdir "$T/w/in"; cd "$T/w/in" || exit 1
git init -q .; pipeline 1
echo shared > ../shared.txt
sed 's#in.txt#../shared.txt#' mlmake.ini > n && mv n mlmake.ini
mm 0; ran s; holds o.txt shared
echo more >> ../shared.txt
mm 0; ran s; holds o.txt shared more

begin 'reading commands write nothing in a fresh clone'
cd "$T/w/mono" || exit 1
git add -A; git commit -qm more
git clone -q "$T/w/mono" "$T/w/clone"; cd "$T/w/clone/models/churn" || exit 1
find "$T/w/clone" -printf '%p %s %T@ %C@\n' | sort > "$T/before"
for c in status 'status --check' 'status --json' lint graph 'graph --format=svg' 'why s' log metrics '-n' 'completions bash' 'completions --targets'; do
	# shellcheck disable=SC2086
	"$MLMAKE" $c > /dev/null 2> "$T/err" < /dev/null
	[ $? -le 4 ] || fail "mlmake $c"
done
find "$T/w/clone" -printf '%p %s %T@ %C@\n' | sort > "$T/after"
check 'the same files' diff "$T/before" "$T/after"

begin 'reading commands work where nothing can be written'
if [ "$(id -u)" = 0 ]; then
	chmod -R a-w .  # root may write all the same; what is left of the test is the line above
fi
mm 0 status; mm 0 lint; mm 0 -n
chmod -R u+w .

# as_user COMMAND...: with the rights of one whom the modes of files bind.
as_user() {
	if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}
chmod 755 "$T" "$T/w"
if as_user "$MLMAKE" --version > /dev/null 2>&1; then
	begin 'an output that is a read-only directory is moved aside, kept and restored like any other'
	mkdir "$T/w/rod"; cd "$T/w/rod" || exit 1
	cat > mlmake.ini <<-'END'
	[project]
	params = params.ini
	[stage s]
	cmd  = mkdir -p {{outs}}/sub; echo {{n}} > {{outs}}/sub/f; chmod -R a-w {{outs}}
	outs = dir
	END
	echo 'n = 1' > params.ini
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 .
	for n in 1 2 1; do
		echo "n = $n" > params.ini
		as_user "$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null || fail "n = $n"
		holds dir/sub/f $n
	done
	said restored
	chmod -R u+w .
else
	skip 'an output that is a read-only directory' 'no user whom modes bind'
fi

if mkdir "/dev/shm/${T##*/}" 2> /dev/null; then
	shm=/dev/shm/${T##*/}
	trap 'rm -rf "$shm"; leave' EXIT
	git init -q "$shm"; git -C "$shm" commit -q --allow-empty -m none
	git -C "$shm" worktree add -q "$T/w/across"
	cd "$T/w/across" || exit 1
	cat > mlmake.ini <<-'END'
	[stage s]
	cmd  = mkdir {{outs}}; for i in 1 2 3; do echo $i > {{outs}}/$i; done
	outs = dir
	END
	begin 'the git directory on another file system'
	mm 0
	echo mine > dir/2
	mm 0; said 'is kept in the store as'
	holds dir/2 2
	if command -v strace > /dev/null 2>&1 && strace -o /dev/null true 2> /dev/null; then
		begin 'killed while an output is copied aside there: it is put back whole'
		for when in 1 2 3; do
			for i in 1 2 3; do echo "mine $when $i" > dir/$i; done
			strace -qq -o /dev/null -e trace=copy_file_range -e "inject=copy_file_range:signal=KILL:when=$when" \
				"$MLMAKE" -q > "$T/out" 2> "$T/err" < /dev/null
			mm 0
			for i in 1 2 3; do
				holds dir/$i $i
				echo "mine $when $i" > "$T/mine"
				in_git "$shm/.git" "$T/mine"
			done
		done
	else
		skip 'killed while an output is copied aside there' 'strace does not work here'
	fi
else
	skip 'the git directory on another file system' 'no /dev/shm'
fi
finish
