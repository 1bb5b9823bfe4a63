#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# --events, --json, log, metrics, graph.
. "${srcdir:-.}/tests/shell/lib.sh"
have_python || skip_all 'python3 is needed to read JSON independently'

# events EXPRESSION over the list `e`; each line must be one JSON object.
events() {
	python3 -c 'import json,sys
e = [json.loads(l) for l in open(sys.argv[1])]
v = eval(sys.argv[2])
print(v if isinstance(v, str) else json.dumps(v))' "$T/events" "$1" 2>&1
}

begin 'events: one JSON object a line, from begin to end'
three p
mm 0 --events="$T/events"
is "$(events 'e[0]["event"] + " " + e[-1]["event"] + " " + e[-1]["outcome"]')" 'begin end done' 'frame'
is "$(events '" ".join(sorted(x["instance"] for x in e if x["event"] == "start"))')" 'clean count other up' 'start'
is "$(events '" ".join(sorted(x["instance"] for x in e if x["event"] == "done"))')" 'clean count other up' 'done'
is "$(events '[x["instance"] for x in e if x["event"] == "done" and x["instance"] != "other"]')" '["clean", "up", "count"]' 'order'
is "$(events 'all(x["duration"] >= 0 for x in e if x["event"] == "done")')" true 'durations'

begin 'a FIFO that nobody reads can be waited for, and that can be interrupted'
mkfifo "$T/fifo"
mm_start -B --events="$T/fifo"
until_true 'it is mlmake' sh -c "readlink /proc/$pid/exe | grep -q 'mlmake$'"
interrupted() { kill -TERM "$pid" 2> /dev/null; gone "$pid"; }
until_true 'it ends' interrupted
mm_end 143
mm_start -B --events="$T/fifo"
cat "$T/fifo" > "$T/events"
mm_end 0
is "$(events 'e[0]["event"] + " " + e[-1]["event"] + " " + e[-1]["outcome"]')" 'begin end done' 'frame'
: > "$COUNT"

begin 'events: fresh, restored, failed, skipped'
cp raw.txt "$T/raw"
mm 0 --events "$T/events"
is "$(events '" ".join(sorted(x["instance"] for x in e if x["event"] == "fresh"))')" 'clean count other up' 'fresh'
echo 1 > raw.txt; mm 0; cp "$T/raw" raw.txt
mm 0 --events="$T/events"
is "$(events '" ".join(x["instance"] for x in e if x["event"] == "restored")')" 'clean up count' 'restored'
is "$(events '[x for x in e if x["event"] == "restored"][0]["reasons"][0]["name"]')" raw.txt 'reason'
echo 'exit 5' > up.sh
mm 1 --events="$T/events"
is "$(events '[x["instance"] for x in e if x["event"] == "failed"]')" '["up"]' 'failed'
is "$(events '[x["instance"] for x in e if x["event"] == "skipped"]')" '["count"]' 'skipped'
is "$(events 'e[-1]["outcome"]')" failed outcome

begin 'events on standard output leave it to them alone'
"$MLMAKE" -k --events=- > "$T/events" 2> "$T/err"
is "$(events 'e[0]["event"]')" begin first

begin 'events: progress lines of a stage'
new_project prog <<'END'
[stage s]
cmd  = for i in 1 2 3; do echo "##mlmake progress $i/3 loss=0.$i"; done; until grep -q '"done":3' "$T/events"; do sleep 0.02; done; echo 1 > {{outs}}
outs = o
END
mm 0 --events="$T/events"
is "$(events '[[x["done"], x["total"]] for x in e if x["event"] == "progress"][-1]')" '[3, 3]' 'last'
said_not '##mlmake'

begin 'status --json: states and typed reasons with old and new'
three s
mm 0 status --json
is "$(json "$T/out" 'd["version"]')" 1 version
is "$(json "$T/out" '[[i["name"], i["state"], i["reasons"][0]["kind"]] for i in d["instances"] if i["name"] == "clean"]')" \
	'[["clean", "stale", "new"]]' new
mm 0
printf '[count]\nlines = 1\n[other]\nword = hello\n' > params.ini
mm 0 status --json
is "$(json "$T/out" '{i["name"]: i["state"] for i in d["instances"]}')" \
	'{"clean": "fresh", "count": "stale", "other": "fresh", "up": "fresh"}' states
is "$(json "$T/out" '[[r["name"], r["old"], r["new"], r["file"], r["line"]] for i in d["instances"] for r in i["reasons"] if r["kind"] == "param"]')" \
	'[["count.lines", "2", "1", "params.ini", 2]]' 'reason'
cp "$T/out" "$T/status.json"

begin 'why --json: the same verdict, one instance'
mm 0 why --json count
is "$(json "$T/out" 'len(d["instances"])')" 1 one
is "$(json "$T/out" '[r["kind"] for r in d["instances"][0]["reasons"]] == [r["kind"] for i in json.load(open("'"$T"'/status.json"))["instances"] if i["name"] == "count" for r in i["reasons"]]')" \
	true 'the same reasons'

