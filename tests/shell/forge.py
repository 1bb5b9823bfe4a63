# SPDX-License-Identifier: GPL-3.0-or-later
"""A small git host: git's own http-backend for the repositories below DIR, and the batch API of git-lfs for their payloads.

forge.py DIR PORT [USER:PASSWORD]: prints "ready" when it serves on 127.0.0.1. Payloads are DIR/payloads/<sha256>. A file DIR/fault with
one word makes it fail: corrupt (a byte of each download is another), short (downloads end early), full (uploads: 507),
refuse (uploads: 403), fails (downloads of more than 400,000 bytes: 500). DIR/requests has a line for each batch request and each payload.
"""
import base64
import hashlib
import http.server
import json
import os
import re
import socketserver
import subprocess
import sys

top, port = os.path.abspath(sys.argv[1]), int(sys.argv[2])
login = sys.argv[3] if len(sys.argv) > 3 else None
payloads = os.path.join(top, "payloads")
os.makedirs(payloads, exist_ok=True)
TYPE = "application/vnd.git-lfs+json"


def fault():
    try:
        return open(os.path.join(top, "fault")).read().strip()
    except FileNotFoundError:
        return ""


def note(text):
    with open(os.path.join(top, "requests"), "a") as f:
        f.write(text + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, code, body=b"", kind="text/plain"):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if code == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while True:
            n = int(self.rfile.readline(), 16)
            data += self.rfile.read(n)
            self.rfile.readline()
            if n == 0:
                return data

    def may(self):
        if not login:
            return True
        want = "Basic " + base64.b64encode(login.encode()).decode()
        return self.headers.get("Authorization") == want

    def batch(self, asked):
        note("batch " + asked["operation"])
        root = "http://%s" % self.headers["Host"]
        objects = []
        for o in asked["objects"]:
            oid, answer = o["oid"], dict(o)
            there = os.path.exists(os.path.join(payloads, oid))
            act = {"href": root + "/payloads/" + oid}
            if login:
                act["header"] = {"Authorization": self.headers["Authorization"]}
            if asked["operation"] == "upload" and not there:
                answer["actions"] = {"upload": act}
            elif asked["operation"] == "download" and there:
                answer["actions"] = {"download": act}
            elif asked["operation"] == "download":
                answer["error"] = {"code": 404, "message": "Object does not exist"}
            objects.append(answer)
        self.reply(200, json.dumps({"transfer": "basic", "objects": objects}).encode(), TYPE)

    def payload(self, oid, data):
        path = os.path.join(payloads, oid)
        note(("put " if data is not None else "get ") + oid)
        if data is not None:
            if fault() in ("full", "refuse"):
                return self.reply(507 if fault() == "full" else 403)
            if hashlib.sha256(data).hexdigest() != oid:
                return self.reply(422)
            with open(path + ".new", "wb") as f:
                f.write(data)
            os.rename(path + ".new", path)
            return self.reply(200)
        if not os.path.exists(path):
            return self.reply(404)
        data = open(path, "rb").read()
        if fault() == "fails" and len(data) > 400000:
            return self.reply(500)
        if fault() == "corrupt":
            data = bytes([data[0] ^ 1]) + data[1:]
        if fault() == "short":
            data = data[:-100]
        self.reply(200, data, "application/octet-stream")

    def git(self, path, query, data):
        env = dict(os.environ, GIT_PROJECT_ROOT=top, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
                   REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""),
                   CONTENT_LENGTH=str(len(data)), REMOTE_USER="me", REMOTE_ADDR="127.0.0.1",
                   GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
                   HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        out = subprocess.run(["git", "http-backend"], input=data, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        lines = dict(l.split(": ", 1) for l in head.decode().split("\r\n") if ": " in l)
        code = int(lines.pop("Status", "200").split()[0])
        self.send_response(code)
        for name, value in lines.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)

    def handle_any(self):
        data = self.body() if self.command in ("POST", "PUT") else b""
        path, _, query = self.path.partition("?")
        if not self.may():
            return self.reply(401)
        if path.endswith("/info/lfs/objects/batch"):
            return self.batch(json.loads(data))
        if "/info/lfs/" in path:
            return self.reply(404)
        found = re.fullmatch("/payloads/([0-9a-f]{64})", path)
        if found:
            return self.payload(found.group(1), data if self.command == "PUT" else None)
        self.git(path, query, data)

    do_GET = do_POST = do_PUT = handle_any


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", port), Handler)
print("ready", flush=True)
server.serve_forever()
