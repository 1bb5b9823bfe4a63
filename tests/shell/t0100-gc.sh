#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# gc takes what nobody needs and nothing else; with --keep-runs and --keep also old results, and says which.
. "${srcdir:-.}/tests/shell/lib.sh"

# big NAME: a project whose one stage makes a file of n bytes, too large for git.
big() {
	new_project "$1" <<-'END'
	[project]
	params = params.ini
	[stage big]
	cmd  = head -c {{n}} /dev/zero | tr '\0' {{c}} > {{outs}}; echo big >> "$COUNT"
	outs = out
	END
	printf 'out\n' > .gitignore
}
# make N: builds with that size.
make() {
	printf 'n = %s\nc = a\n' "$1" > params.ini
	mm 0 -q
}
# id N: what make N makes. here N, not_here N: is it in the store?
id() { head -c "$1" /dev/zero | tr '\0' a | sha256sum | cut -d' ' -f1; }
object() { i=$(id "$1"); echo ".git/mlmake/objects/$(echo "$i" | cut -c1-2)/$(echo "$i" | cut -c3-4)/$i"; }
here() { exists "$(object "$1")"; }
not_here() { missing "$(object "$1")"; }
# stray N: an object that nothing names.
stray() {
	mkdir -p "$(dirname "$(object "$1")")"
	head -c "$1" /dev/zero | tr '\0' a > "$(object "$1")"
	chmod 444 "$(object "$1")"
}
run_id() { git show "$(git for-each-ref --format='%(objectname)' refs/mlmake/log):run" | sed -n 's/^id //p'; }

big garbage
make 200000; git add . && git commit -q -m 1
make 210000; git commit -q -a -m 2

begin 'what runs name stays, whatever its age'
touch -d '2000-01-01' "$(object 200000)" "$(object 210000)"
mm 0 gc
said '^2 objects needed'
said 'nothing to collect'
here 200000; here 210000

begin 'what nothing names goes to the trash when the grace is over, and from there when it is over again'
stray 300000; stray 310000
touch -d '13 days ago' "$(object 300000)"
touch -d '15 days ago' "$(object 310000)"
mm 0 gc -n
said 'of nobody would go to the trash: 1 object, 303 KiB'
here 310000
mm 0 gc
said 'of nobody go to the trash: 1 object, 303 KiB'
said '1 object that nothing names kept, for the grace is not over'
here 300000; not_here 310000
exists ".git/mlmake/trash/$(id 310000)"
mm 0 gc
exists ".git/mlmake/trash/$(id 310000)"
touch -d '15 days ago' ".git/mlmake/trash/$(id 310000)"
mm 0 gc
said 'from the trash go for good: 1 object'
missing ".git/mlmake/trash/$(id 310000)"
here 300000
mm 0 gc --grace=1d
not_here 300000

begin 'what is in the trash is found there, and put back when it is made again'
touch -d '2000-01-01' "$(object 210000)"
make 300000
here 300000
mm 0 gc --grace=0
here 300000; missing ".git/mlmake/trash/$(id 300000)"

begin 'a needed object that lies in the trash is put back'
mkdir -p .git/mlmake/trash; mv "$(object 200000)" ".git/mlmake/trash/$(id 200000)"
rm out
mm 0 gc
said '1 object of the trash needed again'
here 200000
mv "$(object 200000)" ".git/mlmake/trash/$(id 200000)"
mm 0 checkout HEAD~1
is "$(sha out)" "$(id 200000)" 'out'
here 200000

begin 'leftovers of killed writers and old corrupt objects go'
: > .git/mlmake/incoming/1.2.3
: > .git/mlmake/corrupt/x; touch -d '20 days ago' .git/mlmake/corrupt/x
: > .git/mlmake/corrupt/y
printf 'mlmake: a run that is not recorded yet\n' > .git/objects/pack/pack-1111111111111111111111111111111111111111.keep
echo mine > .git/objects/pack/pack-2222222222222222222222222222222222222222.keep
mm 0 gc
missing .git/mlmake/incoming/1.2.3; missing .git/mlmake/corrupt/x; exists .git/mlmake/corrupt/y
missing .git/objects/pack/pack-1111111111111111111111111111111111111111.keep
exists .git/objects/pack/pack-2222222222222222222222222222222222222222.keep

begin 'old results: told by stage, path, run, commit and bytes; without a remote they stay'
big old
make 200000; git add . && git commit -q -m 1
make 190000; first=$(run_id)
make 210000; second=$(run_id)
make 220000
mm 0 gc --keep-runs=1
said "^run $first of 20"
said "^run $second of 20..-..-.., commit $(git rev-parse HEAD | cut -c1-10) with changes"
said '^  keeps  205 KiB    out of big$'
said '2 objects of old runs kept'
here 190000; here 200000; here 210000

