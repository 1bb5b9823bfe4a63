#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# push and pull to a git host: git over HTTP, payloads by git-lfs.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"
git lfs version > /dev/null 2>&1 || skip_all 'git-lfs is not installed'
have_python || skip_all 'python3 is not installed'

serve() {
	python3 "$srcdir/tests/shell/forge.py" "$T/forge" "$port" me:geheim > "$T/forge.log" 2>&1 &
	serving=$!
	until grep -q '^ready' "$T/forge.log"; do
		alive "$serving" || return 1
		sleep 0.02
	done
	started="$started $serving"
}
mkdir "$T/forge"
a_port serve || skip_all "the git host does not start: $(tail -n 1 "$T/forge.log")"
repository() { git init -q --bare "$T/forge/$1.git"; git -C "$T/forge/$1.git" config http.receivepack true; }
# A credential helper, as a user would have one.
GIT_CONFIG_GLOBAL=$T/gitconfig
git config --file "$GIT_CONFIG_GLOBAL" credential.helper '!f() { echo username=me; echo password=geheim; }; f'
git config --file "$GIT_CONFIG_GLOBAL" lfs.transfer.maxretries 1
git config --file "$GIT_CONFIG_GLOBAL" lfs.transfer.maxretrydelay 1
HOST=http://127.0.0.1:$port

begin 'what one clone built and pushed, another that pulls puts in place'
repository one
shared_project a "$HOST/one.git" 'lfs = yes'
mm 0 push -n
said "would send $FILES files"
missing "$T/forge/requests"
mm 0 push
said "^lab: sent $FILES files \(1\.4 MiB\)$"
said '^lab: lineage: 1 chain new$'
is "$(find "$T/forge/payloads" -type f | wc -l)" "$FILES" 'payloads there'
clone_of a b
mm 0 pull
said "^lab: fetched $FILES files "
mm 0
ran
same_results a
mm 0 pull
said "$FILES were here"
is "$(find .git/mlmake/arriving -mindepth 1 | wc -l)" 0 'what was arriving'

begin 'nothing is configured and nothing is left in the repository or the store'
is "$(git config --local --get-regexp 'lfs|remote.lab')" ''
missing .git/lfs
missing .git/mlmake/tmp
is "$(git for-each-ref refs/mlmake/keep refs/mlmake/sending)" ''

begin 'pointers keep the payloads alive there, in commits of their own'
keep=$(git -C "$T/forge/one.git" for-each-ref --format='%(refname)' refs/mlmake/keep)
is "$(git -C "$T/forge/one.git" ls-tree -r --name-only "$keep" | wc -l)" "$FILES" 'pointers'
one=$(git -C "$T/forge/one.git" ls-tree -r --name-only "$keep" | head -n 1)
git -C "$T/forge/one.git" show "$keep:$one" > "$T/pointer"
git lfs pointer --check --file "$T/pointer" || fail 'that is no pointer'
is "$(git -C "$T/forge/one.git" rev-list --objects refs/mlmake/log/* | cut -d' ' -f1 |
	git -C "$T/forge/one.git" cat-file --batch | grep -c '^version https://git-lfs')" 0 'pointers in the lineage'
in_project a
echo 'size = 8' > params.ini
mm 0
git commit -q -a -m 'Larger'
mm 0 push
said "^lab: sent $FILES files "
is "$(git -C "$T/forge/one.git" ls-tree -r --name-only "$keep" | wc -l)" $((2 * FILES)) 'pointers'

begin 'two clones push and have all of both'
in_project b
echo 'size = 9' > params.ini
mm 0
mm 0 push
said "^lab: sent $FILES files "
is "$(git -C "$T/forge/one.git" for-each-ref refs/mlmake/keep | wc -l)" 2 'lists of pointers'
clone_of a c
mm 0 pull --all
said "^lab: fetched $((3 * FILES)) files "

begin 'what comes corrupt or cut off is refused, and nothing of it enters the store'
for fault in corrupt short; do
	echo "$fault" > "$T/forge/fault"
	clone_of a "$fault"
	mm 1 pull
	said 'does not hash to its name there and was refused|is not there'
	is "$(find .git/mlmake/objects -type f 2> /dev/null | wc -l)" 0 'objects'
	rm "$T/forge/fault"
	mm 0 pull
	said "^lab: fetched $FILES files "
done

begin 'a payload that is gone there'
gone=$T/forge/payloads/$(objects "$T/w/a/.git/mlmake/objects" | head -n 1)
mv "$gone" "$T/kept"
clone_of a d
mm 1 pull --all
said 'is not there; whoever has it can send it: .mlmake push --all.'
in_project a
mm 0 push --all
is "$(sha "$gone")" "${gone##*/}" 'what was sent anew'
in_project d
mm 0 pull --all
said '^lab: fetched 1 file '

