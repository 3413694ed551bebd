# SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception
"""Small wrong changes to C source: what a slip of the pen would do. By token, outside of comments, strings and the preprocessor."""
import re

TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\b(?:0[xX][0-9a-fA-F]+|\d+)(?:[uUlL]*)\b
|\b[A-Za-z_]\w*\b|->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w]""", re.M | re.S | re.X)
SWAPS = {"<": ("<=", ">="), "<=": ("<",), ">": (">=", "<="), ">=": (">",), "==": ("!=",), "!=": ("==",), "&&": ("||",), "||": ("&&",)}
NAMES = {"true": "false", "false": "true"}
STATEMENT = re.compile(r"^(\t+)((?:[a-z_]\w*(?:(?:->|\.)\w+|\[[^\]]*\])*\s*(?:[-+|&]?=|\()|\(void\))[^\n]*;)$", re.M)
RETURN = re.compile(r"\breturn ([^;{}]+);")


class Mutant:
    def __init__(self, path, text, start, end, new, kind):
        self.path, self.start, self.end, self.new, self.kind = path, start, end, new, kind
        self.line = text.count("\n", 0, start) + 1
        self.source = text.splitlines()[self.line - 1].strip()
        self.old = text[start:end]

    def apply(self, text):
        return text[:self.start] + self.new + text[self.end:]

    def name(self):
        return "%s:%d: %s: %s -> %s" % (self.path, self.line, self.kind, " ".join(self.old.split()), self.new or "nothing")


def functions(text):
    """[(start, end)] of the bodies of functions: what begins with '{' alone in the first column."""
    return [(m.start(), text.index("\n}", m.start())) for m in re.finditer(r"^\{$", text, re.M)]


def of(path, text):
    bodies = functions(text)
    hidden = [m.span() for m in TOKEN.finditer(text) if m.group()[:1] in "\"'#" or m.group()[:2] in ("/*", "//")]
    found = []

    def is_code(at):
        return any(a <= at < b for a, b in bodies) and not any(a <= at < b for a, b in hidden)

    def add(start, end, new, kind):
        if is_code(start):
            found.append(Mutant(path, text, start, end, new, kind))

    for m in TOKEN.finditer(text):
        token = m.group()
        for new in SWAPS.get(token, ()):
            add(m.start(), m.end(), new, "boolean" if token in ("&&", "||") else "relation")
        if token == "!" and text[m.end():m.end() + 1] != "=":
            add(m.start(), m.end(), "", "negation")
        if token in NAMES:
            add(m.start(), m.end(), NAMES[token], "constant")
        if re.fullmatch(r"\d+", token):
            add(m.start(), m.end(), "1" if token == "0" else str(int(token) + 1), "constant")
        if token in ("+", "-") and re.search(r"[\w)\]] $", text[:m.start()]) and text[m.end():m.end() + 1] == " ":
            add(m.start(), m.end(), "-" if token == "+" else "+", "arithmetic")
    for m in STATEMENT.finditer(text):
        add(m.start(2), m.end(2), ";", "statement")
    for m in RETURN.finditer(text):
        value = m.group(1)
        if value not in ("0", "1", "true", "false", "NULL"):
            add(m.start(1), m.end(1), "0", "return")
        elif value == "0":
            add(m.start(1), m.end(1), "-EIO", "return")
    seen, unique = set(), []
    for m in found:
        key = (m.start, m.end, m.new)
        if key not in seen:
            seen.add(key)
            unique.append(m)
    return unique
