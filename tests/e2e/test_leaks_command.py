#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`cairn leaks`: its arguments, what it prints and writes, and its exit status."""
import json
import os
import shutil
import signal
import subprocess
import unittest
import xml.etree.ElementTree

from cairn_test import CAIRN, SOURCE, CairnTest, cairn, testdata, wait_until

LOST = testdata('lost')


class LeaksTest(CairnTest):
    def leaks(self, *arguments, environment=None, **options):
        """`cairn leaks` in a directory of its own: a Run."""
        directory = self.new_directory()
        return self.start(CAIRN, 'leaks', *map(str, arguments), environment=environment, directory=directory, cwd=directory,
                          **options).finish()

    def judge(self, *words, options=(), status=None, **popen):
        """What `cairn leaks --json` says of the program "lost"."""
        log = self.new_directory() + '/log'
        run = self.leaks('--json', '--log', log, *options, '--', LOST, *words, **popen)
        with open(log, encoding='utf8') as file:
            contents = json.load(file)
        if status is not None:
            self.assertEqual(status, run.process.returncode, (run.outcome, contents))
        return contents

    def start_waiting(self, *words, **options):
        """The program "lost" as it waits, profiled."""
        run = self.start_program('lost', *words, 'ready', stdin=subprocess.PIPE, **options)
        self.addCleanup(lambda: run.process.poll() is None and run.finish(b'\n'))
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        return run

    def assert_misused(self, pattern, *arguments):
        run = self.leaks(*arguments)
        self.assertEqual((2, b''), (run.process.returncode, run.stdout), (arguments, run.stderr))
        self.assertRegex(run.stderr.decode(), pattern, arguments)
        self.assertEqual([], run.all_files())


