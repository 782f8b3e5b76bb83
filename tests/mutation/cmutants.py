# SPDX-License-Identifier: BSD-3-Clause
"""Finds the checks of a C file that is formatted as ours are, and writes mutants of them into it.

Operators:
  never   if (check) is deleted           not   if (check) is inverted
  drop    one side of || or && is deleted edge  < for <=, > for >= and the other way round
  left    a ? b : c gives b               right a ? b : c gives c
  call    a call that enforces something is deleted

A mutant's name is file:function: operator text; it says nothing of lines and numbers, so it
stays the same while the file changes elsewhere.
"""
import re

KEYWORDS = {"if", "while", "for", "switch", "return", "sizeof"}
RELATION = re.compile(r"(?<![-<>=!])(<=|>=|<(?![<=])|>(?![>=]))(?![<>])")
EXPECT = "__builtin_expect("
BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


class Mutant:
    def __init__(self, path, function, operator, text):
        self.path = path
        self.function = function
        self.number = 0
        self.name = f"{path}:{function}: {operator} {' '.join(text.split())}"


def blank(text):
    """The text without comments, strings and preprocessor lines: same offsets."""
    def spaces(match):
        filler = "_" if match.group()[0] in "\"'" else " "
        return re.sub(r"[^\n]", filler, match.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", spaces, text,
                  flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", spaces, text, flags=re.M)


def close_of(text, at):
    """Offset of the bracket that closes the one at at."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if not depth:
                return i
    raise ValueError("unbalanced brackets")


def end_of_value(text, at):
    """Where the expression that begins at at ends."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            if not depth:
                return i
            depth -= 1
        elif not depth and text[i] in ";,":
            return i
    raise ValueError("no end")


def at_top(text, start, end):
    """Offsets in [start, end) that are in no bracket."""
    depth = 0
    for i in range(start, end):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
        elif not depth:
            yield i


def operands(text, start, end, operator):
    """Spans between a two-character operator at the top of [start, end)."""
    cuts = [i for i in at_top(text, start, end - 1) if text[i:i + 2] == operator]
    return list(zip([start] + [c + 2 for c in cuts], cuts + [end])) if cuts else []


def trim(text, start, end):
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


class File:
    """One C file: edits are kept by offset and applied at the end."""

    def __init__(self, path, text, calls):
        self.path = path
        self.text = text
        self.code = blank(text)
        self.mutants = []
        self.before = {}  # offset -> texts to put there, outermost first
        self.after = {}
        self.names = {}
        for function, start, end in self.functions():
            self.find(function, start, end, calls)

    def functions(self):
        head = None
        offset = 0
        start = None
        for line in self.code.splitlines(keepends=True):
            stripped = line.rstrip()
            if stripped == "{" and head:
                start = offset
            elif stripped == "}" and start is not None:
                yield head, start, offset
                head = start = None
            elif start is None and re.match(r"[a-z_]", line):
                name = re.search(r"(\w+)\(", re.sub(r"__attribute__\(\(.*?\)\)\)?", "", line))
                head = name.group(1) if name else None
            offset += len(line)

    def add(self, function, operator, start, end):
        mutant = Mutant(self.path, function, operator, self.text[start:end])
        count = self.names[mutant.name] = self.names.get(mutant.name, 0) + 1
        if count > 1:
            mutant.name += f" #{count}"
        self.mutants.append(mutant)
        return mutant

    def wrap(self, start, end, mutants, before, after):
        self.before.setdefault(start, []).append((mutants, before))
        self.after.setdefault(end, []).insert(0, (mutants, after))

    def find(self, function, start, end, calls):
        code = self.code
        for match in re.finditer(r"\b(if|return)\b", code[start:end]):
            at = start + match.end()
            if match.group(1) == "if":
                at = code.index("(", at)
                self.condition(function, at + 1, close_of(code, at))
            else:
                self.value(function, at, end_of_value(code, at))
        for match in re.finditer(r"[^=!<>]=(?!=)", code[start:end]):
            at = start + match.end()
            self.value(function, at, end_of_value(code, at))
        self.choices(function, start, end)
        if calls:
            pattern = r"(?:(?<=[;{})])|(?<=else))\s*\b(" + "|".join(calls) + r")\b\s*\("
            for match in re.finditer(pattern, code[start:end]):
                at = start + match.start(1)
                last = close_of(code, start + match.end() - 1) + 1
                if code[last] == ";":
                    mutant = self.add(function, "call", at, last)
                    self.wrap(at, last, [mutant], "(void)(svio_mutated({0}) ? 0 : (", ", 0))")

    def condition(self, function, start, end):
        start, end = trim(self.code, start, end)
        never = self.add(function, "never", start, end)
        inverted = self.add(function, "not", start, end)
        self.wrap(start, end, [never, inverted],
                  "svio_mutated({0}) ? 0 : svio_mutated({1}) ^ !!(", ")")
        self.sides(function, start, end)

    def value(self, function, start, end):
        """A returned or assigned value: only what is put together of conditions."""
        start, end = trim(self.code, start, end)
        if not any(self.code[i] in "?,{" for i in at_top(self.code, start, end)):
            self.sides(function, start, end, whole=False)

    def sides(self, function, start, end, whole=True):
        """The sides of || and &&, and boundaries, below [start, end)."""
        for operator, neutral in (("||", "0"), ("&&", "1")):
            parts = operands(self.code, start, end, operator)
            for first, last in parts:
                first, last = trim(self.code, first, last)
                mutant = self.add(function, "drop", first, last)
                self.wrap(first, last, [mutant], f"(svio_mutated({{0}}) ? {neutral} : !!(", "))")
                self.sides(function, first, last)
            if parts:
                return
        if self.code[start] == "(" and close_of(self.code, start) == end - 1:
            self.sides(function, start + 1, end - 1)
            return
        if self.code.startswith(EXPECT, start) and \
                close_of(self.code, start + len(EXPECT) - 1) == end - 1:
            start += len(EXPECT)
            self.sides(function, *trim(self.code, start, end_of_value(self.code, start)), whole)
            return
        relations = [m for m in RELATION.finditer(self.code, start, end)
                     if m.start() in set(at_top(self.code, start, end))]
        if len(relations) == 1 and (whole or not "=" in self.code[start:end].replace(
                relations[0].group(), "")):
            self.edge(function, start, end, relations[0])

    def edge(self, function, start, end, relation):
        left = self.text[start:relation.start()]
        right = self.text[relation.end():end]
        # if (a > b) a = b: the boundary makes no difference.
        clamp = re.escape(left.strip()) + r"\s*=\s*" + re.escape(right.strip()) + ";"
        if re.match(r"\)\s*" + clamp, self.text[end:]):
            return
        mutant = self.add(function, "edge", start, end)
        other = f"{left}{BOUNDARY[relation.group()]}{right}"
        self.wrap(start, end, [mutant], f"(svio_mutated({{0}}) ? ({other}) : (", "))")

    def choices(self, function, start, end):
        code = self.code
        for mark in (i for i in range(start, end) if code[i] == "?"):
            first = self.choice_start(mark, start)
            first, last = trim(code, first, mark)
            left = self.add(function, "left", first, last)
            right = self.add(function, "right", first, last)
            self.wrap(first, last, [left, right],
                      "(svio_mutated({0}) || (!svio_mutated({1}) && (", ")))")

    def choice_start(self, at, start):
        """Where the condition that ends at at begins."""
        depth = 0
        for i in range(at - 1, start, -1):
            if self.code[i] in ")]}":
                depth += 1
            elif self.code[i] in "([{":
                if not depth:
                    return i + 1
                depth -= 1
            elif not depth and (self.code[i] in ",;?:" or (
                    self.code[i] == "=" and self.code[i + 1] != "="
                    and self.code[i - 1] not in "=!<>")):
                return i + 1
            elif not depth and self.code.startswith("return", i):
                return i + 6
        return start

    def written(self):
        """The text with all mutants in it, each asleep."""
        out = []
        for i, char in enumerate(self.text):
            # Closing first, then opening: spans at one offset follow each other.
            out += [t.format(*[m.number for m in ms]) for ms, t in self.after.get(i, [])]
            out += [t.format(*[m.number for m in ms]) for ms, t in self.before.get(i, [])]
            out.append(char)
        return "".join(out)
