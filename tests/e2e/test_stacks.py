# SPDX-License-Identifier: Apache-2.0
"""Every stack is the one that libunwind finds, on stacks of random shape and in real programs.

Only here: libunwind itself is not safe beside fork, and takes a microsecond for a frame, so what the programs do is
little.  What cannot be judged by it is compared with cairn's own slow way in tests/unit/test_trail.c and test_trail_edges.c: code without
call-frame information, where it guesses otherwise, and a walk's frames where a signal may come at any moment.
"""
import collections
import os
import re
import subprocess
import unittest

from cairn_test import SOURCE, TESTDATA, CairnTest, wait_until

PYTHON = '/usr/bin/python3'

SQL = b'''
create table numbers(id integer primary key, text text, number real);
with recursive counter(i) as (select 1 union all select i + 1 from counter where i < 2000)
  insert into numbers select i, hex(i * 7919) || ' some text', i / 7.0 from counter;
create index by_text on numbers(text);
create trigger again after insert on numbers when new.id > 5000 begin update numbers set number = 0 where id = new.id; end;
insert into numbers select id + 5000, text, number from numbers where id < 100;
select count(*), sum(id), round(avg(number), 6) from numbers;
select a.text from numbers a join numbers b on a.text = b.text where b.id % 199 = 0 order by a.text desc;
select group_concat(text, ',') from (select text from numbers where id < 40 order by random() * 0 + id);
select json_group_array(json_object('id', id)) from numbers where id < 50;
'''

PYTHON_PROGRAM = '''
import asyncio, collections, ctypes, decimal, json, re, sqlite3, threading, zlib
data = [{"id": i, "name": "name %d" % i, "tags": [str(j) for j in range(i % 7)]} for i in range(100)]
back = json.loads(json.dumps(data))
words = collections.Counter(re.findall("[a-z0-9]+", json.dumps(data)))

compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 20)(*range(20, 0, -1))
ctypes.CDLL(None).qsort(numbers, 20, 4, compare(lambda a, b: a[0] - b[0]))

async def wait(number):
    await asyncio.sleep(0)
    return [number] * number

async def gather():
    return sum(map(len, await asyncio.gather(*map(wait, range(50)))))

base = sqlite3.connect(":memory:")
base.create_function("twice", 1, lambda x: str(x) * 2)
rows = base.execute("with recursive c(i) as (select 1 union all select i + 1 from c where i < 50) select twice(i) from c").fetchall()

def nested(depth):
    try:
        return sorted([depth], key=lambda x: nested(depth - 1) if depth > 0 else 1 // x)
    except ZeroDivisionError:
        return [0]

def work():
    for depth in range(20):
        nested(depth)
        zlib.decompress(zlib.compress(b"text" * 1000))

threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(back == data, len(words), list(numbers)[:3], asyncio.run(gather()), len(rows), decimal.Decimal(2).sqrt())
'''


class Stacks(CairnTest):
    def assert_verified(self, run, least):
        self.assertEqual((0, b''), (run.process.returncode, run.stderr))
        profile = run.profile(symbolize=False)
        verified = profile.comment(r'(\d+) verified_stacks')
        self.assertIsNotNone(verified, profile.comments)
        self.assertGreaterEqual(int(verified[1]), least)
        self.assertIsNone(profile.comment('differing_stacks'), profile.comments)
        return profile

    def verify(self, *command, least=1000, rate=1, **options):
        run = self.run_program(*command, cairn={'VERIFY_STACKS': 1, 'RATE': rate}, **options)
        return run, self.assert_verified(run, least)

    def test_random_trees(self):
        self.verify('random_stacks', 'trees', '40000', least=40000)

    def test_threads_one_after_another(self):
        self.verify('random_stacks', 'threads', '30000', least=30000)

    # Between pages that cannot be read: libunwind does not see that a coroutine's stack ends, and would read on.
    def test_coroutines_whose_stacks_come_and_go(self):
        self.verify('random_stacks', 'coroutines', '30000', least=20000)

    def test_signal_handlers_on_both_stacks(self):
        self.verify('random_stacks', 'signals', '20000', least=20000)

    def test_plugins_that_take_one_anothers_place(self):
        run, profile = self.verify('random_stacks', 'plugins', '5000', TESTDATA, least=5000)
        self.assertGreater(int(re.match(rb'(\d+) at the same place', run.stdout)[1]), 200)
        # Each frame belongs to the plugin that was there.
        names = {mapping['id']: os.path.basename(mapping['file']) for mapping in profile.mappings}
        counts = collections.Counter()
        for sample in profile.samples:
            for mapping in sample.mappings:
                counts[names.get(mapping)] += sample.tally.alloc_objects
        self.assertEqual([2500, 2500], [counts['plugin_small.so'], counts['plugin_large.so']], counts)

    def test_exceptions(self):
        self.verify('random_exceptions', '12000', least=40000)

    def test_operators_and_functions(self):
        self.verify('leak', '1000')
        self.verify('exact_functions', least=100)

    def test_sqlite(self):
        self.verify('/usr/bin/sqlite3', ':memory:', input=SQL)

    def test_python(self):
        environment = {'PYTHONMALLOC': 'malloc', 'PYTHONHASHSEED': '0', 'PYTHONDONTWRITEBYTECODE': '1'}
        run, _ = self.verify(PYTHON, '-S', '-c', PYTHON_PROGRAM, least=10000, rate=500, environment=environment)
        self.assertIn(b'[1, 2, 3]', run.stdout)

    def test_clang(self):
        source = os.path.join(SOURCE, 'testdata/random_exceptions.cc')
        self.verify('/usr/bin/clang++', '-std=c++17', '-O1', '-c', source, '-o', os.devnull, least=5000, rate=4000)

    def test_redis(self):
        socket = os.path.join(self.new_directory(), 'socket')
        run = self.start_program('/usr/bin/redis-server', '--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no',
                                 cairn={'VERIFY_STACKS': 1}, cwd=self.new_directory())
        self.addCleanup(lambda: run.process.poll() is None and run.process.kill())

        def command(*words):
            return subprocess.run(['redis-cli', '-s', socket, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

        wait_until(lambda: command('ping') == b'PONG\n', 'the server', run)
        subprocess.run(['redis-benchmark', '-s', socket, '-q', '-n', '1000', '-r', '1000', '-d', '200', '-t',
                        'set,get,lpush,lpop,sadd,hset,zadd,lrange_100'], stdout=subprocess.DEVNULL, check=True)
        script = 'local t = {} for i = 1, 200 do t[i] = tostring(i) .. "x" end return redis.call("set", "k", table.concat(t))'
        self.assertEqual(b'OK\n', command('eval', script, '0'))
        command('shutdown', 'nosave')
        run.finish()
        self.assert_verified(run, 10000)


if __name__ == '__main__':
    unittest.main()
