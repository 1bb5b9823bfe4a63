#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Sources as they are in real life: a database by query (SQLite; PostgreSQL), HTTP with ETag by curl, a directory that a device drops
# files into
. "${srcdir:-.}/tests/shell/lib.sh"


if command -v sqlite3 > /dev/null 2>&1; then
	begin 'SQLite: the probe is a query; rows that are new are fetched, and none are not'
	new_project sqlite <<'END'
[source raw]
cmd   = echo fetched >> "$COUNT"; sqlite3 -csv -header "$T/shop.db" "select * from sales order by id" > {{outs}}
probe = sqlite3 "$T/shop.db" "select count(*), max(id) from sales"
outs  = raw.csv
[stage total]
cmd   = echo total >> "$COUNT"; awk -F, 'NR > 1 { s += $2 } END { print s }' {{data}} > {{outs}}
data  = raw.csv
outs  = total.txt
END
	sqlite3 "$T/shop.db" 'create table sales (id integer primary key, amount real); insert into sales values (1, 10), (2, 20)'
	mm 0 retrain; ran fetched total
	holds total.txt 30
	mm 0 retrain; ran
	said 'its probe says what it said: not fetched'
	sqlite3 "$T/shop.db" 'insert into sales values (3, 12)'
	mm 0; ran
	mm 0 retrain; ran fetched total
	said "its probe says '3.3', not '2.2'"
	holds total.txt 42
	check 'a change that the probe does not see is not fetched' sqlite3 "$T/shop.db" 'update sales set amount = 13 where id = 3'
	mm 0 retrain; ran
	mm 0 fetch -B raw; ran fetched
	mm 0; ran total
	holds total.txt 43

	begin 'SQLite: a database that is gone leaves what is there'
	mv "$T/shop.db" "$T/away.db"; mkdir "$T/shop.db"
	mm 1 retrain; ran
	said 'not fetched: its probe .* failed: .*unable to open'
	said 'what is deployed stays as it is'
	holds total.txt 43
	rmdir "$T/shop.db"; mv "$T/away.db" "$T/shop.db"
else
	skip 'SQLite: the probe is a query' 'sqlite3 is missing'
	skip 'SQLite: a database that is gone' 'sqlite3 is missing'
fi

