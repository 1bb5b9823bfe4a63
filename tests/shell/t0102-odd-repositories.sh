#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Repositories of all kinds: right, or refused with a clear word before anything is written.
. "${srcdir:-.}/tests/shell/lib.sh"

# fill: a project of one stage, committed; from where one stands.
fill() {
	cat > mlmake.ini <<-'END'
	[stage a]
	cmd  = cp {{data}} {{outs}}; echo a >> "$COUNT"
	data = in.txt
	outs = out.txt
	END
	echo hi > in.txt
	echo out.txt > .gitignore
	git add . && git commit -q -m 1
}
make() { mkdir -p "$T/w/$1" && cd "$T/w/$1" || exit 1; shift; git init -q -b main "$@" . && fill; }
source_of() { git ls-tree -r --name-only "$(git for-each-ref --format='%(objectname)' refs/mlmake/log)" source | tr '\n' ' '; }

begin 'in a bare repository and inside .git nothing is done'
make src
git clone -q --bare . ../bare.git && cd ../bare.git && cp ../src/mlmake.ini ../src/in.txt . || exit 1
mm 2
said 'is a git directory and no work tree'
missing .mlmake; missing out.txt; missing mlmake
mkdir "$T/w/src/.git/sub" && cd "$T/w/src/.git/sub" && cp ../../mlmake.ini ../../in.txt . || exit 1
mm 2
said 'is a git directory'
missing out.txt; missing ../mlmake
cd "$T/w/src" && rm -rf .git/sub

begin 'a work tree of a bare repository'
rm ../bare.git/mlmake.ini ../bare.git/in.txt
git -C ../bare.git worktree add -q ../of-bare main && cd ../of-bare || exit 1
: > "$COUNT"; mm 0; ran a
exists ../bare.git/mlmake/secret
mm 0 gc; mm 0 fsck; mm 0 log; said 'done'

begin 'a shallow clone builds and fetches nothing; gc refuses'
cd "$T/w/src" && echo 2 > in.txt && git commit -q -a -m 2
git clone -q --depth 1 "file://$T/w/src" ../shallow && cd ../shallow || exit 1
mm 0; mm 0 log; said done; mm 0 fsck; mm 0 checkout HEAD
mm 2 gc; said 'is shallow'
git fetch -q --unshallow; mm 0 gc

begin 'a partial clone: what it lacks is said, and not fetched unasked'
cd "$T/w/src" && git config uploadpack.allowFilter true
mm 0 -q; git add . && git commit -q -m 3
echo 4 > in.txt; mm 0 -q; git add . && git commit -q -m 4
git clone -q --filter=blob:none "file://$T/w/src" ../partial && cd ../partial || exit 1
mm 0; echo more >> in.txt; mm 0
lock=$(git rev-parse HEAD~1:mlmake.lock)
mm 2 checkout HEAD~1; said "lacks object $lock, for it is a partial clone"
refuse 'it is fetched' env GIT_NO_LAZY_FETCH=1 git -c remote.origin.promisor=false cat-file -e "$lock"
mm 2 gc; said 'is partial'
git cat-file -e "$lock"; git cat-file -e HEAD~1:in.txt; mm 0 checkout HEAD~1 --allow-missing

begin 'repositories that use SHA-256, or extensions that nobody knows: refused, and nothing is written'
if git init -q --object-format=sha256 "$T/w/probe" 2> /dev/null; then
	make sha256 --object-format=sha256
	mm 2; said 'names its objects by SHA-256'
	missing .git/mlmake; missing out.txt
	printf '[hook post-commit]\n' >> mlmake.ini
	mm 2 hook install; said 'names its objects by SHA-256'
	missing .git/hooks/post-commit
fi
make extension
git config core.repositoryformatversion 1; git config extensions.frobnicate true
mm 2; said 'extensions.frobnicate'
missing .git/mlmake; missing out.txt

begin 'known extensions'
make known
git config core.repositoryformatversion 1
git config extensions.worktreeConfig true; git config extensions.preciousObjects true
mm 0; mm 0 log; said done; mm 0 gc