begin '--force takes them, says how they come back, and so does whoever looks for them'
mm 0 gc --keep-runs=1 --force -n
said '^  loses  205 KiB    out of big$'
said "mlmake reproduce $second --stage big. makes it anew"
here 210000
mm 0 gc --keep-runs=1 --force --grace=0
not_here 210000; here 220000
missing .git/mlmake/trash/"$(id 210000)"
mm 1 checkout "$second"
said "mlmake gc. took it on 20..-..-.., as an old result of run $second"
said 'mlmake reproduce .* makes it anew'
mm 0 reproduce "$second"
said '1 identical'

begin 'the lock that HEAD has is not old'
here 200000
mm 0 checkout HEAD

begin 'whatever has a lock keeps what it names: branches, tags, remote branches, stashes, indexes, work trees'
big held
make 200000; git add . && git commit -q -m 0
for n in 201000 202000 203000 204000; do
	git checkout -q -b "b$n" main; make $n; git commit -q -a -m "$n"
done
git tag -a -m tag v1 b202000; git tag v2 v1
git update-ref refs/remotes/origin/b203000 b203000
git checkout -q main; git branch -q -D b203000 b202000
make 205000; git stash -q
make 206000; git add mlmake.lock params.ini; make 207000
git worktree add -q -b other ../held2
(cd ../held2 && printf 'n = 208000\nc = a\n' > params.ini && "$MLMAKE" -q && "$MLMAKE" gc --keep-runs=0 --force --grace=0) > "$T/out" 2>&1 ||
	fail 'a work tree cannot build and collect'
for n in 200000 201000 202000 203000 204000 205000 206000 207000 208000; do here $n; done

begin 'and when it is gone, what it named goes'
git branch -q -D b201000; git tag -d v1 > /dev/null; git tag -d v2 > /dev/null; git stash drop -q
git worktree remove -f ../held2
git update-ref -d refs/remotes/origin/b203000
mm 0 gc --keep-runs=0 --force --grace=0
for n in 200000 204000 206000 207000; do here $n; done
git branch -q -D other
for n in 201000 202000 203000 205000 208000; do not_here $n; done

begin 'a detached HEAD counts'
git checkout -q -f --detach b204000; git branch -q -D b204000
mm 0 gc --keep-runs=0 --force --grace=0
here 204000

begin '--keep: by age'
mm 0 gc --keep=1h --force -n
said_not 'loses'
mm 0 gc --keep=0 --force -n
said 'nothing to collect'
mm 2 gc --keep=soon
said "not 'soon'"
mm 2 gc --keep-runs=-1

begin 'nothing goes if anything cannot be read'
stray 300000; touch -d '2000-01-01' "$(object 300000)"
echo damaged > .git/refs/heads/broken
mm 2 gc
said "the ref 'refs/heads/broken' cannot be read"
said 'nothing is collected'
rm .git/refs/heads/broken
commit=$(git rev-parse HEAD)
file=.git/objects/$(echo "$commit" | cut -c1-2)/$(echo "$commit" | cut -c3-)
cp "$file" "$T/commit"; chmod 644 "$file"; echo damaged > "$file"
mm 2 gc
rm -f "$file"
mm 2 gc
cp "$T/commit" "$file"
git rev-parse HEAD~ > .git/shallow
mm 2 gc
said 'is shallow'
rm .git/shallow
git config remote.origin.promisor true
mm 2 gc
said 'is partial'
git config --unset remote.origin.promisor
here 300000
mm 0 gc
not_here 300000

begin 'while another mlmake writes, gc waits, or says 75'
mkfifo "$T/go"
cat >> mlmake.ini <<'END'
[stage slow]
cmd  = cat "$T/go" > {{outs}}
outs = slow.txt
END
mm_start slow
until_true 'it runs' grep -q begin .git/mlmake/work/top/journal
mm 75 gc --no-wait
said 'another mlmake is at work in this clone$'
echo done > "$T/go"
mm_end 0
mm 0 gc

begin 'without git'
mkdir "$T/w/plain" && cd "$T/w/plain" || exit 1
printf '[stage big]\ncmd = head -c 200000 /dev/zero > {{outs}}\nouts = out\n' > mlmake.ini
mm 0 gc
said 'nothing to collect'
missing .mlmake/objects
mm 0
mm 0 gc --keep-runs=0 --force --grace=0
said '^1 object needed'
rm out; mm 0
said 'restored|put back'

begin 'JSON'
if have_python; then
	mm 0 gc --json
	is "$(json "$T/out" "d['counts']['needed']['objects']")" 1 'needed'
	is "$(json "$T/out" "d['dry']")" false 'dry'
fi
finish