# A PostgreSQL of our own, which listens on a socket alone.
pg_bin() {
	for dir in /usr/lib/postgresql/*/bin "$(dirname "$(command -v postgres 2> /dev/null || echo /nowhere/x)")"; do
		[ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] && command -v psql > /dev/null 2>&1 && echo "$dir" && return
	done
	return 1
}
# as_pg COMMAND...: a server does not run as root.
as_pg() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid="$pg_user" --regid="$pg_user" --clear-groups env HOME="$T/pg" "$@"
	else
		"$@"
	fi
}
stop_pg() {
	as_pg "$pg/pg_ctl" -D "$T/pg/data" -m immediate stop > /dev/null 2>&1
	leave
}
start_pg() {
	pg=$(pg_bin) || return 1
	pg_user=$(id -u nobody) || return 1
	mkdir "$T/pg" && chmod 755 "$T" || return 1
	[ "$(id -u)" != 0 ] || { command -v setpriv > /dev/null && chown "$pg_user" "$T/pg"; } || return 1
	trap stop_pg EXIT
	as_pg "$pg/initdb" -D "$T/pg/data" -U tester -A trust > "$T/pg.log" 2>&1 &&
		as_pg "$pg/pg_ctl" -D "$T/pg/data" -w -l "$T/pg/log" -o "-c listen_addresses='' -k $T/pg" start >> "$T/pg.log" 2>&1
}
if start_pg; then
	begin 'PostgreSQL: by query, with a server that is really there, is asked, and goes away'
	sql="psql -h $T/pg -U tester -d postgres -qAt -v ON_ERROR_STOP=1"
	$sql -c "create table churn (id int primary key, left_us boolean, updated_at timestamp default '2026-01-01'); insert into churn values (1, true), (2, false)"
	new_project postgres <<END
[source customers]
cmd   = echo fetched >> "\$COUNT"; $sql -c "copy (select * from churn order by id) to stdout csv header" > {{outs}}
probe = $sql -c "select count(*), max(updated_at) from churn"
retry = 1
outs  = customers.csv
END
	mm 0 fetch; ran fetched
	is "$(wc -l < customers.csv)" 3 lines
	mm 0 fetch; ran
	$sql -c "update churn set left_us = true, updated_at = '2026-02-01' where id = 2"
	mm 0 fetch; ran fetched
	check 'the change is there' grep -q '^2,t,' customers.csv
	as_pg "$pg/pg_ctl" -D "$T/pg/data" -m immediate stop > /dev/null 2>&1
	mm 1 fetch; ran
	said "'customers' is not fetched: its probe"
	mm 0; ran
	check 'what was brought stands' grep -q '^2,t,' customers.csv
else
	skip 'PostgreSQL: by query' "there is no server that can be started here: $(tail -n 1 "$T/pg.log" 2> /dev/null)"
fi

# A server that knows ETags and counts what it sends.
serve() {
	cat > "$T/serve.py" <<'END'
import hashlib, http.server, os, sys
top = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self): self.answer(False)
    def do_GET(self): self.answer(True)
    def answer(self, body):
        if os.path.exists(top + '/down'):
            return self.send_error(503)
        data = open(top + '/data.csv', 'rb').read()
        tag = '"%s"' % hashlib.sha256(data).hexdigest()[:16]
        same = self.headers.get('If-None-Match') == tag
        self.send_response(304 if same else 200)
        self.send_header('ETag', tag)
        self.send_header('Content-Length', '0' if same else str(len(data)))
        self.end_headers()
        if body and not same:
            self.wfile.write(data)
            open(top + '/sent', 'a').write('sent\n')
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
open(top + '/port.new', 'w').write(str(server.server_address[1]))
os.rename(top + '/port.new', top + '/port')
server.serve_forever()
END
	mkdir "$T/http"
	python3 "$T/serve.py" "$T/http" > /dev/null 2>&1 &
	started="$started $!"
}
if have_python && command -v curl > /dev/null 2>&1; then
	begin 'HTTP: the ETag is the probe, and what has not changed is not sent'
	serve
	printf 'a\nb\n' > "$T/http/data.csv"
	until_true 'the server listens' test -s "$T/http/port"
	url=http://127.0.0.1:$(cat "$T/http/port")/data.csv
	new_project http <<END
[source raw]
cmd   = echo fetched >> "\$COUNT"; curl -fsS -o {{outs}} $url
probe = curl -fsSI $url | grep -i '^etag'
outs  = raw.csv
END
	mm 0 fetch; ran fetched
	mm 0 fetch; ran
	is "$(wc -l < "$T/http/sent")" 1 'times that it was sent'
	printf 'a\nb\nc\n' > "$T/http/data.csv"
	mm 0 fetch; ran fetched
	said 'its probe says .[Ee][Tt]ag: .*, not '
	holds raw.csv a b c

	begin 'HTTP: a server that is down, or that breaks off, leaves what is there'
	: > "$T/http/down"
	mm 1 fetch; ran
	said "'raw' is not fetched: its probe .* failed"
	mm 1 fetch -B; ran
	rm "$T/http/down"
	printf 'a\nb\nc\nd\n' > "$T/http/data.csv"
	sed -i 's|^cmd .*|cmd = echo half > {{outs}}; exit 18|' mlmake.ini
	mm 1 fetch
	holds raw.csv a b c
else
	skip 'HTTP: the ETag is the probe' 'python3 or curl is missing'
	skip 'HTTP: a server that is down' 'python3 or curl is missing'
fi

begin 'a directory that a device drops files into: what arrives is fetched, and only what changed is stored again'
mkdir "$T/inbox"
new_project device <<'END'
[source raw]
cmd   = echo fetched >> "$COUNT"; mkdir {{outs}}; cp "$T"/inbox/*.csv {{outs}}/
probe = cd "$T/inbox" && sha256sum *.csv
outs  = raw
[stage lines]
cmd   = echo lines >> "$COUNT"; cat {{data}}/*.csv | wc -l > {{outs}}
data  = raw
outs  = lines.txt
END
echo 1 > "$T/inbox/a.csv"
mm 0 retrain; ran fetched lines
holds lines.txt 1
echo partial > "$T/inbox/b.csv.part" # it is still being written
mm 0 retrain; ran
mv "$T/inbox/b.csv.part" "$T/inbox/b.csv"
mm 0 retrain; ran fetched lines
holds lines.txt 2
touch "$T/inbox/a.csv"
mm 0 retrain; ran
rm "$T"/inbox/*.csv
mm 1 retrain; ran # an empty directory is none that sums can be made of
holds lines.txt 2
finish
