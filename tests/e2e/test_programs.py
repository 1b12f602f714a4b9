# SPDX-License-Identifier: Apache-2.0
"""Real programs that nobody here wrote: unharmed, and counted right.

count.so of testdata stands between cairn and libc and counts the same calls with none of cairn's code.
The two may differ by what is allocated before cairn is ready and after it has written its profile.
"""
import glob
import os
import re
import signal
import subprocess
import unittest

from cairn_test import CairnTest, Profile, testdata, wait_until

RATES = '1', '512K'
PYTHON = '/usr/bin/python3'

SQL = b'''
create table numbers(id integer primary key, text text, number real);
with recursive counter(i) as (select 1 union all select i + 1 from counter where i < 20000)
  insert into numbers select i, hex(i * 7919) || ' some text', i / 7.0 from counter;
create index by_text on numbers(text);
select count(*), sum(id), round(avg(number), 6) from numbers;
select a.text from numbers a join numbers b on a.text = b.text where b.id % 1999 = 0 order by a.text desc;
select group_concat(text, ',') from (select text from numbers where id < 40 order by random() * 0 + id);
'''

PYTHON_PROGRAM = '''
import collections, json, re
data = [{"id": i, "name": "name %d" % i, "tags": [str(j) for j in range(i % 7)]} for i in range(3000)]
text = json.dumps(data)
back = json.loads(text)
words = collections.Counter(re.findall("[a-z0-9]+", text))
print(len(text), back == data, words.most_common(5), sum(map(len, sorted(words))))
'''