begin 'split index'
make split
git update-index --split-index; echo more > b; git add b
mm 0; said '1 ran'
is "$(source_of)" 'source/.gitignore source/b source/in.txt source/mlmake.ini ' 'source'
mm 0 log; said 'with changes'
mm 0 diff; cp "$T/out" "$T/diff"; mm 0 diff HEAD; cat "$T/out" >> "$T/diff"; mm 0 show; cat "$T/out" >> "$T/diff"
git update-index --no-split-index
mm 0 diff; cp "$T/out" "$T/plain"; mm 0 diff HEAD; cat "$T/out" >> "$T/plain"; mm 0 show; cat "$T/out" >> "$T/plain"
check 'diff and show say the same' diff "$T/plain" "$T/diff"
check 'they say something' grep -q '+more' "$T/plain"
git update-index --split-index; touch in.txt; mm 0 diff HEAD; said_not 'in.txt'
git commit -q -m b; echo 3 > in.txt; git commit -q -a -m 3; mm 0; mm 0 log -n 1; said_not 'with changes'
mm 0 gc; mm 0 fsck
git add -f out.txt; echo 5 > in.txt
mm 2; said 'tracked by git'

begin 'sparse checkout and index'
make sparse
mkdir d1 d2; echo 1 > d1/f; echo 2 > d2/f; git add . && git commit -q -m 2
if git sparse-checkout set --sparse-index d1 2> /dev/null; then
	mm 0; said_not warning
	mm 0 log; said_not 'with changes'
	echo dirty >> in.txt; mm 0
	is "$(source_of)" 'source/.gitignore source/d1/f source/d2/f source/in.txt source/mlmake.ini ' 'source'
	mm 0 diff HEAD; said 'in.txt'; said_not 'd2/f'; mm 0 show; said_not 'd2/f'
	mm 0 gc; mm 0 checkout HEAD
fi

begin 'submodules: a project in one, and around some'
make super
git -c protocol.file.allow=always submodule add -q "$T/w/src" sub && git commit -q -m sub
: > "$COUNT"; mm 0; ran a
(cd sub && "$MLMAKE" && echo q >> in.txt && "$MLMAKE" && "$MLMAKE" gc && "$MLMAKE" fsck) > "$T/out" 2>&1 || fail 'not in a submodule'
exists .git/modules/sub/mlmake/secret; missing sub/.mlmake
printf '[hook post-commit]\n' >> sub/mlmake.ini
(cd sub && mm 0 hook install && git commit -q -a -m q && mm 0 hook watch && said "done +.* $(git rev-parse --short=9 HEAD)" && said_not warning
	mm 0 hook uninstall; exit "$bad") || bad=1
sed -i 's|^cmd *= |&cat sub/in.txt; |' mlmake.ini; echo z > in.txt; git commit -q -a -m 'reads it'
mm 0; git add mlmake.lock; git commit -q -m built
echo more >> sub/in.txt
mm 0 reproduce HEAD --dir ../again; said identical; said_not 'left empty'
is "$(cat ../again/sub/in.txt)" "$(git -C sub show HEAD:in.txt)" 'what the submodule had'
mkdir -p dir; git -c protocol.file.allow=always submodule add -q "$T/w/src" dir/other
printf '[hook post-commit]\n' >> mlmake.ini; sed -i 's|^cmd *= |&cat dir/other/in.txt; |' mlmake.ini
sed -i 's|{{outs}}|& \&\& find sub dir -type f \| sort \| xargs sha256sum > "$T/found"|' mlmake.ini
mm 0 hook install
git commit -q -a -m 'a second one, below a directory'
mm 0 hook watch # what reproduce fills, the tree of a hook's build has, too
mm 0 hook log "$(git rev-parse HEAD)"; said 'done'; said_not 'left empty'
is "$(cat "$T/found")" "$(git submodule -q foreach --quiet "git ls-tree -r --name-only HEAD | sort | while read -r f; do echo \$(git show HEAD:\$f | sha256sum | cut -c1-64)'  '\$sm_path/\$f; done" | sort -k 2)" 'what the submodules had'
mm 0 hook uninstall
git clone -q . ../alone; cd ../alone || exit 1
mm 1 reproduce HEAD
said "warning: submodule 'sub' is left empty, for its commit [0-9a-f]{9} is not here; .git submodule update --init. fetches it"

