#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one page of an HTML file and the style sheets and scripts that it names, as a C file with two strings: what comes
before the profile and what comes after it.

usage: embed.py OUTPUT.c PAGE.html FILE...

Scripts and styles are named in the page's Content-Security-Policy by their hashes, so that nothing else runs in it: not
even what got out of the profile's data.
"""
import base64
import hashlib
import os
import re
import sys

POLICY = "content=\"default-src 'none'"
PROFILE = '<script type="application/json" id="profile">'


def read(path):
    with open(path, encoding='utf8') as file:
        return file.read()


class Page:
    def __init__(self, html, files):
        self.files = {os.path.basename(path): path for path in files}
        self.hashes = {'script': [], 'style': []}
        html = re.sub(r'<link rel="stylesheet"() href="([^"]+)">', lambda found: self.inline('style', *found.groups()), html)
        html = re.sub(r'<script((?: [a-z]+="[^"]*")*?) src="([^"]+)"></script>',
                      lambda found: self.inline('script', *found.groups()), html)
        if self.files:
            raise SystemExit(f'embed.py: the page does not name {", ".join(self.files)}')
        if html.count(POLICY) != 1 or html.count(PROFILE) != 1:
            raise SystemExit(f'embed.py: expected {POLICY} and {PROFILE} once each in the page')
        policy = [f"{kind}-src {' '.join(hashes)}" for kind, hashes in self.hashes.items()]
        html = html.replace(POLICY, '; '.join([POLICY, *policy, "img-src data:", "base-uri 'none'", "form-action 'none'"]))
        self.before, self.after = html.split(PROFILE)
        self.before += PROFILE

    def inline(self, kind, attributes, name):
        # The libraries begin with their address: it is to be read, not to be followed.
        text = re.sub(r'\A// https?://', '// ', read(self.files.pop(name)))
        if re.search(r'</script|</style|<!--', text, re.IGNORECASE):
            raise SystemExit(f'embed.py: {name} cannot stand in a page')
        if 'type=' not in attributes:
            digest = hashlib.sha256(text.encode()).digest()
            self.hashes[kind].append(f"'sha256-{base64.b64encode(digest).decode()}'")
        return f'<{kind}{attributes}>{text}</{kind}>'


def array(name, text):
    data = text.encode() + b'\0'
    lines = [','.join(map(str, data[i:i + 32])) for i in range(0, len(data), 32)]
    return f'const char {name}[] = {{\n' + ',\n'.join(lines) + '\n};\n'


def main(output, html, *files):
    page = Page(read(html), files)
    with open(output, 'w', encoding='ascii') as file:
        file.write('// Made by src/flame/embed.py.\n#include "flame/template.h"\n\n')
        file.write(array('template_before', page.before) + '\n' + array('template_after', page.after))


main(*sys.argv[1:])