class Programs(CairnTest):
    def check(self, *command, rate, **options):
        bare = self.run_bare(*command, **options)
        run = self.run_program(*command, cairn={'RATE': rate}, **options)
        self.assert_same_outcome(bare, run)
        return run

    def counted(self, *command, **options):
        """(what cairn saw, what count.so saw) of one run of a program at rate 1."""
        directory = self.new_directory()
        environment = options.pop('environment', {}) | {'COUNT_OUT': directory + '/count'}
        run = self.run_program(*command, preload=[testdata('count.so')], environment=environment, **options)
        with open(f'{directory}/count.{run.pid}') as file:
            objects, size, frees = map(int, file.read().split())
        return run.profile(symbolize=False).total(), (objects, size, frees)

    def assert_counted(self, *command, **options):
        seen, (objects, size, frees) = self.counted(*command, **options)
        self.assertGreater(objects, 1000)
        slack = 5 + objects // 2000
        self.assertLessEqual(abs(objects - seen.alloc_objects), slack, (seen, objects))
        self.assertLessEqual(abs(size - seen.alloc_bytes), 80000 + size // 2000, (seen, size))
        self.assertLessEqual(abs(objects - frees - seen.inuse_objects), slack, (seen, objects - frees))

    def assert_estimates(self, profile, exact, kinds):
        """A sampled total is near the exact one: five standard deviations if all blocks were small."""
        for kind in kinds:
            estimate, truth = getattr(profile.total(), kind), getattr(exact.total(), kind)
            self.assertLess(abs(estimate - truth), 5 * (truth * profile.contents['period']) ** 0.5, kind)

    def assert_whole_stacks(self, profile):
        """Nearly every stack goes to the root: the program's start (which in a stripped one has no name), or the loader's."""
        starts = {'__libc_start_main', '__libc_start_main_impl', '_start', '_dl_start', '_dl_start_user'}
        whole = sum(sample.tally.alloc_objects for sample in profile.samples if starts & set(sample.functions[-3:]))
        self.assertGreater(whole, 0.999 * profile.total().alloc_objects)

    def test_sqlite(self):
        command = '/usr/bin/sqlite3', ':memory:'
        exact, sampled = (self.check(*command, rate=rate, input=SQL).profile() for rate in RATES)
        self.assertGreater(exact.under('sqlite3_step').alloc_bytes + exact.under('sqlite3_exec').alloc_bytes, 1 << 20)
        self.assert_whole_stacks(exact)
        self.assert_estimates(sampled, exact, ['alloc_bytes'])
        self.assert_counted(*command, input=SQL)

    def test_python(self):
        environment = {'PYTHONMALLOC': 'malloc', 'PYTHONHASHSEED': '0', 'PYTHONDONTWRITEBYTECODE': '1'}
        command = PYTHON, '-S', '-c', PYTHON_PROGRAM
        exact, sampled = (self.check(*command, rate=rate, environment=environment).profile() for rate in RATES)
        self.assertGreater(exact.total().alloc_objects, 100000)
        self.assert_whole_stacks(exact)
        self.assert_estimates(sampled, exact, ['alloc_bytes'])
        self.assert_counted(*command, environment=environment)

    def test_gcc(self):
        source = os.path.join(os.path.dirname(__file__), '../../testdata/torture.c')
        for rate in RATES:
            with self.subTest(rate=rate):
                objects = []
                for start in self.run_bare, self.run_program:
                    directory = self.new_directory()
                    options = {'cairn': {'RATE': rate}} if start == self.run_program else {}
                    run = start('/usr/bin/gcc', '-O1', '-c', source, '-o', 'out.o', cwd=directory, **options)
                    self.assertEqual((0, b'', b''), run.outcome)
                    with open(directory + '/out.o', 'rb') as file:
                        objects.append(file.read())
                self.assertEqual(*objects)
                profiles = [Profile(path, symbolize=False) for path in glob.glob(run.directory + '/*')]
                programs = {os.path.basename(profile.mappings[0]['file']) for profile in profiles}
                self.assertTrue({'cc1', 'x86_64-linux-gnu-as'} <= programs, programs)
                compiler = max(profiles, key=lambda profile: profile.total().alloc_bytes)
                self.assertGreater(compiler.total().alloc_bytes, 1 << 20)

    def test_git(self):
        environment = {name + '_' + key: value for name in ('GIT_AUTHOR', 'GIT_COMMITTER')
                       for key, value in (('NAME', 'a'), ('EMAIL', 'a@example.org'), ('DATE', '2001-02-03T04:05:06Z'))}
        environment |= {'GIT_CONFIG_NOSYSTEM': '1', 'HOME': self._temporary.name}
        repository = self.new_directory()
        options = {'environment': environment, 'cwd': repository}
        git = '/usr/bin/git'
        self.run_bare(git, 'init', '-q', **options)
        for number in range(30):
            with open(repository + f'/file{number % 5}', 'w') as file:
                file.write(''.join(f'{line * number}\n' for line in range(300)))
            self.run_bare(git, 'add', '.', **options)
            self.run_bare(git, 'commit', '-q', '-m', f'commit {number}', **options)
        for rate in RATES:
            with self.subTest(rate=rate):
                run = self.check(git, '--no-pager', 'log', '--stat', '-p', rate=rate, **options)
                self.assertIn(b'commit 29', run.stdout)
                Profile(run.files()[0], symbolize=False)
                run = self.check(git, 'gc', '-q', '--aggressive', rate=rate, **options)
                for path in glob.glob(run.directory + '/*'):
                    Profile(path, symbolize=False)
                run = self.check(git, 'fsck', '--full', rate=rate, **options)
                self.assertEqual(0, run.process.returncode)
        self.assert_counted(git, '--no-pager', 'log', '--stat', '-p', **options)


class Redis(CairnTest):
    """redis-server uses jemalloc, and keeps its own account of the bytes it holds."""

    def setUp(self):
        super().setUp()
        self.socket = os.path.join(self.new_directory(), 'socket')

    def command(self, *words):
        return subprocess.run(['redis-cli', '-s', self.socket, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()

    def start_server(self, rate):
        server = '/usr/bin/redis-server', '--port', '0', '--unixsocket', self.socket, '--save', '', '--appendonly', 'no'
        cairn = {'RATE': rate, 'SIGNAL': 'USR2', 'MEMORY': '1G'}
        run = self.start_program(*server, cairn=cairn, cwd=self.new_directory())
        self.addCleanup(lambda: run.process.poll() is None and run.process.kill())
        wait_until(lambda: self.command('ping') == 'PONG\n', 'the server', run)
        return run

    def load(self):
        result = subprocess.run(['redis-benchmark', '-s', self.socket, '-q', '-n', '20000', '-r', '20000', '-d', '200',
                                 '-t', 'set,get,lpush,lpop,sadd,hset'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn(b'HSET', result.stdout)

    def test_redis(self):
        for rate in RATES:
            with self.subTest(rate=rate):
                run = self.start_server(rate)
                self.load()
                used = int(re.search(r'used_memory:(\d+)', self.command('info', 'memory'))[1])
                run.process.send_signal(signal.SIGUSR2)
                wait_until(run.files, 'a profile', run)
                self.assertEqual('', self.command('shutdown', 'nosave').strip())
                run.finish()
                self.assertEqual((0, b''), (run.process.returncode, run.stderr))
                profile = Profile(run.files()[0])
                # redis counts what jemalloc granted, cairn what was asked for: somewhat less.
                live = profile.total().inuse_bytes
                chance = 5 * (profile.contents['period'] * used) ** 0.5 if rate != '1' else 0
                self.assertTrue(0.75 * used - chance < live < 1.05 * used + chance, (live, used))
                self.assertGreater(profile.total().alloc_objects, 100000)
                # At 512K there are some 20 samples: enough to see the function, not to weigh it.
                share = 1 / 3 if rate == '1' else 0
                self.assertGreater(profile.under('processCommand').inuse_bytes, live * share)
                self.assertEqual(2, len(run.files()))


if __name__ == '__main__':
    unittest.main()
