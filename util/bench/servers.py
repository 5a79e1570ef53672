"""What the benchmark compares: our nginx, and the peers behind a plain one,
each configured as its users would; see README.md here."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
sys.path.insert(0, os.path.join(TOP, 't/lib'))

import faas_proc                                               # noqa: E402
from faas_e2e import BINARY, Nginx, free_port                  # noqa: E402
from faas_load import fetch                                    # noqa: E402
from faas_tap import wait_for                                  # noqa: E402

ANSWER = {'message': 'hello', 'language': 'any'}
BODY = json.dumps(ANSWER)

PYTHON = '''\
import json

ANSWER = %r


def handler(event, context):
    return {"statusCode": 200,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(ANSWER)}


def application(environ, start_response):
    body = json.dumps(ANSWER).encode()
    start_response("200 OK", [("Content-Type", "application/json"),
                              ("Content-Length", str(len(body)))])
    return [body]
''' % (ANSWER,)

NODE = '''\
const ANSWER = %s;

exports.handler = async (event) => ({
    statusCode: 200,
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(ANSWER),
});
''' % BODY

NODE_HTTP = '''\
const http = require("node:http");
const ANSWER = %s;

const server = http.createServer((req, res) => {
    const body = JSON.stringify(ANSWER);
    res.writeHead(200, {"Content-Type": "application/json",
                        "Content-Length": Buffer.byteLength(body)});
    res.end(body);
});
server.keepAliveTimeout = 600000;
server.listen(process.argv[2]);
''' % BODY

PHP = '''\
<?php
header("Content-Type: application/json");
echo json_encode(%s);
''' % ('["message" => "hello", "language" => "any"]')

FPM = '''\
[global]
error_log = {dir}/fpm.log
daemonize = no

[www]
{user}
listen = {dir}/peer.sock
listen.mode = 0666
listen.backlog = 511
pm = static
pm.max_children = 4
'''

PLAIN = '''\
{user}
worker_processes {workers};
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
daemon off;

events {{
    worker_connections 1024;
}}

http {{
    access_log off;
    client_body_temp_path {dir}/tmp/body;
    proxy_temp_path {dir}/tmp/proxy;
    fastcgi_temp_path {dir}/tmp/fastcgi;
    scgi_temp_path {dir}/tmp/scgi;
    uwsgi_temp_path {dir}/tmp/uwsgi;
    keepalive_requests 1000000;

    upstream peer {{
        server unix:{dir}/peer.sock;
        {keepalive}
    }}

    server {{
        listen 127.0.0.1:{port};
        location / {{
            {location}
        }}
    }}
}}
'''


class Plain:
    """The packaged nginx without our module, and one peer behind it."""

    def __init__(self, command, location, keepalive='', files=None):
        faas_proc.become_reaper()
        self.dir = tempfile.mkdtemp(prefix='faas-peer-')
        os.chmod(self.dir, 0o755)
        os.mkdir(os.path.join(self.dir, 'tmp'))
        self.port = free_port()
        user = 'user www-data;' if os.geteuid() == 0 else ''
        pool_user = 'user = www-data\ngroup = www-data' \
            if os.geteuid() == 0 else ''

        for name, text in (files or {}).items():
            with open(os.path.join(self.dir, name), 'w') as f:
                f.write(text.replace('{dir}', self.dir)
                        .replace('{user}', pool_user))

        with open(os.path.join(self.dir, 'nginx.conf'), 'w') as f:
            f.write(PLAIN.format(
                user=user, dir=self.dir, port=self.port, workers=1,
                keepalive=keepalive,
                location=location.replace('{dir}', self.dir)))

        self.children = []
        self.spawn([a.replace('{dir}', self.dir) for a in command])
        sock = os.path.join(self.dir, 'peer.sock')
        try:
            wait_for(lambda: self.connects(sock), 20, command[0])
            os.chmod(sock, 0o666)
            self.spawn([BINARY, '-e', self.dir + '/error.log',
                        '-p', self.dir + '/', '-c',
                        self.dir + '/nginx.conf'])
            wait_for(self.answers, 20, 'the plain nginx')
        except BaseException:
            self.destroy()
            raise

    def spawn(self, command):
        log = open(os.path.join(self.dir, 'output'), 'ab')
        self.children.append(subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    @staticmethod
    def connects(path):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            return True
        except OSError:
            return False
        finally:
            s.close()

    def answers(self):
        try:
            return fetch(self.port, '/').status == 200
        except OSError:
            return False

    def pids(self):
        found = []
        for child in self.children:
            found.append(child.pid)
            found += [p.pid for p in faas_proc.descendants(child.pid)]
        return found

    def destroy(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Ours(Nginx):
    """nginx with the module."""

    def __init__(self, http, server, functions, workers=1, isolation=None):
        # /run is a tmpfs where systemd is, a temporary folder need not be
        run = tempfile.mkdtemp(prefix='faas-', dir='/dev/shm')
        os.chmod(run, 0o755)
        super().__init__(http='    access_log off;\n'
                              '    keepalive_requests 1000000;\n' + http,
                         server=server, functions=functions, workers=workers,
                         log_level='warn', isolation=isolation, run=run)
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise

    def pids(self):
        """Masters and supervisors of this folder, and all below them."""
        found = set()
        for p in self.processes():
            if (self.dir + '/' in p.cmdline or self.run in p.cmdline) \
                    and p.pid not in found:
                found.add(p.pid)
                found.update(c.pid for c in faas_proc.descendants(p.pid))
        return found


def responder(program, body):
    return Plain([program, '{dir}/peer.sock', body],
                 'include /etc/nginx/fastcgi_params; fastcgi_pass peer; '
                 'fastcgi_keep_conn on;', 'keepalive 64;')


def uwsgi(processes):
    return Plain(['/usr/bin/uwsgi_python3', '--master', '--die-on-term',
                  '--socket', '{dir}/peer.sock', '--chmod-socket=666',
                  '--listen', '100', '--processes', str(processes),
                  '--disable-logging', '--wsgi-file', '{dir}/app.py'],
                 'include /etc/nginx/uwsgi_params; uwsgi_pass peer;',
                 files={'app.py': PYTHON})


def node_http():
    return Plain(['/usr/bin/node', '{dir}/server.js', '{dir}/peer.sock'],
                 'proxy_pass http://peer; proxy_http_version 1.1; '
                 'proxy_set_header Connection "";', 'keepalive 64;',
                 files={'server.js': NODE_HTTP})


def php_fpm(program):
    root = ['-R'] if os.geteuid() == 0 else []
    return Plain([program, '-F', '-y', '{dir}/fpm.conf'] + root,
                 'include /etc/nginx/fastcgi_params; fastcgi_pass peer; '
                 'fastcgi_param SCRIPT_FILENAME {dir}/index.php;',
                 files={'fpm.conf': FPM, 'index.php': PHP})
