#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tells people how to use the command line: --help, messages, man pages and completion in bash."""
import glob
import os
import re
import signal
import subprocess
import unittest

from cairn_test import SOURCE, CairnTest, clean_environment, wait_until

CAIRN = os.environ['E2E_CAIRN']
COMPLETION = os.path.join(SOURCE, 'completion', 'cairn.bash')
BASH_COMPLETION = '/usr/share/bash-completion/bash_completion'
COMMANDS = ['run', 'list', 'top', 'dump', 'report', 'diff', 'leaks', 'flame', 'symbolize', 'merge', 'remove']
OF_ALL = {'--help', '--usage'}
NOBODY = 65534


def cairn(*arguments, **options):
    return subprocess.run([CAIRN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=clean_environment(), text=True, timeout=60, **options)


def options_in_help(command):
    """The long options, each with whether it takes a value."""
    lines = cairn(command, '--help').stdout.splitlines()
    found = [re.match(r' {2,6}(?:-., )? *(--[a-z-]+)(=[A-Z]+)?', line) for line in lines]
    return {match[1]: bool(match[2]) for match in found if match}


def page_of(command):
    return os.path.join(SOURCE, 'man', f'cairn-{command}.1')


def options_in_page(command):
    """The long options that the page describes: its synopsis may name some again."""
    with open(page_of(command), encoding='utf8') as file:
        lines = [line for line in file if line.startswith('.It ')]
    return {'--' + option for line in lines for option in re.findall(r'\bFl -([a-z-]+)', line)}


class HelpTest(CairnTest):
    def test_each_command_lists_its_options_and_examples(self):
        for command in COMMANDS:
            with self.subTest(command):
                result = cairn(command, '--help')
                self.assertEqual((result.returncode, result.stderr), (0, ''))
                self.assertTrue(result.stdout.startswith(f'Usage: cairn {command} [OPTION...]'), result.stdout)
                self.assertLessEqual(OF_ALL, options_in_help(command).keys())
                self.assertRegex(result.stdout, rf'(?m)^Examples:\n(  (\w+=\S+ )?cairn {command}.*\n?)+\Z')

    def test_lines_of_help_fit_a_terminal(self):
        for command in ['help', *COMMANDS]:
            self.assertLessEqual(max(map(len, cairn(command, '--help').stdout.splitlines())), 79, command)

    def test_each_option_is_in_the_man_page_and_no_other(self):
        for command in COMMANDS:
            self.assertEqual(options_in_page(command), options_in_help(command).keys(), command)

    def test_overview_names_all_commands(self):
        result = cairn('help')
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertEqual(re.findall(r'(?m)^  (\w+)  +\S', result.stdout)[:len(COMMANDS)], COMMANDS)
        self.assertIn('\nExamples:\n', result.stdout)
        for option in '--help', '-h':
            self.assertEqual(cairn(option).stdout, result.stdout)

    def test_without_a_command_the_overview_is_an_error(self):
        result = cairn()
        self.assertEqual((result.returncode, result.stdout, result.stderr), (2, '', cairn('help').stdout))

    def test_help_of_a_command_is_its_help(self):
        for command in COMMANDS:
            result = cairn('help', command)
            self.assertEqual((result.returncode, result.stdout), (0, cairn(command, '--help').stdout), command)

    def test_version(self):
        result = cairn('--version')
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertRegex(result.stdout, r'\Acairn \d+\.\d+\.\d+\n\Z')

    def assert_misused(self, result, status, pattern):
        self.assertEqual((result.returncode, result.stdout), (status, ''), result.stderr)
        self.assertRegex(result.stderr, r'\Acairn')
        self.assertRegex(result.stderr, pattern)

    def test_an_unknown_command_is_named(self):
        self.assert_misused(cairn('rum'), 2, r'\Acairn: rum: no such command.*--help')

    def test_an_unknown_option_is_named(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.assert_misused(cairn(command, '--wrong'), 125 if command == 'run' else 2,
                                    rf"\Acairn {command}: .*'--wrong'\n.*--help")

    def test_a_missing_argument_is_asked_for(self):
        self.assert_misused(cairn('run'), 125, r'\Acairn run: which program\?')
        self.assert_misused(cairn('dump'), 2, r'\Acairn dump: of what\?')
        self.assert_misused(cairn('report'), 2, r'\Acairn report: of what\?')
        self.assert_misused(cairn('diff', 'one.pb.gz'), 2, r'\Acairn diff: between what\?')
        self.assert_misused(cairn('leaks'), 2, r'\Acairn leaks: of what\?')
        self.assert_misused(cairn('flame'), 2, r'\Acairn flame: of what\?')
        self.assert_misused(cairn('symbolize'), 2, r'\Acairn symbolize: what\?')
        self.assert_misused(cairn('merge', 'one.pb.gz'), 2, r'\Acairn merge: where to\?')
        self.assert_misused(cairn('merge', '-o', 'all.pb.gz'), 2, r'\Acairn merge: what\?')
        self.assert_misused(cairn('remove'), 2, r'\Acairn remove: which\?')


class ManPageTest(CairnTest):
    def test_pages_are_clean(self):
        for page in glob.glob(os.path.join(SOURCE, 'man', '*.[17]')):
            with self.subTest(os.path.basename(page)):
                result = subprocess.run(['mandoc', '-Tlint', page], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
                # Whether other pages are installed says nothing about this one.
                complaints = [line for line in result.stdout.splitlines() if 'referenced manual not found' not in line]
                self.assertEqual(complaints, [])

    def test_there_is_a_page_for_each_command_and_those_referred_to(self):
        there = {os.path.basename(page) for page in glob.glob(os.path.join(SOURCE, 'man', '*.[17]'))}
        wanted = {'cairn.1', 'cairn.7'} | {os.path.basename(page_of(command)) for command in COMMANDS}
        self.assertEqual(there, wanted)
        for page in there:
            with open(os.path.join(SOURCE, 'man', page), encoding='utf8') as file:
                references = re.findall(r'\.Xr (cairn\S*) (\d)', file.read())
            self.assertLessEqual({f'{name}.{section}' for name, section in references}, there, page)
        with open(os.path.join(SOURCE, 'man', 'meson.build'), encoding='utf8') as file:
            self.assertEqual(set(re.findall(r"'(cairn\S*\.\d)'", file.read())), there)

    def test_each_variable_is_described(self):
        with open(os.path.join(SOURCE, 'src', 'control', 'config.c'), encoding='utf8') as file:
            variables = set(re.findall(r'\{ "(CAIRN_[A-Z_]+)"', file.read()))
        with open(os.path.join(SOURCE, 'man', 'cairn.7'), encoding='utf8') as file:
            self.assertEqual(set(re.findall(r'(?m)^\.It Ev (CAIRN_\w+)', file.read())), variables)


# Calls the function as bash does: $1 is the script's, the others are the words of the line, of which the last is
# completed.  An = stands alone, as COMP_WORDBREAKS has it.
SCRIPT = '''
source "$1" || exit
shift
compopt() { :; } # bash has it only while it completes
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
_cairn "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
'''


class CompletionTest(CairnTest):
    preamble = ''

    def complete(self, *words, directory=None, **variables):
        result = subprocess.run(['bash', '--norc', '-c', self.preamble + SCRIPT, 'bash', COMPLETION, CAIRN, *words],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, cwd=directory,
                                env=clean_environment() | variables)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        return sorted(set(result.stdout.split('\n')) - {''})

    def directory_with(self, *files):
        directory = self.new_directory()
        for file in files:
            os.makedirs(os.path.dirname(os.path.join(directory, file)), exist_ok=True)
            with open(os.path.join(directory, file), 'w', encoding='utf8'):
                pass
        return directory

    def start(self, *words):
        """A program under `cairn run`, with its process id and ledger."""
        directory = self.new_directory()
        process = subprocess.Popen([CAIRN, 'run', '-q', '--exact', f'--ledger={directory}', '--', *words],
                                   cwd=directory, env=clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)  # which is passed on
        ledgers = []

        def is_there():
            ledgers[:] = re.findall(r'/\S*\.cairn$', cairn('list', directory).stdout, re.MULTILINE)
            ledgers[:] = [ledger for ledger in ledgers if ledger.startswith(directory)]
            return ledgers
        wait_until(is_there, 'the ledger')
        return process, ledgers[0].split('.')[-2], ledgers[0], directory

    def test_commands(self):
        self.assertEqual(self.complete(''), sorted([*COMMANDS, 'help', '--help', '--version']))
        self.assertEqual(self.complete('r'), ['remove', 'report', 'run'])
        self.assertEqual(self.complete('help', 'd'), ['diff', 'dump'])

    def test_each_option_is_offered_and_no_other(self):
        for command in COMMANDS:
            options = options_in_help(command).items()
            expected = [option + ('=' if takes_value else '') for option, takes_value in options]
            self.assertEqual(self.complete(command, '--'), sorted(expected), command)
        self.assertEqual(self.complete('dump', '1234', '--p'), ['--peak'])

    def test_columns_to_sort_by_are_those_that_top_knows(self):
        message = cairn('top', '--sort=none').stderr
        names = re.findall(r'\w+', re.search(r'there are (.*)', message)[1].replace(' and ', ' '))
        for words in ['--sort', '=', ''], ['--sort', '='], ['--sort', ''], ['-s', ''], ['--once', '-s', '']:
            self.assertEqual(self.complete('top', *words), sorted(names), words)
        self.assertEqual(self.complete('top', '--sort', '=', 'gr'), ['growth'])

    def test_orders_and_profiles_are_those_of_report(self):
        self.assertEqual(self.complete('report', '--sort', '=', ''), ['cum', 'flat'])
        self.assertEqual(self.complete('report', '-t', 'inuse_s'), ['inuse_space'])
        directory = self.directory_with('a.pb.gz', 'a.1.cairn', 'a.html', 'a directory/b', 'cpu.prof')
        for command in 'report', 'diff', 'leaks', 'flame', 'symbolize', 'merge':
            self.assertEqual(self.complete(command, 'a', directory=directory), ['a directory', 'a.1.cairn', 'a.pb.gz'])
            self.assertEqual(self.complete(command, 'cp', directory=directory), ['cpu.prof'])

    def test_a_value_in_one_word_keeps_its_option(self):
        self.assertEqual(self.complete('top', '--sort=gr'), ['--sort=growth'])

    def test_each_signal_that_is_offered_is_accepted(self):
        signals = self.complete('run', '--signal', '')
        self.assertLessEqual({'USR1', 'USR2', 'RTMIN+3'}, set(signals))
        for name in signals:
            result = cairn('run', f'--signal={name}', '/no/program')
            self.assertEqual(result.returncode, 127, result.stderr)  # it came as far as that

    def test_files_and_directories(self):
        directory = self.directory_with('a.pb.gz', 'a directory/b', 'a.1.cairn')
        for words in ['run', '--ledger', '=', 'a'], ['list', 'a'], ['diff', '--sysroot', '=', 'a']:
            self.assertEqual(self.complete(*words, directory=directory), ['a directory'], words)
        for words in (['dump', '1', '--since', '=', 'a.p'], ['dump', '-o', 'a.p'], ['run', '-xo', 'a.p'],
                      ['run', '--out', 'a.p'], ['symbolize', '-qo', 'a.p']):
            self.assertEqual(self.complete(*words, directory=directory), ['a.pb.gz'], words)
        for command in 'dump', 'top', 'remove':
            self.assertEqual(self.complete(command, 'a', directory=directory), ['a directory', 'a.1.cairn'], command)

    def test_values_of_which_there_are_many_are_not_guessed(self):
        directory = self.directory_with('1file')
        for option in '--rate', '--interval', '--memory':
            self.assertEqual(self.complete('run', option, '1', directory=directory), [], option)

    def test_processes_and_ledgers_of_dead_programs(self):
        _, pid, running, _ = self.start('sleep', '1000')
        dead, dead_pid, ledger, directory = self.start('sleep', '1000')
        os.kill(int(dead_pid), signal.SIGKILL)
        dead.wait()
        for command in 'top', 'dump':
            replies = self.complete(command, '', CAIRN_LEDGER=directory)
            self.assertIn(pid, replies)
            self.assertIn(ledger, replies)
            self.assertNotIn(dead_pid, replies)
        replies = self.complete('remove', '', CAIRN_LEDGER=directory)
        self.assertIn(ledger, replies)
        self.assertNotIn(pid, replies)
        self.assertNotIn(running, self.complete('remove', '', CAIRN_LEDGER=os.path.dirname(os.path.dirname(running))))

    def test_names_of_ledgers_are_not_executed(self):
        source = self.start('true')
        source[0].wait()
        directory = self.new_directory()
        evil = os.path.join(directory, '$(touch hit) `touch hit`.1.cairn')
        os.rename(source[2], evil)
        self.assertIn(evil, self.complete('remove', '', directory=directory, CAIRN_LEDGER=directory))
        self.assertEqual(os.listdir(directory), [os.path.basename(evil)])

    def test_programs_and_their_arguments(self):
        directory = self.directory_with('file')
        options = ['--rate', '=', '1', '--out', 'x', '-xo', 'y', '--peak']
        for words in [], ['--'], options, [*options, '--']:
            self.assertIn('sleep', self.complete('run', *words, 'slee'), words)
            self.assertEqual(self.complete('run', *words, 'echo', 'fi', directory=directory), ['file'], words)
        self.assertEqual(self.complete('run', '--', './nothing/', directory=directory), [])
        self.assertEqual(self.complete('run', 'echo', '--pea', directory=directory), [])  # an option of the program
        self.assertIn('sleep', self.complete('leaks', '--kinds', '=', 'definite', '--', 'slee'))
        self.assertEqual(self.complete('leaks', '-s', 'x', '--', 'echo', 'fi', directory=directory), ['file'])
        self.assertEqual(self.complete('leaks', 'slee', directory=directory), [])  # a program stands behind --


class CompletionWithPackageTest(CompletionTest):
    """The same, with the package's helpers there."""
    preamble = f'source {BASH_COMPLETION} || exit\n'

    def test_arguments_are_completed_as_the_program_s_own(self):
        self.assertIn('--signal', ' '.join(self.complete('run', '--', 'timeout', '--sig')))


if __name__ == '__main__':
    unittest.main()
