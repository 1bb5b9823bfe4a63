#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# push and pull over ssh, with a real sshd.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"
a_sshd

begin 'what one clone built and pushed, another that pulls puts in place'
shared_project a "ssh://lab$T/far/away" 
mm 2 pull
said "remote 'lab': the directory '$T/far/away' is not there on 'lab'; .mlmake push. makes it"
mm 0 push -n
said "would send $FILES files"
missing "$T/far"
mm 0 push
said "^lab: sent $FILES files \(1\.4 MiB\)$"
said '^lab: lineage: 1 chain new$'
is "$(find "$T/far/away/objects" -type f | wc -l)" "$FILES" 'files there'
is "$(find "$T/far/away/objects" -type f ! -perm 444 | wc -l)" 0 'files that can be written to'
is "$(ls "$T/far/away/arriving")" '' 'what was arriving'
clone_of a b
mm 0 pull
said "^lab: fetched $FILES files "
mm 0
ran
same_results a
mm 0 pull
said "$FILES were here"

begin 'a path with blanks, quotes and what a shell would run'
shared_project q "lab:it's \"a\" \$(touch $T/pwned) ; \`touch $T/pwned\` * path"
HOME_THERE=$(ssh -F "$T/ssh/config" lab 'pwd')
mm 0 push
missing "$T/pwned"
exists "$HOME_THERE/it's \"a\" \$(touch $T/pwned) ; \`touch $T/pwned\` * path/lineage.git/HEAD"
clone_of q q2
mm 0 pull
mm 0
ran
same_results q
rm -rf "$HOME_THERE/it's \"a\" \$(touch $T/pwned) ; \`touch $T/pwned\` * path"

begin 'damage there and on the way is refused, and sent again'
in_project a
file=$(find "$T/far/away/objects" -type f | head -n 1)
chmod u+w "$file" && printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
clone_of a c
mm 1 pull
said 'does not hash to its name there and was refused'
missing "$file"
exists "$T/far/away/corrupt/${file##*/}"
in_project a
mm 0 push --all
said '^lab: sent 1 file '
chmod u+w "$file" && truncate -s 1000 "$file"
mm 0 push --all
said '^lab: sent 1 file '
is "$(sha "$file")" "${file##*/}"
in_project c
mm 0 pull
said '^lab: fetched 1 file '

begin 'a host that is not there, one that does not let in, a key that is not the one'
in_project a
sed -i "s|^url = .*|url = ssh://nobody.invalid/x|" mlmake.ini
mm 2 push
said "remote 'lab': the connection to 'nobody.invalid' ended: the host is not known: check its name"
sed -i "s|^url = .*|url = ssh://127.0.0.1:1/x|" mlmake.ini
mm 2 push
said 'the host is there and nothing listens at that port'
git checkout -q mlmake.ini
mv "$T/ssh/authorized" "$T/ssh/kept"; : > "$T/ssh/authorized"
mm 2 push
said "the host does not let you in: check the user in the url and your ssh key"
mv "$T/ssh/kept" "$T/ssh/authorized"

begin 'a connection that is lost on the way: what arrived counts, and the next push goes on from there'
shared_project lost "ssh://lab$T/lost"
plain=$GIT_SSH_COMMAND
printf 'dd bs=1 count=950000 2> /dev/null | ssh -F "%s" "$@"\n' "$T/ssh/config" > "$T/ssh/cut.sh"
GIT_SSH_COMMAND="sh '$T/ssh/cut.sh'" mm 2 push
said "remote 'lab': the connection to 'lab' ended"
n=$(find "$T/lost/objects" -type f | wc -l)
[ "$n" -gt 0 ] && [ "$n" -lt "$FILES" ] || fail "$n files arrived"
for file in $(find "$T/lost/objects" -type f); do is "$(sha "$file")" "${file##*/}"; done
is "$(git --git-dir="$T/lost/lineage.git" for-each-ref)" '' 'chains'
GIT_SSH_COMMAND=$plain
mm 0 push
said "^lab: sent $((FILES - n)) files?"
is "$(ls "$T/lost/arriving")" '' 'what was arriving'
clone_of lost found
mm 0 pull
: > "$COUNT"
mm 0
same_results lost

begin 'a program there that is not what it seems, and a noisy login'
printf 'echo Welcome; echo; ssh -F "%s" "$@"\n' "$T/ssh/config" > "$T/ssh/noisy.sh"
in_project found
GIT_SSH_COMMAND="sh '$T/ssh/noisy.sh'" mm 0 pull -n --lineage
rm -rf .git/mlmake/objects
printf 'case $* in *mlmake-far*) echo mlmake-far 1 git; yes;; *) ssh -F "%s" "$@";; esac\n' "$T/ssh/config" > "$T/ssh/liar.sh"
GIT_SSH_COMMAND="sh '$T/ssh/liar.sh'" mm 2 pull
said "answers what makes no sense|the connection to 'lab' ended"

begin 'a disk that is full there: what arrived counts'
if [ "$(id -u)" = 0 ] && mkdir -p "$T/full" && mount -t tmpfs -o size=900k none "$T/full" 2> /dev/null; then
	shared_project full "ssh://lab$T/full/x"
	mm 2 push
	said 'the disk is full there'
	said 'files? arrived before and stays? there'
	n=$(find "$T/full/x/objects" -type f | wc -l)
	[ "$n" -gt 0 ] || fail 'nothing arrived'
	for f in $(find "$T/full/x/objects" -type f); do is "$(sha "$f")" "${f##*/}"; done
	missing "$T/full/x/lineage.git/refs/mlmake"
	mount -o remount,size=9000k "$T/full"
	mm 0 push
	said "^lab: sent $((FILES - n)) files?"
	in_project a
	umount "$T/full"
else
	skip 'a disk that is full there' 'only root can mount a small one'
fi

finish