begin 'a host that fails in the middle: not taken for one that does not have it, and what arrived counts'
clone_of a fails
echo fails > "$T/forge/fault"
mm 2 pull
said "remote 'lab': git-lfs could not fetch payloads: the host itself fails: try again later"
said_not 'is not there'
said "mlmake: $((FILES - 1)) files arrived before and stay there"
rm "$T/forge/fault"
mm 0 pull
said "^lab: fetched 1 file .*, $((FILES - 1)) were here$"

begin 'a host that is full, or does not let us write: what it is, and nothing half-done'
repository two
shared_project e "$HOST/two.git" 'lfs = yes'
echo full > "$T/forge/fault"
rm -f "$T"/forge/payloads/*
mm 2 push
said "remote 'lab': git-lfs could not send payloads"
is "$(git -C "$T/forge/two.git" for-each-ref)" ''
echo refuse > "$T/forge/fault"
mm 2 push
rm "$T/forge/fault"
mm 0 push
said "^lab: sent $FILES files "

begin 'a byte flipped in the store is not uploaded'
repository three
shared_project f "$HOST/three.git" 'lfs = yes'
file=$(find .git/mlmake/objects -type f | head -n 1)
rm -f "$T"/forge/payloads/*
chmod u+w "$file" && printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
: > "$T/forge/requests"
mm 1 push
said 'does not hash to its name here'
is "$(grep -c "${file##*/}" "$T/forge/requests")" 0 'requests about it'

begin 'a password in the url works, is warned of and never shown'
repository four
: > "$GIT_CONFIG_GLOBAL"
shared_project g "http://me:geheim@127.0.0.1:$port/four.git" 'lfs = yes'
mm 0 push
said "^lab: sent $FILES files "
said_not geheim
mm 0 push --json
said_not geheim
mm 0 lint
said 'holds a password'
said_not geheim
sed -i 's|me:geheim|me:falsch|' mlmake.ini
GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=true mm 2 push
said_not falsch
said 'does not take this user and password|Authentication failed'
sed -i 's|me:falsch@||; s|four|nowhere|' mlmake.ini
git config --file "$GIT_CONFIG_GLOBAL" credential.helper '!f() { echo username=me; echo password=geheim; }; f'
mm 2 push
said 'there is no such repository, or you may not see it'

begin 'without lfs, and lfs where it makes no sense'
sed -i '/^lfs/d' mlmake.ini
mm 2 push
said "is a git host, which keeps large files by git-lfs: write 'lfs = yes' below it"
sed -i 's|^url = .*|url = ../x\nlfs = yes|' mlmake.ini
mm 2 push
said 'is a directory, which keeps large files as they are'

python=python3
[ ! -x "${builddir:-.}/giftless/bin/python" ] || python=$builddir/giftless/bin/python
if "$python" -c 'import giftless' 2> /dev/null; then
	begin 'a real LFS server, at a URL of its own'
	cat > "$T/giftless.yaml" <<-END
	AUTH_PROVIDERS:
	  - giftless.auth.allow_anon:read_write
	END
	cat > "$T/serve.py" <<-'END'
	import sys
	from wsgiref.simple_server import make_server
	from giftless.app import init_app
	server = make_server("127.0.0.1", int(sys.argv[1]), init_app())
	print("ready", flush=True)
	server.serve_forever()
	END
	real() {
		mkdir -p "$T/giftless"
		(cd "$T/giftless" && GIFTLESS_CONFIG_FILE=$T/giftless.yaml exec "$python" "$T/serve.py" "$port") > "$T/giftless.log" 2>&1 &
		serving=$!
		until grep -q '^ready' "$T/giftless.log"; do
			alive "$serving" || return 1
			sleep 0.02
		done
		started="$started $serving"
	}
	if a_port real; then
		repository five
		shared_project h "$HOST/five.git" "lfs = http://127.0.0.1:$port/team/five.git/info/lfs"
		mm 0 push
		said "^lab: sent $FILES files "
		is "$(find "$T/giftless" -type f | wc -l)" "$FILES" 'payloads there'
		clone_of h i
		mm 0 pull
		said "^lab: fetched $FILES files "
		: > "$COUNT"
		mm 0
		ran
		same_results h
		file=$(find "$T/giftless" -type f | head -n 1)
		chmod u+w "$file"
		printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
		clone_of h j
		mm 1 pull
		said 'does not hash to its name there and was refused'
	else
		fail "giftless does not start: $(tail -n 3 "$T/giftless.log")"
	fi
else
	skip 'a real LFS server, at a URL of its own' 'the Python package giftless is not installed'
fi

finish
