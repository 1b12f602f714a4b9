# SPDX-License-Identifier: Apache-2.0
"""Programs that nobody here wrote: `cairn leaks` says that they lose what valgrind says, but for differences that have a reason.

A difference without one in EXPLAINED is an error, and so is one that is there and does not show.  What is lost, and
where, is printed.
"""
import os
import shutil
import signal
import subprocess
import unittest

from cairn_test import CAIRN, CairnTest, wait_until
from leak_programs import Verdict, add, judge_by_cairn, judge_by_valgrind, loss_of_valgrind, split

PYTHON = '/usr/bin/python3'
WHO = {'GIT_AUTHOR_NAME': 'a', 'GIT_AUTHOR_EMAIL': 'a@b', 'GIT_COMMITTER_NAME': 'a', 'GIT_COMMITTER_EMAIL': 'a@b',
       'GIT_AUTHOR_DATE': '2001-02-03T04:05:06Z', 'GIT_COMMITTER_DATE': '2001-02-03T04:05:06Z',
       'GIT_CONFIG_NOSYSTEM': '1', 'GIT_CONFIG_GLOBAL': '/dev/null'}

GIT = {
    'git init': ['init', '-q', '.'],
    'git add': ['add', 'a', 'b'],
    'git commit': ['commit', '-q', '-m', 'one'],
    'git log': ['--no-pager', 'log'],
}
SQL = ('create table t(a, b); insert into t values (1, 2), (3, 4); create index i on t(a);'
       'select a.b, sum(b.a) from t a join t b on a.a <= b.a group by 1 order by 1 desc;')
BASH = 'x=$(echo a | cat); (y=1; echo $y); for i in 1 2 3; do z[$i]=$(echo $i); done; f() { local q=1; }; f; echo $x ${z[@]}'

# {program: why its verdict is not valgrind's}
EXPLAINED = {}


class Programs(CairnTest):
    def say(self, name, verdict, by_valgrind):
        ours, theirs = (add(*split(loss, {})) for loss in (verdict.loss, by_valgrind))
        print(f'{name}: cairn {tuple(ours)}, valgrind {tuple(theirs)} (bytes, objects)')
        for stack in verdict.contents['stacks']:
            if stack['kind'] in ('definite', 'indirect'):
                print('   ', stack['kind'], stack['bytes'], stack['objects'], *(frame['name'] for frame in stack['frames'][:8]))

    def assert_alike(self, name, verdict, by_valgrind, text):
        self.assertIsNotNone(verdict.contents, verdict)
        self.say(name, verdict, by_valgrind)
        ours, theirs = (add(*split(loss, {})) for loss in (verdict.loss, by_valgrind))
        reason = EXPLAINED.get(name)
        if reason:
            self.assertNotEqual(theirs, ours, f'there is no difference any more of which "{reason}" was the reason')
        else:
            self.assertEqual(theirs, ours, f'{verdict}\n{text[-6000:]}')

    def check(self, name, *command, **options):
        by_valgrind, result, text = judge_by_valgrind(self.new_directory(), *command, **options)
        verdict = judge_by_cairn(self.new_directory(), *command, **options)
        self.assertEqual((0, result.stdout), (result.returncode, verdict.stdout), verdict)
        self.assert_alike(name, verdict, by_valgrind, text)

    def test_git(self):
        repositories = self.new_directory(), self.new_directory()
        for repository in repositories:
            for name in 'a', 'b':
                with open(f'{repository}/{name}', 'w') as file:
                    file.write(f'this is {name}\n')
        for name, arguments in GIT.items():
            with self.subTest(name):
                options = {'environment': WHO | {'HOME': repositories[0]}}
                by_valgrind, result, text = judge_by_valgrind(self.new_directory(), 'git', *arguments, cwd=repositories[0], **options)
                verdict = judge_by_cairn(self.new_directory(), 'git', *arguments, cwd=repositories[1], **options)
                self.assertEqual((0, result.stdout), (result.returncode, verdict.stdout), verdict)
                self.assert_alike(name, verdict, by_valgrind, text)

    def test_sqlite3(self):
        self.check('sqlite3', 'sqlite3', ':memory:', SQL)

    def test_python(self):
        self.check('python3', PYTHON, '-c', 'import json; print(json.dumps({"a": [1] * 3}))')

    def test_python_with_malloc(self):
        self.check('python3 with malloc', PYTHON, '-c', 'import json; print(json.dumps({"a": [1] * 3}))',
                   environment={'PYTHONMALLOC': 'malloc'})

    def test_bash(self):
        self.check('bash', 'bash', '-c', BASH)

    def run_redis(self, command, directory):
        """Starts a server under a judge, gives it some work, and ends it by SIGTERM."""
        socket = directory + '/socket'
        server = ['redis-server', '--port', '0', '--unixsocket', socket, '--dir', directory, '--save', '', '--appendonly', 'no',
                  '--daemonize', 'no', '--pidfile', directory + '/pid']
        run = self.start(shutil.which(command[0]) or command[0], *command[1:], *server, directory=directory)
        self.addCleanup(lambda: run.process.poll() is None and run.process.kill())
        client = ['redis-cli', '-s', socket]
        quiet = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'timeout': 60}
        wait_until(lambda: b'PONG' in subprocess.run([*client, 'ping'], **quiet).stdout, 'redis-server', run)
        work = ''.join(f'set key{i} {"x" * i}\n' for i in range(50)) + 'lpush list 1 2 3\nhset hash a 1 b 2\ndel key3 key4\n'
        subprocess.run(client, input=work.encode(), check=True, **quiet)
        pid, = [int(line.split(':')[1]) for line in subprocess.run([*client, 'info', 'server'], **quiet).stdout.decode().splitlines()
                if line.startswith('process_id:')]
        os.kill(pid, signal.SIGTERM)
        run.finish()
        return run

    def test_redis(self):
        directories = self.new_directory(), self.new_directory()
        run = self.run_redis(['valgrind', '--leak-check=full', f'--log-file={directories[0]}/log'], directories[0])
        with open(directories[0] + '/log') as file:
            text = file.read()
        by_valgrind = loss_of_valgrind(text)
        run = self.run_redis([CAIRN, 'leaks', '--json', '--log', directories[1] + '/log', '--'], directories[1])
        verdict = Verdict.read(directories[1] + '/log', run.process.returncode, run.stdout, run.stderr)
        self.assert_alike('redis-server', verdict, by_valgrind, text)


if __name__ == '__main__':
    unittest.main()
