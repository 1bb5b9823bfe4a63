#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# push and pull through rclone, to a WebDAV server of its own.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"
command -v rclone > /dev/null || skip_all 'rclone is not installed'

serve() {
	rclone serve webdav --dir-cache-time=0 --addr "127.0.0.1:$port" --user me --pass geheim "$T/cloud" > "$T/rclone.log" 2>&1 &
	serving=$!
	until curl_ok || grep -q 'Started\|started on\|Serving' "$T/rclone.log"; do
		alive "$serving" || return 1
		sleep 0.02
	done
	started="$started $serving"
}
curl_ok() { rclone lsf ":webdav,url=\"http://127.0.0.1:$port\",vendor=other,user=me,pass=$PASS:" > /dev/null 2>&1; }
mkdir "$T/cloud"
RCLONE_CONFIG=$T/rclone.conf
export RCLONE_CONFIG
: > "$RCLONE_CONFIG"
PASS=$(rclone obscure geheim)
a_port serve || skip_all "rclone does not serve WebDAV: $(tail -n 1 "$T/rclone.log")"
cat > "$RCLONE_CONFIG" <<END
[cloud]
type = webdav
url = http://127.0.0.1:$port
vendor = other
user = me
pass = $PASS
END
THERE=$T/cloud/team/churn

begin 'what one clone built and pushed, another that pulls puts in place'
shared_project a rclone:cloud:team/churn
mm 0 push -n
said "would send $FILES files"
is "$(ls "$T/cloud")" ''
mm 0 push
said "^lab: sent $FILES files \(1\.4 MiB\)$"
said '^lab: lineage: 1 chain new$'
is "$(find "$THERE/objects" -type f | wc -l)" "$FILES" 'files there'
is "$(find "$THERE/lineage" -name '*.bundle' | wc -l)" 1 'bundles'
git bundle verify "$(find "$THERE/lineage" -name '*.bundle')" > "$T/check" 2>&1 || fail 'the bundle is none'
clone_of a b
mm 0 pull
said "^lab: fetched $FILES files "
mm 0
ran
same_results a
mm 0 pull
said "$FILES were here"
said '1 chain the same'

begin 'runs come one after another, and a bundle holds only what is new'
in_project a
for size in 8 9; do
	echo "size = $size" > params.ini
	mm 0
	git commit -q -a -m "Size $size"
	mm 0 push
	said '1 chain brought up to date'
done
is "$(find "$THERE/lineage" -name '*.bundle' | wc -l)" 3 'bundles'
in_project b
git pull -q
mm 0 pull
said '1 chain brought up to date'
: > "$COUNT"
mm 0
ran
same_results a
clone_of a c
mm 0 pull
said '1 chain new'
is "$(git for-each-ref --format='%(objectname)' refs/mlmake/log)" \
	"$(git -C "$T/w/a" for-each-ref --format='%(objectname)' refs/mlmake/log)" 'the chain'

begin 'a server that goes away in the middle: not taken for one that does not have the rest, and what arrived counts'
mkdir "$T/bin"
cat > "$T/bin/rclone" <<END
#!/bin/sh
$(command -v rclone) "\$@" || exit
case \$* in *cloud:*/objects*/in)
	for last do :; done
	rm "\$(find "\$last" -type f | sort | head -n 1)"
	echo 'dial tcp 127.0.0.1:1: connect: connection refused' >&2
	exit 1
esac
END
chmod +x "$T/bin/rclone"
clone_of a away
PATH=$T/bin:$PATH mm 2 pull
said "remote 'lab': rclone could not fetch payloads: the host is there and nothing listens"
said_not 'is not there'
said "mlmake: $((FILES - 1)) files arrived before and stay there"
mm 0 pull
said "^lab: fetched 1 file .*, $((FILES - 1)) were here$"

begin 'two writers'
in_project c
echo 'size = 10' > params.ini
mm 0
mm 0 push
said '1 chain new, 1 chain the same'
in_project a
mm 0 pull --lineage
said '1 chain new, 1 chain the same'

begin 'what was cut off or damaged there is noticed'
file=$(find "$THERE/objects" -type f | head -n 1)
chmod u+w "$file" && truncate -s 1000 "$file"
mm 0 push --all --allow-missing
said '^lab: sent 1 file '
is "$(sha "$file")" "${file##*/}"
chmod u+w "$file" && printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
clone_of a d
mm 1 pull --all
said 'does not hash to its name there and was refused'
missing "$file"
exists "$THERE/corrupt/${file##*/}"
in_project a
mm 0 push --all --allow-missing
said '^lab: sent 1 file '
in_project d
mm 0 pull --all
said '^lab: fetched 1 file '

begin 'a bundle that is damaged is an error that changes nothing; one that is cut off is no run'
bundle=$(find "$THERE/lineage" -name '*.bundle' | sort | tail -n 1)
cp "$bundle" "$T/kept"
chmod u+w "$bundle"
printf 'XXXXXXXXXXXXXXXX' | dd of="$bundle" bs=1 seek=$(($(wc -c < "$bundle") - 60)) conv=notrunc 2> /dev/null
clone_of a e
mm 2 pull --lineage
said 'damaged'
is "$(git for-each-ref refs/mlmake)" ''
cp "$T/kept" "$bundle"
clone_of a f
mm 0 pull --lineage
said '2 chains new'
head -c 300 "$T/kept" > "$bundle"
shorter() { rclone lsf --format sp -R cloud:team/churn/lineage | grep -q "^300;"; }
until_true 'the server sees that the file is shorter' shorter
clone_of a f2
mm 0 pull --lineage
said '1 chain new|2 chains new'
cp "$T/kept" "$bundle"
whole() { ! shorter; }
until_true 'the server sees that the file is whole' whole

begin 'many pushes are put together'
in_project a
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	echo "size = 1$i" > params.ini
	mm 0 few
	mm 0 push few
done
[ "$(find "$THERE/lineage" -name '*.0.*.bundle' | wc -l)" -gt 2 ] || fail 'no bundle holds everything'
clone_of a g
mm 0 pull --lineage
is "$(git rev-list --count --glob=refs/mlmake/log)" "$(git -C "$T/w/a" rev-list --count --glob=refs/mlmake/log)" 'commits'

begin 'errors'
in_project a
git checkout -q .
sed -i 's|^url = .*|url = rclone:clod:x|' mlmake.ini
mm 2 push
said 'rclone has no remote of that name'
sed -i "s|^url = .*|url = rclone::webdav,url=\"http://127.0.0.1:$port\",user=me,pass=falsch:x|" mlmake.ini
mm 2 push
said_not falsch
sed -i "s|^url = .*|url = rclone::webdav,url=\"http://127.0.0.1:1\":x|" mlmake.ini
mm 2 push
said 'nothing listens'
git checkout -q mlmake.ini

finish
