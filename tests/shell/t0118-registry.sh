#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Images of containers by tag, with a real podman, a real skopeo, and a registry on this machine.
. "${srcdir:-.}/tests/shell/lib.sh"
for tool in podman skopeo docker-registry; do
	command -v $tool > /dev/null 2>&1 || skip_all "there is no $tool"
done

# The registry takes a port that is free, and says which.
cat > "$T/registry.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $T/registry}, delete: {enabled: true}}
http: {addr: '127.0.0.1:0'}
END
docker-registry serve "$T/registry.yml" > "$T/registry.log" 2>&1 &
started="$started $!"
until_true 'the registry listens' grep -q 'listening on' "$T/registry.log"
at=$(sed -n 's/.*listening on \(127[0-9.:]*\).*/\1/p' "$T/registry.log")
mkdir -p "$HOME/.config/containers"
printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$at" > "$HOME/.config/containers/registries.conf"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$HOME/.config/containers/policy.json"
# Two machines, each with images of its own.
for i in here there; do
	printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n' "$T/$i/run" "$T/$i/graph" > "$T/$i.conf"
done
CONTAINERS_STORAGE_CONF=$T/here.conf TMPDIR=$T
export CONTAINERS_STORAGE_CONF TMPDIR
MLMAKE_TEST_PASS="$MLMAKE_TEST_PASS CONTAINERS_STORAGE_CONF"
# build MACHINE TAG TEXT: an image that holds a text.
build() {
	mkdir -p "$T/context"; echo "$3" > "$T/context/text"
	printf 'FROM scratch\nCOPY text /text\n' > "$T/context/Dockerfile"
	CONTAINERS_STORAGE_CONF=$T/$1.conf podman build -q -t "$2" "$T/context" > "$T/podman" 2>&1
}
push() { CONTAINERS_STORAGE_CONF=$T/$1.conf check "podman pushes $2" podman push -q "$2"; }
# registry_digest TAG: as the registry itself says it.
registry_digest() {
	skopeo inspect --raw "docker://$1" | sha256sum | cut -c1-64
}
build there "$at/a/tool:v1" one || skip_all "podman builds no image here: $(head -n 1 "$T/podman")"
push there "$at/a/tool:v1"
one=$(registry_digest "$at/a/tool:v1")

begin 'a tag that only the registry has'
new_project tag <<END
[env box]
image = $at/a/tool:v1
[stage s]
cmd   = echo "\$MLMAKE_IMAGE" > {{outs}}; echo s >> "\$COUNT"
env   = box
outs  = s.txt
END
mm 0 status; said 'the image of \[env box\] is known only after a build has asked'
mm 0; ran s; holds s.txt "$at/a/tool@sha256:$one"
check 'its digest counts' grep -qxF "env image:$at/a/tool:v1 \"sha256:$one\"" mlmake.lock
mm 0; ran; said 'nothing to do'

begin 'the tag is moved: stages that use it are stale'
build there "$at/a/tool:v1" two; push there "$at/a/tool:v1"
two=$(registry_digest "$at/a/tool:v1")
refuse 'the registry has another one' [ "$one" = "$two" ]
mm 0; ran s; said "image:$at/a/tool:v1: sha256:$one -> sha256:$two"; holds s.txt "$at/a/tool@sha256:$two"
mm 0; ran; said 'nothing to do'
build there "$at/a/tool:other" three; push there "$at/a/tool:other"; mm 0; ran; said 'nothing to do'

begin 'what this machine has is what runs, whatever the registry has by now'
check 'podman pulls it' podman pull -q "$at/a/tool:v1"
mm 0; ran; said 'nothing to do'
build there "$at/a/tool:v1" four; push there "$at/a/tool:v1"
mm 0; ran; said 'nothing to do'
check 'podman pulls it' podman pull -q "$at/a/tool:v1"
mm 0; ran s; holds s.txt "$at/a/tool@sha256:$(registry_digest "$at/a/tool:v1")"

begin 'the reference is what podman takes for that image'
sed -i 's/^cmd .*/cmd   = cat "$(podman image mount "$MLMAKE_IMAGE")\/text" > {{outs}}; echo s >> "$COUNT"/' mlmake.ini
mm 0; ran s; holds s.txt four
podman image umount -a > "$T/podman" 2>&1

begin 'one that was built here and never pushed'
check 'podman builds it' build here local/mine:latest mine
sed -i 's/^image = .*/image = localhost\/local\/mine/' mlmake.ini
mm 0; ran s; holds s.txt mine; mm 0; ran; said 'nothing to do'
check 'podman builds it again' build here local/mine:latest 'mine, too'
mm 0; ran s; holds s.txt 'mine, too'
check 'podman builds it under another name' build here local/other:latest 'no matter'
mm 0; ran; said 'nothing to do'

begin 'a tag that the registry does not have, and a registry that does not answer'
sed -i "s/^image = .*/image = $at\/a\/tool:gone/" mlmake.ini
mm 2; said "mlmake.ini:1: \[env box\] is not known: \[image\] $at/a/tool:gone: .*manifest unknown"; ran
sed -i "s/^image = .*/image = 127.0.0.1:1\/a\/tool:v1/" mlmake.ini
mm 2; said 'mlmake.ini:1: \[env box\] is not known: \[image\] 127.0.0.1:1/a/tool:v1: .*connection refused'; ran
CONTAINERS_STORAGE_CONF=$T/there.conf
podman image umount -a > "$T/podman" 2>&1
finish
