#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Images of containers by digest; and what a run ran on, which is recorded and does not count.
. "${srcdir:-.}/tests/shell/lib.sh"

# sha256 of a text, and layout DIR TAG TEXT: adds an image to an OCI layout, whose manifest has the digest $digest.
layout() {
	mkdir -p "$1/blobs/sha256"
	printf '{"imageLayoutVersion": "1.0.0"}' > "$1/oci-layout"
	printf '{"schemaVersion": 2, "config": {"digest": "sha256:%s"}, "layers": []}' "$(printf %s "$3" | sha256sum | cut -c1-64)" > "$1/manifest"
	digest=$(sha256sum < "$1/manifest" | cut -c1-64)
	mv "$1/manifest" "$1/blobs/sha256/$digest"
	printf '{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:%s", "size": 1, "annotations": {"org.opencontainers.image.ref.name": "%s"}}\n' \
		"$digest" "$2" > "$1/entry-$2"
	printf '{"schemaVersion": 2, "manifests": [%s]}' "$(cat "$1"/entry-* | paste -sd, -)" > "$1/index.json"
}

begin 'an OCI layout'
layout "$T/oci" v1 one; first=$digest
layout "$T/oci" v2 two
new_project oci <<END
[env box]
image = oci:$T/oci:v1
run   = env SAW="\$MLMAKE_IMAGE"
[stage s]
cmd   = echo "\$SAW" > {{outs}}; echo s >> "\$COUNT"
env   = box
outs  = s.txt
END
mm 0; ran s; holds s.txt "oci:$T/oci:v1"
check 'its digest counts' grep -qxF "env image:oci:$T/oci:v1 \"sha256:$first\"" mlmake.lock
mm 0; ran; said 'nothing to do'
layout "$T/oci" v2 other; mm 0; ran; said 'nothing to do'
layout "$T/oci" v1 changed; mm 0 status; said "image:oci:.*: sha256:$first -> sha256:$digest"; mm 0; ran s
sed -i 's/:v1$/:v3/' mlmake.ini; mm 2; said "mlmake.ini:1: error: the image of \[env box\]: '.*/oci' holds no image 'v3'"
sed -i 's/:v3$//' mlmake.ini; mm 2; said 'holds 2 images; name one'
echo '{' > "$T/oci/index.json"; mm 2; said 'index.json'

begin 'one by its digest, and one that has none'
new_project pinned <<END
[env box]
image = registry.example/a/b@sha256:$first
[stage s]
cmd   = echo "\$MLMAKE_IMAGE" > {{outs}}
env   = box
outs  = s.txt
END
mm 0; holds s.txt "registry.example/a/b@sha256:$first"
MLMAKE_IMAGE=forged; export MLMAKE_IMAGE; mm 0 -B; holds s.txt "registry.example/a/b@sha256:$first"; unset MLMAKE_IMAGE
sed -i 's/@sha256:.*/@sha256:123/' mlmake.ini; mm 2; said "has no digest of the form sha256:"

begin 'a file, which a stage may make'
new_project sif <<'END'
[env box]
image = box.sif
[stage image]
cmd   = cp {{data}} {{outs}}; echo image >> "$COUNT"
data  = box.def
outs  = box.sif
[stage s]
cmd   = echo "$MLMAKE_IMAGE" > {{outs}}; echo s >> "$COUNT"
env   = box
outs  = s.txt
END
echo one > box.def
mm 0; ran_order image s; holds s.txt "$PWD/box.sif"
mm 0; ran
echo two > box.def; mm 0; ran_order image s; said 'box.sif changed'
sed -i 's/^image = .*/image = gone.tar/' mlmake.ini; mm 2; said "gone.tar"

begin 'a tag is asked for by each build'
mkdir "$T/bin"
cat > "$T/bin/podman" <<'END'
#!/bin/sh
echo "$*" >> "$T/asked"
[ "$1 $2 $3" = 'image inspect --format' ] && [ "$5" = tool:latest ] || exit 1
cat "$T/has" 2> /dev/null
END
chmod +x "$T/bin/podman"
old=$PATH PATH=$T/bin:$PATH
echo "registry.example/tool@sha256:$first" > "$T/has"
new_project tag <<'END'
[env box]
image = tool:latest
[stage s]
cmd   = echo "$MLMAKE_IMAGE" > {{outs}}; echo s >> "$COUNT"
env   = box
outs  = s.txt
END
mm 0 status; said 'the image of \[env box\] is known only after a build has asked'; missing "$T/asked"
mm 0; ran s; holds s.txt "registry.example/tool@sha256:$first"
is "$(wc -l < "$T/asked")" 1 'asked once'
mm 0; ran; said 'nothing to do'; is "$(wc -l < "$T/asked")" 2 'asked again'
mm 0 status --check; is "$(wc -l < "$T/asked")" 2 'who only reads does not ask'
echo "$digest" > "$T/has"; mm 0; ran s; holds s.txt "sha256:$digest"; said "image:tool:latest: sha256:$first -> sha256:$digest"
PATH=$old

