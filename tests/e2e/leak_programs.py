# SPDX-License-Identifier: Apache-2.0
"""The programs of testdata/leaks, and who judges what they lost: cairn, valgrind, and LeakSanitizer.

A Loss is bytes and objects by kind.  A program's own word for it, truth_of_leaks(), may leave open how many of its lost
blocks are definite (kind "lost"); split() and join() make two losses comparable.
"""
import collections
import json
import os
import re
import subprocess

from cairn_test import CAIRN, clean_environment, testdata

KINDS = 'definite', 'indirect', 'reachable', 'unknown'

# Each with the arguments that it takes: one case each; None: it takes none.
PROGRAMS = {
    'arrays': [None],
    'bases': [None],
    'containers': ['string', 'vector', 'map', 'cycle', 'static'],
    'copies': [None],
    'coroutines': ['mapped', 'allocated', 'inside'],
    'cycles': ['ring', 'self', 'chain'],
    'descendants': ['fork', 'forgets', 'reloads', 'exec', 'vfork', 'replaced', 'alone'],
    'endings': ['return', 'exit', '_exit', 'exit_group', 'quick_exit', 'abort', 'kill', 'segv', 'term', 'main_thread', 'other_thread', 'exec'],
    'handlers': ['exit', 'destructor', 'forgets'],
    'libraries': ['data', 'bss', 'thread', 'unloaded'],
    'lists': [None],
    'mappings': ['private', 'shared', 'file', 'readonly', 'unmapped'],
    'naive': ['main', 'loop', 'table'],
    'people': [None],
    'pointers': ['middle', 'last', 'tagged', 'union', 'end', 'odd', 'disguised'],
    'registers': ['general', 'vector', 'high', 'ending'],
    'signal_stacks': ['lost', 'held'],
    'sizes': ['realloc', 'aligned', 'huge', 'zero', 'grown'],
    'stacks': ['main', 'other', 'dead', 'ended'],
    'stale': ['small', 'large', 'last', 'many', 'shrunk', 'small thread', 'large thread', 'last thread', 'many thread', 'shrunk thread'],
    'thread_locals': ['main', 'other', 'specific'],
    'trees': [None],
    'waiting': ['few'],
}

# Where an old pointer may lie in a frame that exit() made and has not written to, which no conservative judge can know.
HELD_BY_CHANCE = {'naive main', 'people'}

CASES = [(name, argument) for name, arguments in PROGRAMS.items() for argument in arguments]

Loss = collections.namedtuple('Loss', 'bytes objects')
NOTHING = Loss(0, 0)


def add(a, b):
    return Loss(a.bytes + b.bytes, a.objects + b.objects)


def command_of(case, suffix=''):
    name, argument = case
    program = testdata(f'leaks/{name}{suffix}')
    return [program] if argument is None else [program, *argument.split()]


def name_of(case):
    return ' '.join(word for word in case if word)


def truth_of_leaks(stdout):
    """What a program of testdata/leaks said of itself, by kind."""
    truth = {}
    for line in stdout.decode().splitlines():
        words = line.split()
        if words and words[0] in (*KINDS, 'lost'):
            truth[words[0]] = add(truth.get(words[0], NOTHING), Loss(*map(int, words[1:])))
    return truth


def split(loss, truth):
    """(definite, indirect) of a loss, or what both come to if that is all the truth tells."""
    definite, indirect = (loss.get(kind, NOTHING) for kind in ('definite', 'indirect'))
    if 'lost' in truth:
        return add(add(definite, indirect), loss.get('lost', NOTHING)),
    return definite, indirect