class ArgumentsTest(LeaksTest):
    def test_what_it_is_about_must_be_said(self):
        self.assert_misused(r'of what\? cairn leaks -- PROGRAM')
        self.assert_misused(r'of what\?', '--')
        self.assert_misused(r'of what\?', '--growth', '10m')

    def test_a_program_stands_behind_two_dashes(self):
        for arguments in [LOST], [LOST, 'lose', '8'], [LOST, '--help-me'], ['no-such-file']:
            self.assert_misused(r'is neither a process nor a profile; a program stands behind --', *arguments)
        self.assert_misused(r'1234: expected nothing between the options and --', '1234', '--', LOST)

    def test_one_file_is_nothing_to_compare(self):
        self.assert_misused(r'cairn leaks OLD NEW', os.path.join(SOURCE, 'README.md'))
        self.assert_misused(r'two profiles at most', '1', '2', '3')

    def test_options_are_for_what_they_are_for(self):
        for option in ['--rate=2'], ['--no-follow'], ['--no-trace'], ['--force'], ['--ledger-memory=1M'], ['--max-growth=1']:
            self.assert_misused(rf'{option[0].split("=")[0]} does not go with a process', *option, '1')
        for option in ['--max-pause=1s'], ['--interval=1s'], ['--warmup=1s'], ['--per-signal=USR1'], ['--confidence=99']:
            self.assert_misused(rf'{option[0].split("=")[0]} does not go with a program', *option, '--', LOST)
        self.assert_misused('--growth: is for a process', '--growth=1s', '--', LOST)
        self.assert_misused('--out does not go with --growth', '--growth=1s', '--out=x', '1')
        self.assert_misused('--type does not go with', '--type=cpu', '1')
        self.assert_misused('--type does not go with --growth', '--growth=1s', '--type=inuse_space', '1')

    def test_values_are_checked(self):
        for option, pattern in {
                '--kinds=': 'expected a list', '--kinds=definite,': 'expected a list', '--kinds=lost': 'expected a list',
                '--max-bytes=-1': 'expected bytes', '--max-bytes=1X': 'expected bytes', '--max-bytes=': 'expected bytes',
                '--exit-code=256': 'from 0 to 255', '--exit-code=x': 'from 0 to 255', '--exit-code=': 'from 0 to 255',
                '--top=-1': 'whole number', '--top=99999999999999999999': 'whole number',
                '--rate=0': 'nothing would be recorded', '--rate=x': 'expected bytes', '--ledger-memory=1': 'from 1M',
                '--memory=x': 'expected bytes', '--library=/no/such/file': 'No such file',
        }.items():
            self.assert_misused(f'{option.split("=")[0]}.*{pattern}', option, '--', LOST)
        for option, pattern in {'--max-pause=x': 'a time such as', '--max-pause=-1s': 'a time such as'}.items():
            self.assert_misused(f'{option.split("=")[0]}.*{pattern}', option, '1')
        for option, pattern in {'--interval=0': 'a time such as', '--per-signal=NONE': 'a signal', '--per-signal=KILL': 'a signal',
                                '--per-signal=INT': 'ends the watch',
                                '--confidence=100': 'between 0 and 100', '--confidence=nan': 'between 0 and 100',
                                '--warmup=900000h': 'of a year at most'}.items():
            self.assert_misused(f'{option.split("=")[0]}.*{pattern}', '--growth=1s', option, '1')

    def test_standard_output_is_the_program_s(self):
        for option in '--log', '--junit', '--out':
            self.assert_misused(f"{option}: -: standard output is the program's", option, '-', '--', LOST)
        self.assert_misused('for one thing only', '--json', '--junit', '-', '1')

    def test_programs_that_cannot_be_started(self):
        directory = self.new_directory()
        file = os.path.join(directory, 'file')
        open(file, 'w').close()
        for program, status in ('no-such-program', 127), (file, 126), (testdata('hello_static'), 2):
            run = self.leaks('--', program)
            self.assertEqual((status, b''), (run.process.returncode, run.stdout), run.stderr)
            self.assertIn(os.path.basename(program).encode(), run.stderr)

    def test_processes_that_cannot_be_looked_at(self):
        bare = self.start('/bin/sleep', '100')
        self.addCleanup(lambda: (bare.process.kill(), bare.finish()))
        for pid, pattern in (bare.pid, 'is not being profiled'), (4194304, 'no such process'), (0, 'is not the id of a process'):
            self.assert_misused(f'{pid}: {pattern}', pid)

    def test_rules_that_cannot_be_read(self):
        file = os.path.join(self.new_directory(), 'rules')
        with open(file, 'w') as rules:
            rules.write('leak:fine\nnonsense\n')
        self.assert_misused(r'/rules:2: ', '--suppressions', file, '--', LOST, 'lose', '8')
        self.assert_misused(r'no/such: .*No such file', '-s', 'no/such', '--', LOST)

    def test_own_rules_can_be_printed_and_read_again(self):
        rules = cairn('leaks', '--print-rules').stdout
        self.assertRegex(rules.decode(), r'(?m)^(leak:|\{)')
        file = os.path.join(self.new_directory(), 'rules')
        with open(file, 'wb') as copy:
            copy.write(rules)
        self.judge('keep', 8, options=['--show-all', '-s', file], status=0)


class StatusTest(LeaksTest):
    def test_a_leak_is_1_or_what_is_asked_for(self):
        self.assertEqual('leak', self.judge('lose', 1000, status=1)['verdict'])
        self.assertEqual(42, self.judge('lose', 1000, options=['--exit-code=42'], status=42)['status'])
        self.assertEqual(0, self.judge('lose', 1000, options=['--exit-code=0'], status=0)['status'])

    def test_a_program_that_fails_has_its_own_status_unless_it_leaks(self):
        contents = self.judge('keep', 1000, 'status', 3, status=3)
        self.assertEqual(('clean', 3), (contents['verdict'], contents['status']))
        self.assertEqual('leak', self.judge('lose', 1000, 'status', 3, status=1)['verdict'])
        self.assertEqual(0, self.judge('keep', 1000, status=0)['status'])

    def test_a_program_that_a_signal_ends(self):
        self.assertEqual('clean', self.judge('signal', signal.SIGTERM, status=-signal.SIGTERM)['verdict'])
        self.assertEqual('leak', self.judge('lose', 1000, 'signal', signal.SIGTERM, status=1)['verdict'])

    def test_what_cannot_be_told_is_2(self):
        contents = self.judge('drop', 500, 'lose', 1000, options=['--no-trace'], status=2)
        self.assertEqual(('unknown', 2), (contents['verdict'], contents['status']))
        self.assertEqual((1, 1000), (contents['kinds']['unknown']['objects'], contents['kinds']['unknown']['bytes']))
        self.assertIn('--no-trace', contents['message'])
        self.assertEqual('not judged', contents['processes'][0]['state'])
        self.judge('lose', 1000, 'status', 3, options=['--no-trace'], status=2)

    def test_nothing_live_is_clean_without_looking(self):
        for words in [], ['drop', 100]:
            self.assertEqual('clean', self.judge(*words, options=['--no-trace'], status=0)['verdict'])

    def test_kinds_that_count(self):
        for kinds, status in {'definite': 1, 'indirect': 1, 'reachable': 0, 'definite,reachable': 1}.items():
            self.judge('chain', 1000, options=['--kinds', kinds], status=status)
        self.judge('keep', 1000, options=['--kinds=definite,indirect,reachable'], status=1)

    def test_some_bytes_may_be_lost(self):
        self.judge('lose', 600, 'lose', 400, options=['--max-bytes=999'], status=1)
        contents = self.judge('lose', 600, 'lose', 400, options=['--max-bytes=1000'], status=0)
        self.assertEqual(('clean', 1000), (contents['verdict'], contents['lost']['bytes']))
        self.assertIn('--max-bytes', contents['message'])