begin 'why shows the changed lines and what becomes stale in turn'
printf 'pear\napple\nkiwi\n' > raw.txt
mm 0 why clean
said 'raw\.txt'
said '^ *-3: fig'
said '^ *\+3: kiwi'
said 'up'
mm 0 why --json clean
is "$(json "$T/out" 'sorted(d["instances"][0]["downstream"])')" '["count", "up"]' downstream
is "$(json "$T/out" '[r["lines"] for r in d["instances"][0]["reasons"]]')" '[["-3: fig", "+3: kiwi"]]' lines
mm 0 why other; said 'fresh'
mm 0 why up; said 'clean'
mm 2 why

begin 'log --json: runs, newest first'
mm 0
mm 0 log --json
is "$(json "$T/out" 'd["version"]')" 1 version
is "$(json "$T/out" '[len(r["instances"]) for r in d["runs"]]')" '[3, 4]' parts
is "$(json "$T/out" 'd["runs"][0]["outcome"]')" 'done' outcome
is "$(json "$T/out" 'd["runs"][0]["source"]')" null 'no commit yet'
mm 0 log -n 1 --json
is "$(json "$T/out" 'len(d["runs"])')" 1 limit
printf '/*.txt\n!/raw.txt\n' > .gitignore
git add -A && git commit -qm all
printf 'pear\napple\nlime\n' > raw.txt
mm 0
mm 0 log --json
is "$(json "$T/out" 'd["runs"][0]["source"]')" "$(git rev-parse HEAD)" 'commit'
is "$(json "$T/out" 'd["runs"][0]["dirty"]')" true dirty
git commit -qam lime
mm 0 -B
mm 0 log --json
is "$(json "$T/out" 'd["runs"][0]["source"]')" "$(git rev-parse HEAD)" 'commit'

begin 'log --json: only mlmake.lock differs, as mlmake itself has just written it'
printf 'pear\napple\nplum\n' > raw.txt
git commit -qam plum
mm 0
is "$(git status --porcelain)" ' M mlmake.lock' 'git status'
mm 0 log --json
is "$(json "$T/out" 'd["runs"][0]["dirty"]')" false dirty

begin 'metrics: a table, and the difference to the result before'
new_project m <<'END'
[project]
params = params.ini
[stage eval]
matrix k = a b
cmd  = echo '{"auc": {{auc}}, "deep": {"f1": 0.5}}' > {{metrics}}
metrics = m-{{k}}.json
END
echo 'auc = 0.8' > params.ini; mm 0
echo 'auc = 0.9' > params.ini; mm 0
mm 0 metrics; said '0\.9'; said '0\.1'; said 'deep\.f1'
mm 0 metrics --json
check 'new and old value' python3 - "$T/out" <<'END'
import json, sys
text = open(sys.argv[1]).read()
d = json.loads(text)
assert d["version"] == 1, text
assert '0.9' in text and '0.8' in text, text
END
mm 0 metrics eval@b; said_not 'eval@a'

begin 'graph: text, json, dot, mermaid, svg'
cd "$T/w/s" || exit 1
mm 0 graph; said clean
mm 0 graph --format=dot; said 'digraph'; said 'label="clean'
c=$(sed -n 's/.*\(n[0-9]*\) \[label="clean.*/\1/p' "$T/out"); u=$(sed -n 's/.*\(n[0-9]*\) \[label="up.*/\1/p' "$T/out")
said "$c -> $u;"
mm 0 graph --format=mermaid; said 'graph|flowchart'; said '-->'
mm 0 graph --format=svg; cp "$T/out" g.svg
check 'well-formed' python3 -c 'import xml.etree.ElementTree as e
t = e.parse("g.svg"); assert t.getroot().tag.endswith("svg")
text = "".join(t.getroot().itertext()); assert "clean" in text and "other" in text, text'
mm 0 graph --json
is "$(json "$T/out" 'd["version"]')" 1 version
mm 2 graph --format=picture

begin 'lint --json'
echo 'x y' >> mlmake.ini
mm 2 lint --json
is "$(json "$T/out" '[p["level"] for p in d["problems"]][0]')" error level

begin 'names and commands that are no UTF-8 give valid JSON'
new_project latin <<'END'
[stage s]
cmd  = printf 'caf\351' > {{outs}}; echo s >> "$COUNT"
outs = o
END
printf '# \351\n[stage t]\ncmd = echo \351 > {{outs}}; echo t >> "$COUNT"\nouts = p\n' >> mlmake.ini
: > "$COUNT"
mm 0; ran s t
mm 0 status --json
is "$(json "$T/out" 'len(d["instances"])')" 2 instances
sed 's/echo ./echo x/' mlmake.ini > n; mv n mlmake.ini
mm 0 why --json t
is "$(json "$T/out" 'd["version"]')" 1 version
finish