begin 'core.ignorecase, a detached HEAD, no commit yet, a git directory elsewhere, alternates'
make ignorecase; git config core.ignorecase true; mm 0; mm 0 gc
make detached; git checkout -q --detach; mm 0; mm 0 log; said done; mm 0 gc; mm 0 fsck
mkdir "$T/w/unborn" && cd "$T/w/unborn" && git init -q -b main . && cp ../src/mlmake.ini ../src/in.txt . || exit 1
mm 0; mm 0 log; said 'no commit'; mm 0 gc; mm 0 fsck
mkdir "$T/w/apart" && cd "$T/w/apart" && git init -q -b main --separate-git-dir "$T/w/apart.git" . && fill
mm 0; exists "$T/w/apart.git/mlmake/secret"; mm 0 gc; mm 0 fsck
git clone -q -s "$T/w/src" ../alternates && cd ../alternates || exit 1
echo 7 > in.txt; mm 0; mm 0 gc; mm 0 fsck

begin 'inside a hook: the variables of git lead nobody astray'
make hook
printf '#!/bin/sh\nexec "%s" -q\n' "$MLMAKE" > .git/hooks/post-commit; chmod +x .git/hooks/post-commit
echo 5 > in.txt; git commit -q -a -m 5
holds out.txt 5
echo 6 > in.txt
GIT_DIR=/nonexistent GIT_WORK_TREE=/ GIT_COMMON_DIR=/nonexistent GIT_INDEX_FILE="$T/none" "$MLMAKE" -q > "$T/out" 2>&1 || fail 'with variables'
holds out.txt 6; missing "$T/none"

begin 'unusual names'
make names
cat > mlmake.ini <<'END'
[stage a]
cmd  = mkdir -p {{outs}}; cp -- {{data}} {{outs}}/; echo a >> "$COUNT"
data = "with blank and 'quote'" "-dash" "ünïcode ☃"
outs = "out put/d'ir"
END
printf 1 > "with blank and 'quote'"; printf 2 > ./-dash; printf 3 > 'ünïcode ☃'
long=$(printf '%0200d' 0); mkdir -p "$long"
mm 0 lint
mm 0; mm 0 fsck; mm 0 gc
exists "out put/d'ir/-dash"
rm -rf 'out put'; mm 0; exists "out put/d'ir/ünïcode ☃"

another='a checkout of another user: reading works where git allows it, a build is refused'
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null 2>&1 && chmod 755 "$T" "$T/w" && [ -x "$MLMAKE" ] &&
	setpriv --reuid 65534 --clear-groups test -x "$MLMAKE" 2> /dev/null; then
	begin "$another"
	make readonly; mm 0 -q
	setpriv --reuid 65534 --clear-groups "$MLMAKE" status > "$T/out" 2>&1 || fail 'status does not read'
	said 'fresh'
	setpriv --reuid 65534 --clear-groups "$MLMAKE" > "$T/out" 2>&1 && fail 'it builds'
	said 'nothing can be written in this checkout'
	make theirs; chown -R 65534 .
	mm 2; said 'belongs to another user'
	missing .git/mlmake; missing out.txt
	printf '[safe]\n\tdirectory = *\n' > "$HOME/.gitconfig"
	mm 2; rm "$HOME/.gitconfig"
else
	skip "$another" 'only root can be another user here'
fi

full='a full disk in the git directory: an error, and the next build is right'
mkdir "$T/full"
if mount -t tmpfs -o size=300k tmpfs "$T/full" 2> /dev/null; then
	begin "$full"
	mkdir "$T/w/disk" && cd "$T/w/disk" && git init -q -b main --template= --separate-git-dir "$T/full/git" . && fill
	cat >> mlmake.ini <<-'END'
	[stage b]
	cmd  = head -c 400000 /dev/urandom > {{outs}}
	outs = b.bin
	END
	mm 1
	said 'No space left'
	mount -o remount,size=4m "$T/full"
	mm 0; mm 0 fsck; mm 0 gc
	cd / && umount "$T/full"
else
	skip "$full" 'a file system in memory cannot be mounted here'
fi
finish