class OutputTest(LeaksTest):
    def test_text(self):
        run = self.leaks('--', LOST, 'lose', '1000', 'lose', '1000', 'keep', '5000', 'lose', '8')
        text = run.stderr.decode()
        self.assertEqual((1, b'', []), (run.process.returncode, run.stdout, run.all_files()), text)
        self.assertRegex(text, r'\Acairn: leaks of \S*/lost \(1 process judged; every allocation recorded\)\n\n')
        self.assertRegex(text, r'(?m)^2,008 bytes in 3 blocks are definitely lost\n    get +lost\.c:\d+\n    lose +lost\.c:\d+\n'
                               r'    main +lost\.c:\d+\n\n')
        self.assertRegex(text, r'(?m)^LEAK SUMMARY:\n +bytes +blocks\n +definitely lost: +2,008 +3\n +indirectly lost: +0 +0\n'
                               r' +still reachable: +5,000 +1\n +not judged: +0 +0\n')
        self.assertTrue(text.endswith('cairn: LEAK: 2,008 bytes in 3 blocks lost in 1 stack\n'), text)
        self.assertNotIn('\033', text)

    def test_text_of_what_is_clean(self):
        text = self.leaks('--', LOST, 'keep', '5000').stderr.decode()
        self.assertTrue(text.endswith('cairn: clean: nothing is lost\n'), text)
        self.assertNotIn('lost.c', text)

    def test_reachable_stacks_are_shown_if_asked_for(self):
        text = self.leaks('--show-reachable', '--', LOST, 'keep', '5000').stderr.decode()
        self.assertRegex(text, r'5,000 bytes in 1 block are still reachable\n    get +lost\.c:\d+\n    keep +lost.c:\d+\n')

    def test_so_many_stacks(self):
        text = self.leaks('--top', '1', '--', LOST, 'lose', '1000', 'chain', '9').stderr.decode()
        self.assertRegex(text, r'\n\(1 more stack; --top 0 shows all\)\n')
        self.assertEqual(1, text.count('    main '))
        text = self.leaks('--top', '0', '--', LOST, 'lose', '1000', 'chain', '9').stderr.decode()
        self.assertEqual(2, text.count('    main '))

    def test_what_is_lost_with_a_block_is_told_there(self):
        text = self.leaks('--', LOST, 'chain', '9').stderr.decode()
        self.assertRegex(text, r'\n18 bytes in 2 blocks are definitely lost \(9 direct, 9 indirect\)\n    get +lost\.c:\d+\n')
        self.assertEqual(1, text.count('    main '))
        self.assertTrue(text.endswith('cairn: LEAK: 18 bytes in 2 blocks lost in 1 stack\n'), text)
        text = self.leaks('-v', '--', LOST, 'chain', '9').stderr.decode()
        self.assertRegex(text, r'\n9 bytes in 1 block are indirectly lost\n    get +lost\.c:\d+\n')

    def test_a_program_that_failed_is_told_also_where_it_leaks(self):
        text = self.leaks('--', LOST, 'lose', '8', 'status', '3').stderr.decode()
        self.assertTrue(text.endswith('cairn: the program failed with status 3\n'), text)
        text = self.leaks('--', LOST, 'lose', '8', 'signal', '15').stderr.decode()
        self.assertTrue(text.endswith('cairn: the program was ended by signal 15 (Terminated)\n'), text)
        contents = self.judge('lose', 8, 'signal', 15)
        self.assertEqual((128 + 15, 15), (contents['program_status'], contents['program_signal']))

    def test_what_was_not_sampled_is_not_called_clean(self):
        contents = self.judge('lose', 1000, options=['--rate', '1G'], status=2)
        self.assertRegex(contents['message'], 'not one allocation was sampled')
        contents = self.judge('keep', 10000000, options=['--rate', '64K'], status=0)
        self.assertRegex(contents['message'], r'clean: nothing is lost \(a leak of less than about 442 KiB need not be among the samples\)')

    def test_json(self):
        contents = self.judge('chain', 100, 'keep', 50, status=1)
        self.assertEqual((1, 'leak', 1, None), tuple(contents[key] for key in ('version', 'verdict', 'status', 'pause_ms')))
        self.assertEqual([LOST, 'chain', '100', 'keep', '50'], contents['command'])
        self.assertEqual({'definite': (1, 100), 'indirect': (1, 100), 'reachable': (1, 50), 'unknown': (0, 0)},
                         {kind: (value['objects'], value['bytes']) for kind, value in contents['kinds'].items()})
        self.assertEqual((2, 200, 1), tuple(contents['lost'][key] for key in ('objects', 'bytes', 'stacks')))
        self.assertEqual(['definite', 'indirect', 'reachable'], [stack['kind'] for stack in contents['stacks']])
        self.assertEqual([True, True, False], [stack['counts'] for stack in contents['stacks']])
        self.assertEqual(['get', 'chain', 'main'], [frame['name'] for frame in contents['stacks'][0]['frames']][:3])
        frame = contents['stacks'][0]['frames'][0]
        self.assertEqual(('lost.c', LOST), (os.path.basename(frame['file']), frame['binary']))
        self.assertLess(0, frame['line'])
        process, = contents['processes']
        self.assertEqual(('lost', 'judged', None), (process['program'], process['state'], process['why']))
        self.assertLess(0, process['scanned_bytes'])

    def test_output_of_the_program_is_left_alone(self):
        log = self.new_directory() + '/log'
        run = self.start(CAIRN, 'leaks', '--log', log, '--', LOST, 'lose', '8', 'ready', stdin=subprocess.PIPE).finish(b'\n')
        self.assertEqual((1, b'ready\n', b''), run.outcome)
        with open(log, encoding='utf8') as file:
            self.assertRegex(file.read(), r'(?s)\Acairn: leaks of .*\ncairn: LEAK: .*\n\Z')

    def test_the_verdict_can_go_into_a_stream(self):
        self.assertEqual(b'', self.leaks('--log', '/dev/null', '--', LOST, 'lose', '8').stderr)
        self.assertIn(b'LEAK: 8 bytes', self.leaks('--log', '/dev/stderr', '--', LOST, 'lose', '8').stderr)
        path = self.new_directory() + '/ci.log'
        with open(path, 'wb') as log: # not at its beginning, and not over what comes after
            for text in b'before\n', b'after\n':
                os.write(log.fileno(), text)
                subprocess.run([CAIRN, 'leaks', '--log', '/dev/stderr', '--', LOST, 'lose', '8'], check=False, stderr=log.fileno(),
                               stdout=subprocess.DEVNULL)
        with open(path, 'rb') as log:
            self.assertRegex(log.read(), rb'(?s)\Abefore\ncairn: leaks .*LEAK: 8 bytes[^\n]*\nafter\ncairn: leaks .*LEAK: 8 bytes')
        pipe = self.new_directory() + '/pipe'
        os.mkfifo(pipe)
        reader = subprocess.Popen(['cat', pipe], stdout=subprocess.PIPE)
        self.leaks('--log', pipe, '--', LOST, 'lose', '8')
        self.assertIn(b'LEAK: 8 bytes', reader.communicate(timeout=30)[0])
        self.assert_misused("standard output is the program's", '--log', '/dev/stdout', '--', LOST)

    def test_files_that_cannot_be_written_are_named(self):
        for option in '--log', '--junit', '--out':
            run = self.leaks(option, '/no/such/file', '--', LOST, 'ready')
            self.assertEqual((2, b''), (run.process.returncode, run.stdout), run.stderr)  # before it was started
            self.assertRegex(run.stderr.decode(), r'\Acairn: /no/such/file: .*No such file or directory')

    def test_a_profile_of_what_was_found(self):
        path = self.new_directory() + '/found.pb.gz'
        self.judge('chain', 100, 'keep', 50, options=['--out', path])
        by_label = json.loads(cairn('report', '--json', '--by', 'leak', path).stdout)['by_label']
        self.assertEqual({'definite': 100, 'indirect': 100, 'reachable': 50}, {row['label']: row['value'] for row in by_label})

    def test_what_is_lost_with_something_hidden_is_hidden_with_it(self):
        path = self.new_directory() + '/rules'
        with open(path, 'w', encoding='utf8') as file:
            file.write('{\n  head\n  Memcheck:Leak\n  match-leak-kinds: definite\n  fun:malloc\n  fun:get\n  fun:chain\n}\n')
        contents = self.judge('chain', 100, options=['--suppressions', path], status=0)
        rule, = [rule for rule in contents['hidden'] if rule['file']]
        self.assertEqual((2, 200), (rule['objects'], rule['bytes']))

    def test_suppressions(self):
        rules = os.path.join(self.new_directory(), 'rules')
        with open(rules, 'w') as file:
            file.write('# of ours\nleak:^lose$\nleak:never\n')
        contents = self.judge('lose', 600, 'keep', 8, options=['--show-all', '-s', rules], status=0)
        self.assertEqual([{'rule': 'leak:^lose$', 'file': rules, 'line': 2, 'objects': 1, 'bytes': 600}], contents['hidden'])
        self.assertEqual(('clean', 0, 1), (contents['verdict'], contents['kinds']['definite']['bytes'], contents['unused_rules']))
        text = self.leaks('-v', '--suppressions', rules, '--', LOST, 'lose', '600').stderr.decode()
        self.assertIn('hidden by rules:', text)
        self.assertIn(f'600 bytes in 1 block hidden by leak:^lose$ ({rules}:2)', text)
        self.assertIn('1 rule of the suppression files matched nothing', text)

    def test_only_stacks_that_are_asked_for(self):
        self.judge('lose', 600, options=['--focus=keep'], status=0)
        self.judge('lose', 600, options=['--ignore=lose'], status=0)
        self.judge('lose', 600, options=['--focus=lose'], status=1)

    def test_all_processes_are_judged(self):
        contents = self.judge('keep', 100, 'child', 'lose', 10, status=1)
        self.assertEqual((10, 100), tuple(contents['kinds'][kind]['bytes'] for kind in ('definite', 'reachable')))
        self.assertEqual(['judged', 'judged'], [process['state'] for process in contents['processes']])
        contents = self.judge('keep', 100, 'child', 'lose', 10, options=['--no-follow'], status=0)
        self.assertEqual((100, 1), (contents['kinds']['reachable']['bytes'], len(contents['processes'])))

    def test_a_program_that_is_not_recorded_is_named(self):
        log = self.new_directory() + '/log'
        self.leaks('--json', '--log', log, '--', '/bin/bash', '-c', testdata('hello_static') + '; true')
        with open(log, encoding='utf8') as file:
            contents = json.load(file)
        self.assertEqual({'hello_static': 'not recorded'},
                         {process['program']: process['state'] for process in contents['processes'] if process['state'] != 'judged'})
        self.assertEqual('clean', contents['verdict'], contents)

    def test_what_executed_another_program_is_that(self):
        log = self.new_directory() + '/log'
        self.leaks('--json', '--log', log, '--', '/bin/bash', '-c', f'exec {LOST} keep 8')
        with open(log, encoding='utf8') as file:
            contents = json.load(file)
        self.assertEqual([('lost', 'judged')], [(process['program'], process['state']) for process in contents['processes']])
        self.assertEqual('clean', contents['verdict'], contents)

    def test_rules_that_come_with_cairn_can_be_left_out(self):
        hidden = []
        for options in [], ['--show-all']:
            log = self.new_directory() + '/log'
            self.leaks('--json', '--log', log, *options, '--', '/bin/bash', '-c', ':')
            with open(log, encoding='utf8') as file:
                hidden.append(json.load(file)['hidden'])
        self.assertEqual((None, []), (hidden[0][0]['file'], hidden[1]))

    def test_a_process_that_still_runs_is_not_judged(self):
        log = self.new_directory() + '/log'
        script = f'exec 3<&0; {LOST} ready <&3 >/dev/null & exit 0'
        run = self.start(CAIRN, 'leaks', '--json', '--log', log, '--', '/bin/sh', '-c', script, stdin=subprocess.PIPE,
                         environment={'CAIRN_LEDGER': self.new_directory()})
        run.process.wait(60)
        with open(log, encoding='utf8') as file:
            contents = json.load(file)
        process, = [process for process in contents['processes'] if process['state'] != 'judged']
        self.assertEqual((2, 'unknown', 'lost'), (run.process.returncode, contents['verdict'], process['program']), contents)
        self.assertIn(f'cairn leaks {process["pid"]}', process['why'])
        found = self.leaks(process['pid'])
        self.assertEqual(0, found.process.returncode, found.outcome)
        run.finish(b'\n')
        wait_until(lambda: not os.path.exists(f'/proc/{process["pid"]}'), 'its end')

    def test_nothing_is_left_behind(self):
        ledgers = self.new_directory()
        variables = {'CAIRN_INTERVAL': '10ms', 'CAIRN_DUMP_GROWTH': '1', 'CAIRN_PEAK': '1', 'CAIRN_FATAL': '1', 'CAIRN_RATE': '0',
                     'CAIRN_LEDGER': ledgers}
        for options in [], ['--no-trace']:
            run = self.leaks(*options, '--', LOST, 'lose', '1000', 'child', 'lose', '8', environment=variables)
            self.assertEqual((2 if options else 1, []), (run.process.returncode, run.all_files()), run.stderr)
        self.assertEqual([], os.listdir(ledgers))


