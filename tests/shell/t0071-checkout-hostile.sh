#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A lock may have been written by anybody: whatever it names, nothing outside of the project and nothing of git's is written.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[stage a]
cmd  = echo good > {{outs}}
outs = a.txt
END
echo a.txt > .gitignore
mm 0
git add . && git commit -q -m one
id=$(sha a.txt)
mkdir "$T/outside"; echo precious > "$T/outside/x"

# key CMD NAME...: of an instance with this command and these outputs, as record.h says.
key() {
	cmd=$1; shift
	{
		printf 'mlmake-key 3\ncmd %s\n' "$cmd"
		for name do printf 'outs %s\n' "$name"; done
	} | sha256sum | cut -d' ' -f1
}
# lock NAME [SIZE]: commits a lock whose one record has an output of that name (as it is escaped in the lock: $2).
lock() {
	{
		echo '# mlmake.lock 1: what was built from what. Written by mlmake; commit it with the code.'
		echo
		echo '[a]'
		echo "key $(key 'echo good' "$1")"
		echo 'cmd echo good'
		echo "outs ${3:-f} ${4:-$id} ${2:-5} $(printf '%s' "$1" | sed 's/\\/\\\\/g; s/\t/\\t/g')"
		echo
	} > mlmake.lock
	git commit -q -a -m hostile --allow-empty
}
picture() { (cd "$T" && find w outside -not -path '*/.git/*' -printf '%p %y %s %T@\n' | grep -v '/lock$' | grep -v mlmake.lock | sort; sha256sum outside/x); find .git/hooks .git/config .git/HEAD -type f -exec sha256sum '{}' + | sort; }

begin 'the lock that these are made from is a good one'
lock good.txt
mm 0 checkout HEAD
said '1 artifact put back'
holds good.txt good
rm good.txt

for name in ../outside/x ../../outside/x "$T/outside/x" a/../../x .git/hooks/post-commit .GIT/config sub/.git/config \
	'.git /config' 'git~1/config' '.git./config' ./a a//b a/ . '' .git; do
	begin "refused before anything is written: '$name'"
	lock "$name"
	picture > "$T/before"
	mm 2 checkout HEAD
	picture > "$T/after"
	check 'nothing is written' diff "$T/before" "$T/after"
done

begin 'control characters'
tab=$(printf 'a\tb')
lock "$tab"
picture > "$T/before"; mm 2 checkout HEAD; picture > "$T/after"; check 'nothing is written' diff "$T/before" "$T/after"

begin 'a directory on the way is a link out of the project'
lock out/x
ln -s "$T/outside" out
picture > "$T/before"
mm 1 checkout HEAD
said 'refused'; said 'symbolic link'
picture > "$T/after"; check 'nothing is written' diff "$T/before" "$T/after"
rm out

begin 'a directory on the way is a link to git'
lock out/post-commit
ln -s .git/hooks out
mm 1 checkout HEAD
said 'refused'
missing .git/hooks/post-commit
rm out

begin 'the artifact itself is a link: it is replaced, not followed'
lock a.txt
rm -f a.txt; ln -s "$T/outside/x" a.txt
mm 0 checkout HEAD
[ ! -L a.txt ] || fail 'still a link'
holds a.txt good
holds "$T/outside/x" precious

begin 'a size that is not that of the object'
lock b.txt 9223372036854775807
mm 1 checkout HEAD
said '^missing *b.txt'
missing b.txt
lock b.txt 99999999999999999999
mm 2 checkout HEAD
missing b.txt
lock b.txt
mm 0 checkout HEAD # the object is not taken for a damaged one
rm b.txt

begin 'an output that is not there'
lock c.txt 0 -
mm 2 checkout HEAD
missing c.txt

begin 'two records of one instance; one output twice; an output in another'
two() {
	{
		echo '# mlmake.lock 1'; echo
		for r in "$1" "$2"; do
			echo "[${r%%:*}]"; echo "key $(key 'echo good' "${r#*:}")"; echo 'cmd echo good'; echo "outs f $id 5 ${r#*:}"; echo
		done
	} > mlmake.lock
	git commit -q -a -m hostile
}
two a:x b:y; mm 0 checkout HEAD; exists x; exists y; rm x y
two a:x a:y; mm 2 checkout HEAD; said 'two records'; missing x
two a:x b:x; mm 2 checkout HEAD; said 'twice'; missing x
two a:x b:x/y; mm 2 checkout HEAD; said 'lies in'; missing x
two b:x/y a:x; mm 2 checkout HEAD; said 'lies in'; missing x
two a:x/y.z b:x/y; mm 0 checkout HEAD; exists x/y; exists x/y.z

begin 'a record that does not say what its key says is left out'
lock d.txt
sed -i 's/^cmd .*/cmd echo bad/' mlmake.lock; git commit -q -a -m edited
mm 0 checkout HEAD
said 'do not say what their keys say'
missing d.txt

begin 'what is no lock, and a lock cut off'
echo '[a' > mlmake.lock; git commit -q -a -m x; : > mlmake.lock; mm 2 checkout HEAD; said 'mlmake.lock of commit'
printf '[a]\nkey %s\ncmd ec' "$id" > mlmake.lock; git commit -q -a -m x; : > mlmake.lock; mm 2 checkout HEAD
rm mlmake.lock; ln -s /etc/passwd mlmake.lock; git add mlmake.lock; git commit -q -a -m x
rm mlmake.lock; : > mlmake.lock
mm 2 checkout HEAD; said 'no file'

begin 'a commit that would run something when it is looked at runs nothing'
git checkout -q -f HEAD~3 2> /dev/null || git reset -q --hard HEAD~3
git config core.fsmonitor "touch $T/ran-fsmonitor"
echo '*.txt filter=evil' > .gitattributes
git config filter.evil.smudge "touch $T/ran-smudge; cat"
git config filter.evil.clean "touch $T/ran-clean; cat"
mkdir -p .git/hooks; printf '#!/bin/sh\ntouch %s/ran-hook\n' "$T" > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
rm -f "$T"/ran-*
"$MLMAKE" checkout -n HEAD > "$T/out" 2> "$T/err"
"$MLMAKE" checkout HEAD > "$T/out" 2> "$T/err"
for f in "$T"/ran-*; do missing "$f"; done
finish
