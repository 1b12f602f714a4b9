# SPDX-License-Identifier: Apache-2.0
"""A real terminal for the tests."""
import os
import re
import shlex
import subprocess

from cairn_test import clean_environment, wait_until


class Terminal:
    """A terminal (tmux, with a server of its own) in which a shell runs one command.

    Around the command the shell notes the terminal's settings, and it stays after it.
    """

    def __init__(self, test, *command, width=130, height=30, **variables):
        self.directory = test.new_directory()
        self.environment = clean_environment() | {'LC_ALL': 'C.UTF-8', 'TERM': 'screen', 'SHELL': '/bin/sh', 'HOME': self.directory} | variables
        command = shlex.join(map(str, command))
        # Jobs are stopped and continued as in a shell that people use; it goes on when one was ended by a signal.
        script = (f'cd {shlex.quote(self.directory)}; stty -g > before; echo $$ > shell; set -m; trap : INT; echo text before; '
                  f'{command}; status=$?; while [ $status = 147 -o $status = 148 ]; do echo stopped; read line; fg; status=$?; done; '
                  'echo "status $status"; stty -g > after; read line')
        term = shlex.quote(self.environment['TERM'])
        self.tmux('new-session', '-d', '-x', str(width), '-y', str(height), f'unset TMUX TMUX_PANE; TERM={term}; export TERM; {script}')
        test.addCleanup(self.tmux, 'kill-server')

    def tmux(self, *arguments):
        environment = self.environment | {'TERM': 'xterm', 'TMUX_TMPDIR': self.directory}
        return subprocess.run(['tmux', '-L', 'cairn', '-f', '/dev/null', *arguments], env=environment, check=True,
                              stdout=subprocess.PIPE).stdout.decode()

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def press(self, *keys):
        self.tmux('send-keys', *keys)

    def resize(self, width, height):
        self.tmux('resize-window', '-x', str(width), '-y', str(height))

    def wait_for(self, pattern):
        """Polls the screen for a regular expression, in which ^ and $ are of a line; gives the match."""
        found = []

        def is_there():
            found[:] = re.findall(pattern, self.screen(), re.MULTILINE)
            return found
        try:
            wait_until(is_there, pattern)
        except AssertionError as error:
            raise AssertionError(f'{error}; the screen:\n{self.screen()}') from None
        return found[0]

    def read(self, name):
        with open(os.path.join(self.directory, name)) as file:
            return file.read()

    def pid_of_command(self):
        return int(subprocess.run(['pgrep', '-P', self.read('shell').strip()], check=True, stdout=subprocess.PIPE).stdout)

    def processor_seconds(self):
        with open(f'/proc/{self.pid_of_command()}/schedstat') as file:
            return int(file.read().split()[0]) / 1e9