class JunitTest(LeaksTest):
    def read(self, *words, options=(), program=LOST):
        path = self.new_directory() + '/junit.xml'
        self.leaks('--junit', path, *options, '--', program, *words)
        suites = xml.etree.ElementTree.parse(path).getroot()
        self.assertEqual('testsuites', suites.tag)
        suite, = suites
        self.assertEqual(('testsuite', 'cairn leaks'), (suite.tag, suite.get('name')))
        cases = list(suite)
        self.assertEqual({'testcase'}, {case.tag for case in cases})
        self.assertEqual(int(suite.get('tests')), len(cases))
        for attribute, tag in ('failures', 'failure'), ('errors', 'error'):
            self.assertEqual(int(suite.get(attribute)), len([case for case in cases if case.find(tag) is not None]))
        return cases

    def test_each_stack_is_a_failure(self):
        definite, = self.read('chain', 1000, 'keep', 8)
        self.assertRegex(definite.get('name'), r'\Adefinite: get < chain < main')
        failure = definite.find('failure')
        self.assertEqual(('definite', '2,000 bytes in 2 blocks are definitely lost (1,000 direct, 1,000 indirect)'), (failure.get('type'), failure.get('message')))
        self.assertRegex(failure.text, r'get +lost\.c:\d+\nchain +lost\.c:\d+\nmain +lost\.c:\d+')

    def test_a_program_that_fails_is_an_error(self):
        program, clean = self.read('keep', 8, 'status', 3)
        self.assertEqual(('the program itself', 'the program failed with status 3'),
                         (program.get('name'), program.find('error').get('message')))
        self.assertEqual(('no leaks', []), (clean.get('name'), list(clean)))
        leak, program = self.read('lose', 8, 'signal', 15)
        self.assertEqual('the program was ended by signal 15 (Terminated)', program.find('error').get('message'))

    def test_what_is_clean_is_one_that_passes(self):
        case, = self.read('keep', 8)
        self.assertEqual((LOST, 'no leaks', []), (case.get('classname'), case.get('name'), list(case)))

    def test_what_cannot_be_told_is_an_error(self):
        case, = self.read('lose', 8, options=['--no-trace'])
        self.assertRegex(case.find('error').get('message'), r'could not tell: lost \(\d+\): .*--no-trace')

    def test_names_of_others_do_no_harm(self):
        hostile = os.path.join(self.new_directory().encode(), b'a<b>&"\'\x01\x1b[31m\xff\xfe\xed\xa0\x80 \xef\xbf\xbf\xc3\xa9]]>')
        shutil.copy(LOST, hostile)
        case, = self.read('keep', 8, program=os.fsdecode(hostile))
        self.assertRegex(case.get('classname'), 'a<b>&"\'\ufffd+\\[31m\ufffd+ \ufffdé]]>\\Z')


