# SPDX-License-Identifier: GPL-3.0-or-later
"""The mutants of a C++ source: small changes, one at a time, each of which a test should notice."""
import collections
import re

# `text` takes the place of what is between `begin` and `end` in the source.
Mutant = collections.namedtuple("Mutant", "name line begin end text what")

# Of binary operators, which clang-format puts between spaces.
OPERATORS = {
    "==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
    "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "&": ["|"], "|": ["&"],
    "+=": ["-="], "-=": ["+="],
}
BINARY = re.compile(r"(?<= )(==|!=|<=|>=|<|>|&&|\|\||\+=|-=|\+|-|\*|/|%|&|\|)(?=[ \n])")
STEP = re.compile(r"\+\+|--")
NOT = re.compile(r"(?<![\w)\]!])!(?=[\w(])")
BOOLEAN = re.compile(r"\b(true|false)\b")
INTEGER = re.compile(r"(?<![\w.'])(0x[0-9a-fA-F]+|\d[\d']*)(?![\d.xX'])")
EXTREME = re.compile(r"\bstd::(min|max)(?=[({<])")
CONDITION = re.compile(r"\b(if|while) (?:constexpr )?(\()")
RETURN = re.compile(r"\breturn ([^;{}]+);")
# A whole statement that is a call, an assignment, a step or a jump; no declaration, which has two names in a row.
STATEMENT = re.compile(r"^ +(?!return\b|using\b|co_|case\b|default\b|else\b|throw\b|delete\b|goto\b|typedef\b)"
                       r"((?:\(void\))?[\w:*+(-][\w:.\->\[\]()*+]*(?: [-+|&]?= |\()[^;{}]*;|[+-]{2}[\w.\->]+;|"
                       r"break;|continue;|return;)$", re.MULTILINE)
# What is said to people, checked by the compiler, or no code that runs.
SILENT = re.compile(r"\b(?:static_assert|assert|log|refuse_log)\s*\(")
LINES = re.compile(r"^\s*(?:#|using\b|namespace\b|template\b|requires\b|friend\b|\[\[).*$", re.MULTILINE)
QUOTED = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def blank(match):
    return re.sub(r"[^\n]", "\x01", match.group(0))


def end_of_parentheses(code, at):
    """After the one that closes what is opened at `at`; the end of the code if none does."""
    depth = 0
    for i in range(at, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        if depth == 0:
            return i + 1
    return len(code)


def visible(source):
    """The source with everything blanked that is not to be changed; places stay the same."""
    code = LINES.sub(blank, QUOTED.sub(blank, source))
    for match in list(SILENT.finditer(code)):
        end = end_of_parentheses(code, match.end() - 1)
        code = code[:match.start()] + "\x01" * (end - match.start()) + code[end:]
    return code


def integers(text):
    digits = text.replace("'", "")
    value = int(digits, 16 if digits.startswith("0x") else 10)
    if value == 0:
        return ["1"]
    return [str(value + 1), str(value - 1)]


def mutants(name, source):
    """All of a source, by place."""
    code = visible(source)
    found = []

    def add(begin, end, text, what=None):
        what = what or f"{source[begin:end]} -> {text or 'nothing'}"
        what = " ".join(what.split())
        found.append(Mutant(name, source.count("\n", 0, begin) + 1, begin, end, text, what))

    for match in BINARY.finditer(code):
        for other in OPERATORS[match.group(1)]:
            add(*match.span(1), other)
    for match in STEP.finditer(code):
        add(*match.span(), "--" if match.group() == "++" else "++")
    for match in NOT.finditer(code):
        add(*match.span(), "", "! removed: " + source[match.start():source.index("\n", match.start())])
    for match in BOOLEAN.finditer(code):
        add(*match.span(), "false" if match.group() == "true" else "true")
    for match in INTEGER.finditer(code):
        for other in integers(match.group(1)):
            add(*match.span(1), other)
    for match in EXTREME.finditer(code):
        add(*match.span(1), "max" if match.group(1) == "min" else "min")
    for match in CONDITION.finditer(code):
        begin, end = match.start(2), end_of_parentheses(code, match.start(2))
        # What is declared in the condition is not part of what is negated.
        condition = code.rfind(";", begin, end) + 1 or begin + 1
        # Where it compares, or has a !, those are changed.
        if not re.search(r"(?<![=!<>+\-|&])=(?!=)| (?:[=!]=|[<>]=?|&&|\|\|)[ \n]|!\w", code[condition:end]):
            inner = source[condition:end - 1].strip()
            add(condition, end - 1, f" !({inner})" if condition > begin + 1 else f"!({inner})",
                f"{match.group(1)} negated: {inner}")
    for match in RETURN.finditer(code):
        if match.group(1).strip() not in ("true", "false", "0", "1", "nullptr", "std::nullopt"):
            add(*match.span(1), "{}")
    for match in STATEMENT.finditer(code):
        # A statement, not the second line of one: what is before it has ended.
        if code[:match.start()].rstrip()[-1:] in (";", "{", "}", ":", "\x01"):
            kept = re.sub(r"[^\n]", "", source[match.start(1):match.end(1)])  # lines keep their numbers
            add(*match.span(1), ";" + kept, f"removed: {source[slice(*match.span(1))]}")
    return sorted(set(found), key=lambda mutant: (mutant.begin, mutant.end, mutant.text))