begin 'a tag that nobody knows is an error'
sed -i 's/tool:latest/no.such.registry.invalid\/tool:latest/' mlmake.ini
mkdir "$T/few"
for tool in sh env cat printf; do ln -s "$(command -v $tool)" "$T/few/$tool"; done
PATH=$T/few; mm 2; PATH=$old
said 'mlmake.ini:1: \[env box\] is not known: \[image\] no.such.registry.invalid/tool:latest: exit status 1: no podman or docker has it'; ran

if command -v skopeo > /dev/null 2>&1; then
	begin 'a real skopeo reads the same digest from the layout'
	layout "$T/real" v1 x
	check 'skopeo reads it' sh -c 'skopeo inspect --raw "oci:$1:v1" > "$2"' sh "$T/real" "$T/raw"
	is "$(sha256sum < "$T/raw" | cut -c1-64)" "$digest" 'the digest'
	new_project real <<-END
	[env box]
	image = oci:$T/real:v1
	[stage s]
	cmd  = echo > {{outs}}
	env  = box
	outs = s.txt
	END
	mm 0; check 'it is what counts' grep -qF "\"sha256:$digest\"" mlmake.lock
else
	skip 'a real skopeo reads the same digest' 'there is none'
fi

begin 'what a run ran on is recorded, shown, and does not count'
cat > "$T/bin/nvidia-smi" <<'END'
#!/bin/sh
[ "$1" = --query-gpu=name,driver_version ] && printf 'Tesla T4, 535.54.03\nTesla T4, 535.54.03\n'
END
chmod +x "$T/bin/nvidia-smi"
new_project machine <<'END'
[stage s]
cmd   = echo "${OMP_NUM_THREADS-}" > {{outs}}; echo s >> "$COUNT"
outs  = s.txt
END
echo s.txt > .gitignore; git add . && git commit -q -m 1
OMP_NUM_THREADS=2; export OMP_NUM_THREADS
mm 0; ran s; holds s.txt 2
OMP_NUM_THREADS=3 PATH=$T/bin:$PATH; mm 0; ran; said 'nothing to do'
mm 0 -B; ran s
set -- $(git rev-list -n 2 --reverse "$(git for-each-ref --format='%(refname)' refs/mlmake/log)")
PATH=$old
mm 0 show "$1"; said 'machine +cpu|machine +memory'; said 'OMP_NUM_THREADS 2'
if [ ! -d /proc/driver/nvidia/gpus ]; then
	mm 0 show "$2"; said 'gpu Tesla T4 x2, driver 535.54.03'
	mm 0 diff "$1" "$2"; said 'gpu +\(none\) -> Tesla T4 x2|gpu .*Tesla T4 x2'
fi
mm 0 diff "$1" "$2"; said '^machine'; said 'OMP_NUM_THREADS  2 -> 3'; said_not 'memory|libc'
if have_python; then
	mm 0 show --json "$1"; is "$(json "$T/out" 'd["run"]["machine"]["OMP_NUM_THREADS"]')" 2 'machine'
	mm 0 diff --json "$1" "$2"
	is "$(json "$T/out" '[(m["old"], m["new"]) for m in d["machine"] if m["name"] == "OMP_NUM_THREADS"]')" '[["2", "3"]]' 'machine'
fi
if command -v setarch > /dev/null 2>&1 && setarch "$(uname -m)" --uname-2.6 true 2> /dev/null; then
	setarch "$(uname -m)" --uname-2.6 "$MLMAKE" > "$T/out" 2> "$T/err" || fail 'it does not build under another kernel'
	said 'nothing to do'
	setarch "$(uname -m)" --uname-2.6 "$MLMAKE" -B > "$T/out" 2> "$T/err" || fail 'it does not build under another kernel'
	mm 0 diff "$1" "$(git rev-list -n 1 "$(git for-each-ref --format='%(refname)' refs/mlmake/log)")"; said 'system +Linux .* -> Linux 2\.6'
fi
check 'git alone shows it' sh -c 'git show "$1:run" | grep -qx "machine OMP_NUM_THREADS 2"' sh "$1"
mm 0 log; said_not error
finish