class ProcessTest(LeaksTest):
    def test_a_process_that_runs(self):
        run = self.start_waiting('lose', '1000', 'keep', '50')
        found = self.leaks('--json', run.pid)
        contents = json.loads(found.stdout)
        self.assertEqual((1, 'leak', run.pid), (found.process.returncode, contents['verdict'], contents['pid']), found.outcome)
        self.assertEqual((1000, 50), tuple(contents['kinds'][kind]['bytes'] for kind in ('definite', 'reachable')))
        self.assertLess(0, contents['pause_ms'])
        text = self.leaks(run.pid).stdout.decode()
        self.assertRegex(text, rf'\Acairn: leaks of lost, process {run.pid} \(stopped for [\d.]+ .?s; every allocation recorded\)\n')
        self.assertTrue(text.endswith('cairn: LEAK: 1,000 bytes in 1 block lost in 1 stack\n'), text)
        run.finish(b'\n')
        self.assertEqual(0, run.process.returncode, run.outcome)

    def test_a_process_that_is_clean(self):
        run = self.start_waiting('keep', '50')
        found = self.leaks(run.pid)
        self.assertEqual(0, found.process.returncode, found.outcome)

    def look_into(self, place):
        """What `cairn leaks` says of the program "places", which goes on after it: objects by kind."""
        run = self.start_program('places', place, stdin=subprocess.PIPE)
        self.addCleanup(lambda: run.process.poll() is None and run.finish(b'\n'))
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        contents = json.loads(self.leaks('--json', '--show-all', run.pid).stdout)
        with open(f'/proc/{run.pid}/status', encoding='utf8') as file:
            shared_kib = int(next(line.split()[1] for line in file if line.startswith('RssShmem')))
        run.finish(b'\n')
        self.assertEqual(0, run.process.returncode, (place, run.outcome))
        num = {stack['kind']: stack['objects'] for stack in contents['stacks'] if stack['bytes'] == 100 * stack['objects']}
        return num, shared_kib

    def test_pointers_may_lie_anywhere(self):
        for place in 'readonly', 'forbidden', 'shared', 'unlinked', 'sparse', 'foreign', 'neighbour', 'handled', 'returned':
            self.assertNotIn('definite', self.look_into(place)[0], place)

    def test_memory_is_not_made_by_looking_at_it(self):
        self.assertLess(self.look_into('sparse')[1], 100 << 10)

    def test_what_only_ended_threads_had_is_lost(self):
        for place in 'joined', 'detached':
            self.assertEqual(50, self.look_into(place)[0].get('definite'), place)

    def test_what_takes_too_long_is_not_told_and_the_process_goes_on(self):
        run = self.start_waiting('lose', '1000')
        found = self.leaks('--json', '--memory=1', run.pid)
        contents = json.loads(found.stdout)
        self.assertEqual((2, 'unknown'), (found.process.returncode, contents['verdict']), found.outcome)
        self.assertEqual(1000, contents['kinds']['unknown']['bytes'])
        run.finish(b'\n')
        self.assertEqual(0, run.process.returncode, run.outcome)

    def test_estimates_have_errors(self):
        run = self.start_waiting(*['lose', '1000'] * 200, cairn={'RATE': 2000, 'SEED': 7})
        contents = json.loads(self.leaks('--json', run.pid).stdout)
        self.assertTrue(contents['is_estimate'])
        value = contents['kinds']['definite']
        self.assertLess(0, value['bytes_standard_error'])
        self.assertLess(abs(value['bytes'] - 200000), 4 * value['bytes_standard_error'])
        self.assertRegex(self.leaks(run.pid).stdout.decode(), r'definitely lost: +[\d,]+ \+-[\d,]+ +[\d,]+ \+-[\d,]+\n')

    def test_a_process_that_is_gone(self):
        run = self.start_waiting(cairn={'LEDGER': self.new_directory()})
        run.finish(b'\n')
        self.assert_misused(rf'{run.pid}: ', run.pid)


if __name__ == '__main__':
    unittest.main()