class Verdict:
    """What `cairn leaks --json` said."""

    def __init__(self, text, status, stdout, stderr):
        self.contents = json.loads(text) if text else None
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    def read(cls, path, status, stdout, stderr):
        """From a file, if it is there; it is removed."""
        text = ''
        if os.path.exists(path):
            with open(path) as file:
                text = file.read()
            os.remove(path)
        return cls(text, status, stdout, stderr)

    @property
    def loss(self):
        return {kind: Loss(value['bytes'], value['objects']) for kind, value in self.contents['kinds'].items()}

    @property
    def verdict(self):
        return self.contents['verdict']

    def functions(self, kind):
        """Loss of one kind under each function, all that it called included."""
        losses = {}
        for stack in self.contents['stacks']:
            if stack['kind'] == kind:
                for function in {frame['name'] for frame in stack['frames']}:
                    losses[function] = add(losses.get(function, NOTHING), Loss(stack['bytes'], stack['objects']))
        return losses

    def __str__(self):
        return f'status {self.status}, stdout {self.stdout.decode()[-2000:]}, stderr {self.stderr.decode()[-3000:]}, {json.dumps(self.contents)[:6000]}'


def judge_by_cairn(directory, *command, options=(), environment=None, input=b'', timeout=60, **popen):
    """Runs a program under `cairn leaks`; its verdict goes to a file, so the program's output is its own."""
    log = os.path.join(directory, 'leaks.json')
    result = subprocess.run([CAIRN, 'leaks', '--json', '--log', log, *options, '--', *command], input=input,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                            env=clean_environment() | (environment or {}), **popen)
    return Verdict.read(log, result.returncode, result.stdout, result.stderr)


def inspect(pid, *options, timeout=60, check=True):
    """What `cairn leaks PID` says of a running process."""
    result = subprocess.run([CAIRN, 'leaks', '--json', *map(str, options), str(pid)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, env=clean_environment())
    verdict = Verdict(result.stdout, result.returncode, result.stdout, result.stderr)
    if check and verdict.contents is None:
        raise AssertionError(f'cairn leaks {pid}: {verdict}')
    return verdict


VALGRIND_KINDS = {'definitely': 'definite', 'indirectly': 'indirect', 'possibly': 'possible', 'still': 'reachable'}


def loss_of_valgrind(text):
    """Loss by kind in what valgrind wrote, with "possible" (interior pointers only); all processes together."""
    loss = {}
    for word, size, objects in re.findall(r'^==\d+== +(\w+) (?:lost|reachable): ([\d,]+) bytes in ([\d,]+) blocks', text, re.M):
        kind = VALGRIND_KINDS[word]
        loss[kind] = add(loss.get(kind, NOTHING), Loss(int(size.replace(',', '')), int(objects.replace(',', ''))))
    return loss


def judge_by_valgrind(directory, *command, environment=None, input=b'', timeout=100, options=(), **popen):
    """(loss by kind, the program's result, what valgrind wrote)."""
    result = subprocess.run(['valgrind', '--leak-check=full', '--show-leak-kinds=definite,indirect', '--trace-children=yes', '--xml=no',
                             f'--log-file={directory}/valgrind.%p', *options, *command], input=input, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=timeout, env=clean_environment() | (environment or {}), **popen)
    texts = []
    for name in sorted(os.listdir(directory)):
        if name.startswith('valgrind.'):
            with open(os.path.join(directory, name), errors='replace') as file:
                texts.append(file.read())
            os.remove(os.path.join(directory, name))
    text = '\n'.join(texts)
    return loss_of_valgrind(text), result, text


def judge_by_lsan(*command, environment=None, input=b'', timeout=60, **popen):
    """Loss by kind of a program that was built with LeakSanitizer, in all its processes."""
    settings = {'LSAN_OPTIONS': 'exitcode=0:print_suppressions=0:fast_unwind_on_malloc=0'}
    result = subprocess.run(command, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                            env=clean_environment() | settings | (environment or {}), **popen)
    loss = {}
    text = result.stderr.decode(errors='replace')
    for word, size, objects in re.findall(r'^(Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) object\(s\)', text, re.M):
        kind = 'definite' if word == 'Direct' else 'indirect'
        loss[kind] = add(loss.get(kind, NOTHING), Loss(int(size), int(objects)))
    return loss, result, text
