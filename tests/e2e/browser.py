# SPDX-License-Identifier: Apache-2.0
"""Debian's chromium without a screen, steered through chromedriver (W3C WebDriver over HTTP)."""
import base64
import http.client
import json
import os
import re
import subprocess
import tempfile

WAIT_SECONDS = 30

KEYS = {'Enter': '\ue007', 'Escape': '\ue00c', 'Backspace': '\ue003', 'Tab': '\ue004', 'Home': '\ue011',
        'ArrowLeft': '\ue012', 'ArrowUp': '\ue013', 'ArrowRight': '\ue014', 'ArrowDown': '\ue015'}


class Browser:
    """One window, with a profile of its own that is gone afterwards."""

    def __init__(self, width=1280, height=800):
        self._directory = tempfile.TemporaryDirectory()
        self._driver = subprocess.Popen(
            ['chromedriver', '--port=0'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=self._environment())
        try:
            self._connection = http.client.HTTPConnection('127.0.0.1', self._read_port(), timeout=WAIT_SECONDS)
            self._session = ''
            session = self._ask('POST', '/session', {'capabilities': {'alwaysMatch': self._wishes(width, height)}})
            self._session = '/session/' + session['sessionId']
        except BaseException:
            self._end_driver()
            raise

    def _environment(self):
        """Whatever it leaves behind is left in its own directory."""
        own = dict.fromkeys(('HOME', 'TMPDIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'XDG_RUNTIME_DIR'), self._directory.name)
        return {name: value for name, value in os.environ.items() if not name.startswith(('LD_', 'CAIRN_'))} | own

    def _wishes(self, width, height):
        arguments = ['--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--user-data-dir=' + self._directory.name,
                     '--no-first-run', '--disable-extensions', '--disable-background-networking', '--hide-scrollbars',
                     f'--window-size={width},{height}', '--force-device-scale-factor=1']
        if os.geteuid() == 0:
            arguments.append('--no-sandbox')
        return {'browserName': 'chrome', 'goog:chromeOptions': {'args': arguments},
                'goog:loggingPrefs': {'browser': 'ALL', 'performance': 'ALL'}}

    def _read_port(self):
        for line in self._driver.stdout:
            found = re.search(r'started successfully on port (\d+)', line)
            if found:
                return int(found[1])
        raise AssertionError(f'chromedriver ended with status {self._driver.wait()}')

    def _ask(self, method, path, body=None):
        self._connection.request(method, self._session + path, None if body is None else json.dumps(body),
                                 {'Content-Type': 'application/json'})
        value = json.loads(self._connection.getresponse().read())['value']
        if isinstance(value, dict) and 'error' in value:
            raise AssertionError(f"{path}: {value['error']}: {value['message']}")
        return value

    def _end_driver(self):
        self._driver.terminate()
        self._driver.wait(WAIT_SECONDS)
        self._driver.stdout.close()
        self._directory.cleanup()

    def close(self):
        try:
            self._ask('DELETE', '')
        finally:
            self._connection.close()
            self._end_driver()

    def open(self, url):
        self._ask('POST', '/url', {'url': url})

    def run(self, script, *arguments):
        """The value that a function body of JavaScript, or what it promises, returns."""
        return self._ask('POST', '/execute/sync', {'script': script, 'args': arguments})

    def resize(self, width, height):
        self._ask('POST', '/window/rect', {'width': width, 'height': height})

    def prefer(self, scheme):
        """What the user's system is set to: 'dark' or 'light'."""
        self.command('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def command(self, name, **parameters):
        """A command of Chrome's DevTools protocol."""
        return self._ask('POST', '/goog/cdp/execute', {'cmd': name, 'params': parameters})

    def press(self, *keys):
        """Names of keys, or characters, one after another, in whatever has the focus."""
        actions = [{'type': kind, 'value': KEYS.get(key, key)} for key in keys for kind in ('keyDown', 'keyUp')]
        self._act({'type': 'key', 'id': 'keyboard', 'actions': actions})

    def move(self, x, y):
        self._act({'type': 'pointer', 'id': 'mouse', 'actions': [self._move_to(x, y)]})

    def click(self, x, y):
        self._act({'type': 'pointer', 'id': 'mouse', 'actions': [
            self._move_to(x, y), {'type': 'pointerDown', 'button': 0}, {'type': 'pointerUp', 'button': 0}]})

    @staticmethod
    def _move_to(x, y):
        return {'type': 'pointerMove', 'duration': 0, 'x': round(x), 'y': round(y)}

    def _act(self, source):
        self._ask('POST', '/actions', {'actions': [source]})

    def screenshot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self._ask('GET', '/screenshot')))

    def complaints(self):
        """What pages said on the console since the last call."""
        return [entry['message'] for entry in self._ask('POST', '/se/log', {'type': 'browser'})]

    def requests(self):
        """The addresses that were asked for since the last call."""
        events = [json.loads(entry['message'])['message'] for entry in self._ask('POST', '/se/log', {'type': 'performance'})]
        return [event['params']['request']['url'] for event in events if event['method'] == 'Network.requestWillBeSent']
