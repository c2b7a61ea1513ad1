"""Formulas that docstrings and pages write in plain symbols, ‖Ax − b‖² ≤ 1, as MathML.

``help`` shows them as they stand; on the site they are typeset. What is a formula is told by words:
a text is cut at what is written with spaces around it, neighbours that are mathematics are joined
where an operator or an open bracket asks for it, and what then has a symbol, a relation, or is one
letter, is drawn. Words, code and numbers stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from html import escape, unescape
from typing import Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LOWER = dict(
    zip(
        "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        "0123456789+−=()aehijklmnoprstuvxβγρφχ",
        strict=True,
    )
)
UPPER = dict(
    zip(
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴴᵀᵑ",
        "0123456789+−=()abcdefghijklmnoprstuvwxyzHTη",
        strict=True,
    )
)
MARKS = {"\u0302": "^", "\u0303": "~", "\u0304": "¯", "\u0306": "˘", "\u0307": "˙"}
FRACTIONS = {"½": "12", "¼": "14", "¾": "34", "⅛": "18", "⅓": "13", "⅔": "23"}
NAMES = _words(
    "Diag Im Lip Re argmax argmin cl conv cos cosh det diag dim dist dom exp fix gph inf ker lim "
    "log max min prox rank sign sin sinh softmax sup tanh tr zer"
)
VARIABLES = _words(  # quantities that docstrings call by a word, where an operator joins them
    "accuracy border channels exact features final frames gain gains greatest initial least linf "
    "linear lower margin measure pixels rate tol upper value"
)
WORDS = "inf|sup|fix|max|min|rank|sign|prox|dim|log"  # no formula by themselves
OPEN, CLOSE = "([{⟨⌊⌈⟦", ")]}⟩⌋⌉⟧"
BARS = "|‖"
RELATIONS = "=<>≤≥≠≈≡∈∉∋⊂⊆⪰⪯≻≺≫≪≲∝↦→←⇒⇔⊥:"
OPERATORS = "+−±∓·×∘⊙⊗∗□∩∪/÷-*"
INFIX = "+−·×∘→/"
INDEX = {"‖": r"∞|\*(?!\s*[\w(])", "ℓ": "[\\d∞](?:,[\\d∞])?"}  # ‖x‖∞, ℓ1
BIG = "ΣΠ∫"
SYMBOLS = "".join((*LOWER, *UPPER, *FRACTIONS)) + "‖⟨⟩∂∇√∈∉∋≤≥≠≈≡∘⊙⊗∗□∩∪⊂⊆∞ℓ⪰⪯≻≺≫≪≲∝⊥↦⇒⇔∫⌊⌋⌈⌉"
GREEK = "α-ωΑ-Ω"
LETTERS = re.compile("(?:[A-Za-zÀ-ÖØ-öø-ɏẀ-ỿ][\u0300-\u036f]*)+")
STRONG = re.compile(f"[{GREEK}{re.escape(SYMBOLS)}\u0302-\u0307]")
ALLOWED = re.compile(
    f"(?:[{GREEK}{''.join(MARKS)}{re.escape(SYMBOLS + OPEN + CLOSE + BARS + RELATIONS + OPERATORS)}"
    r"\d…′″°^_.,;!'&]|" + LETTERS.pattern + ")+"
)
CUT = re.compile(  # spaces; m-strongly; f's; quotation
    r"(\s+|(?<=[\w)\u0302-\u0307′*])-(?!ray\b)(?=[A-Za-z]{2,})|['’]s\b|[“”" + '"' + r"—–§†])"
)
# 2D, e.g., 24.8(ii), (B7), 's, C++, x86_64
PLAIN = re.compile(
    r"\d+D|[a-z]\.[a-z]|[\d.]+\([ivx]+\)|\([A-Z]\d+\)|['’].*|C\+\+|\(?x\d+_\d+\)?"
    r"|[a-z]+\d*_(?!max|min|opt)[a-z]{2,}\w*|[a-z]+_[a-z]+_[a-z]+"
)
SHORT = 24  # characters, which need no break
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")
PRODUCT = re.compile(r"[A-Z][hp-rt-z]|[a-z][A-Z]|[abcstw][fmxyz]|[A-Z]T")  # Ax, bA, cf
ENGLISH = _words("Ah By My Oh Up as at am my by")
ALONE = re.compile(r"[A-Z][xyz]|[b-z][A-Z]|[ac][xyzfm]")
UNITS = _words("s h m d B G K M")
SKIPPED = ("code", "pre", "math", "script", "style", "svg", "title", "textarea", "nav", "button")
TAG = re.compile(r"(<!--.*?-->|<(?:\"[^\"]*\"|'[^']*'|[^'\">])*>)", flags=re.DOTALL)


DISPLAYED = re.compile(
    r'<div class="highlight"><pre>(?:<span></span>)?<code>(.*?)</code></pre></div>', flags=re.DOTALL
)


def on_page_content(html: str, page: Any = None, **_: object) -> str:
    """mkdocs' hook."""
    if page is not None and page.url.startswith("reference/"):
        html = DISPLAYED.sub(_displayed, html)
    within: list[str] = []
    parts = TAG.split(html)
    for place, part in enumerate(parts):
        if place % 2:
            name = re.match(r"</?(\w+)", part)
            if name and name[1] in SKIPPED and not part.endswith("/>"):
                if part.startswith("</"):
                    if within:
                        within.pop()
                else:
                    within.append(name[1])
        elif not within and part.strip():
            parts[place] = marked(unescape(part))
    return "".join(parts)


def _displayed(block: re.Match[str]) -> str:
    """The lines of a docstring that stand by themselves, unless they are a session of Python."""
    text = unescape(re.sub(r"<[^>]*>", "", block[1])).rstrip()
    if ">>>" in text:
        return block[0]
    lines = (re.sub(r" {2,}", "&emsp;", marked(line)) for line in text.splitlines())
    return f'<p class="formula">{"<br>".join(lines)}</p>'


def marked(text: str) -> str:
    """The text as HTML, its formulas drawn."""
    return "".join(
        mathml(part) if is_formula else escape(part, quote=False)
        for part, is_formula in spans(text)
    )


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """The text in parts, and which of them are formulas."""
    pieces = [piece for piece in CUT.split(text) if piece]
    held: list[str] = []

    def leave() -> Iterator[tuple[str, bool]]:
        whole = "".join(held)
        held.clear()
        yield from _balanced(whole)

    for place, piece in enumerate(pieces):
        if piece.isspace():
            held.append(piece)
            continue
        core = piece.rstrip(".,;:!?")
        before = pieces[place - 2] if place > 1 and pieces[place - 1].isspace() else ""
        after = "".join(pieces[place + 1 : place + 3]).strip()
        if place + 1 == len(pieces):
            after = "."
        if not _is_mathematics(core) or _is_word(core, before, after, piece != core):
            yield from leave()
            yield piece, False
            continue
        so_far = "".join(held).rstrip()
        if so_far and not _joins(so_far, core):
            yield from leave()
        held.append(piece)
    yield from leave()


def _is_mathematics(core: str) -> bool:
    """Whether what stands between spaces may be a part of a formula."""
    if not core or not ALLOWED.fullmatch(core) or PLAIN.fullmatch(core):
        return False
    for found in LETTERS.finditer(core):
        run = unicodedata.normalize("NFD", found[0])
        bare = "".join(each for each in run if each not in MARKS)
        if len(bare) == 1 or run in NAMES or run in VARIABLES:
            continue
        before, after = core[: found.start()], core[found.end() :]
        if after[:1] in UPPER and after:  # gain²
            continue
        if before.endswith(("_", "^")) or re.search(r"[_^]\{[^}]*$", before):
            continue
        if len(bare) <= 3 and STRONG.search(before[-1:] + after[:1]):
            continue
        if re.fullmatch("[A-Z]{2}", bare) and STRONG.search(before + after):  # (I − JW)⁻ᵀ
            continue
        if not PRODUCT.fullmatch(found[0]) or found[0] in ENGLISH:
            return False
    return True


def _is_word(core: str, before: str, after: str, ends: bool) -> bool:
    """Whether what may be mathematics is a word here: an article, an initial, a unit, a quantity
    that no operator joins.
    """
    joined = _ends_with(before, RELATIONS + OPERATORS + OPEN) or (
        not ends and after[:1] in RELATIONS + OPERATORS and after != ""
    )
    if core == "a" or core in VARIABLES:
        return not joined
    if len(core) != 1 or not core.isascii() or not core.isalpha():
        return False
    if core in UNITS and re.search(r"\d$", before):
        return True
    if ends and core.isupper() and re.match(r"[A-Z][a-z]", after):
        return True  # an initial
    if core != "A" or before in ("Appendix", "App."):
        return core == "A"
    begins = not before or before.endswith((".", ":", ";", "?", "("))
    is_noun = re.match(
        r"(and|or|is|by|has|maximal|evaluated|with|to|on|as|in|where|solved)\b", after
    )
    return begins and bool(re.match(r"[a-z]{2}", after) or not after) and not is_noun


def _ends_with(text: str, kinds: str) -> bool:
    return text != "" and text[-1] in kinds


def _joins(so_far: str, core: str) -> bool:
    """Whether a piece goes on with the formula before it."""
    depth = sum(map(so_far.count, OPEN)) - sum(map(so_far.count, CLOSE))
    if depth > 0:
        return True
    if so_far.endswith((",", ";", ".", "!", "?")) or (so_far.endswith(":") and len(so_far) > 1):
        return False
    last = LETTERS.findall(so_far)[-1:] if so_far[-1].isalpha() else []
    first = LETTERS.match(core)
    return (
        so_far[-1] in RELATIONS + OPERATORS + BIG + "…√∂∇"
        or core[0] in RELATIONS + OPERATORS + BIG + CLOSE + "…"
        or bool(
            re.search(rf"[{BIG}][{''.join(LOWER)}]*$|(?:min|max|sup|inf|prox|log)_?\S*$", so_far)
        )
        or any(name in NAMES for name in last)
        or (first is not None and first[0] in NAMES)
    )


def _balanced(text: str) -> Iterator[tuple[str, bool]]:
    """A formula with what belongs to the sentence around it: spaces, stops, halves of brackets."""
    kinds = {"(": 0, "[": 0, ")": 0, "]": 0, "{": 1, "}": 1, "⟨": 2, "⟩": 2}
    opened: list[int] = []
    alone: list[int] = []
    for place, char in enumerate(text):
        if char in "([{⟨":
            opened.append(place)
        elif char in ")]}⟩":
            if opened and kinds[text[opened[-1]]] == kinds[char]:
                opened.pop()
            else:
                alone.append(place)
    cuts = sorted([*alone, *opened])
    start = 0
    for cut in (*cuts, len(text)):
        yield from _trimmed(text[start:cut])
        if cut < len(text):
            yield text[cut], False
        start = cut + 1


def _trimmed(text: str) -> Iterator[tuple[str, bool]]:
    """A formula without the stops, relations and words at its ends, which the sentence has."""
    head = re.match(rf"(?:\s|[,;:.!?]|[{re.escape(RELATIONS + INFIX)}](?=\s|$))*", text)
    start = head.end() if head else 0
    tail = re.search(
        rf"(?:\s|[,;:.!?]|(?<=\s)[{re.escape(RELATIONS + INFIX)}]|\b(?:{WORDS})|[&-])*$", text
    )
    end = max(start, tail.start() if tail else len(text))
    parts = (text[:start], text[start:end], text[end:])
    yield from (
        (part, place == 1 and _is_formula(part)) for place, part in enumerate(parts) if part
    )


def _is_formula(core: str) -> bool:
    """Whether what is mathematics by its letters has a symbol or a relation, or is a letter."""
    core = "".join(each for each in unicodedata.normalize("NFD", core) if each not in MARKS)
    if core == "a" or not re.search(rf"[^\W\d_]|[‖⟨√∂∇∞]|\d[{''.join(UPPER)}]|[≤≥]", core):
        return False
    if STRONG.search(core) or re.fullmatch(r"[A-Za-z][*°′]?", core):
        return True
    has_letter = re.search(r"(?<![A-Za-z\d])[A-Za-z]{1,2}(?![A-Za-z])", core)
    named = any(run in NAMES for run in LETTERS.findall(core))
    related = re.search(r"[=<>]|[+−/*·(^_|]", core)
    return bool((has_letter and (related or named)) or ALONE.fullmatch(core))


@cache
def mathml(text: str) -> str:
    """What is written in symbols, drawn; lines may break before a relation."""
    parts = _at_relations(unicodedata.normalize("NFC", text))
    return " ".join(f"<math>{_Row(part).drawn()}</math>" for part in parts)


def _at_relations(text: str) -> list[str]:
    """A long formula in parts, which begin with relations, or with signs, outside of brackets."""
    parts, depth, bars = [""], 0, 0
    for place, char in enumerate(text):
        depth += (char in OPEN) - (char in CLOSE)
        bars += char in BARS
        breaks = char in RELATIONS.replace(":", "") + "+−" and text[place - 1 : place] == " "
        if breaks and not depth and bars % 2 == 0 and text[place + 1 : place + 2] == " ":
            parts.append("")
        parts[-1] += char
    whole = len(text) <= SHORT
    return [text] if whole else [part.strip() for part in parts if part.strip()]


class _Row:
    """Reads a formula from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.bars: list[str] = []
        self.after_operand = False

    def drawn(self) -> str:
        parts = []
        while self.place < len(self.text):
            parts.append(self.next())
        return f"<mrow>{''.join(parts)}</mrow>"

    def ahead(self) -> str:
        return self.text[self.place : self.place + 1]

    def group(self, closing: str) -> str:
        """What stands to the bracket that closes, which is left behind."""
        depth, start = 1, self.place
        opening = self.text[start - 1]
        while self.place < len(self.text):
            depth += {opening: 1, closing: -1}.get(self.ahead(), 0)
            self.place += 1
            if not depth:
                break
        return self.text[start : self.place - (not depth)]

    def next(self) -> str:
        """The next element with its indices and exponents."""
        if self.ahead().isspace():
            self.place += 1
            follows = self.ahead()
            is_operand = follows and follows not in RELATIONS + OPERATORS + CLOSE + ",;"
            return '<mspace width="0.17em"/>' if self.after_operand and is_operand else ""
        base, takes_scripts = self.base()
        return self.scripted(base) if takes_scripts else base

    def base(self) -> tuple[str, bool]:
        text, place = self.text, self.place
        char = text[place]
        number = NUMBER.match(text, place)
        run = LETTERS.match(text, place)
        was_operand, self.after_operand = self.after_operand, True
        if number:
            self.place = number.end()
            return f"<mn>{number[0]}</mn>", True
        if run:
            return self.letters(run, was_operand), True
        self.place += 1
        if char in FRACTIONS:
            return "<mfrac>{}</mfrac>".format(
                "".join(f"<mn>{d}</mn>" for d in FRACTIONS[char])
            ), False
        if char == "√":
            return self.root(), True
        if char in BARS:
            return self.bar(char, was_operand)
        if char in OPEN:
            self.after_operand = False
            return _fence(char, "prefix"), False
        if char in CLOSE:
            return _fence(char, "postfix"), True
        if char in BIG:
            self.after_operand = False
            big = {"Σ": "∑", "Π": "∏"}.get(char, char)
            return f'<mo largeop="false" movablelimits="false">{big}</mo>', True
        if char == "·" and (not was_operand or self.ahead() in (*CLOSE, *BARS, ",", "/")):
            return "<mi>·</mi>", True
        if char in "∞ℓ∂∇°…" or char.isalpha():
            self.after_operand = char not in "∂∇"
            return self.marked(f"<mi>{char}</mi>"), True
        if char in LOWER or char in UPPER or char in "_^′″":  # without a base
            self.place -= 1
            return "<mi></mi>", True
        return self.operator(char, was_operand), False

    def letters(self, run: re.Match[str], was_operand: bool) -> str:
        """A name, or the first of several letters."""
        is_name = run[0] in NAMES
        if is_name or (len(run[0]) == 3 and run[0].islower() and run[0].isascii()):
            self.place = run.end()
            gap = '<mspace width="0.17em"/>'
            before = gap if was_operand and is_name and self.text[run.start() - 1] != " " else ""
            self.after_operand = True
            return f"{before}<mi>{run[0]}</mi>"
        letter = unicodedata.normalize("NFD", run[0][0])
        self.place += 1
        return self.marked(f"<mi>{letter[0]}</mi>", letter[1:])

    def marked(self, drawn: str, marks: str = "") -> str:
        """A letter under its hat, tilde or bar."""
        while self.ahead() and self.ahead() in MARKS:
            marks += self.ahead()
            self.place += 1
        for mark in marks:
            over = f'<mo stretchy="false">{MARKS.get(mark, "")}</mo>'
            drawn = f'<mover accent="true">{drawn}{over}</mover>'
        return drawn

    def root(self) -> str:
        if self.ahead() == "(":
            self.place += 1
            return f"<msqrt>{_Row(self.group(')')).drawn()}</msqrt>"
        if not self.ahead() or self.ahead() in BIG + BARS or self.ahead().isspace():
            self.after_operand = False
            return "<mo>√</mo>"
        self.after_operand = False
        inner = _Row(self.text)
        inner.place = self.place
        drawn = inner.next()
        self.place, self.after_operand = inner.place, True
        return f"<msqrt>{drawn}</msqrt>"

    def bar(self, char: str, was_operand: bool) -> tuple[str, bool]:
        """An absolute value or a norm opens where no operand precedes."""
        closes = char in self.bars and (
            was_operand or self.text[self.place - 2 : self.place - 1] == "·"
        )
        if closes:
            while self.bars.pop() != char:
                pass
            return _fence(char, "postfix"), True
        self.bars.append(char)
        self.after_operand = False
        return _fence(char, "prefix"), False

    def operator(self, char: str, was_operand: bool) -> str:
        self.after_operand = False
        alone = self.place < len(self.text) and self.text[self.place] == " "
        if char in "+−±∓-" and not was_operand and not (self.place == 1 and alone):
            return f'<mo form="prefix" lspace="0" rspace="0">{"−" if char == "-" else char}</mo>'
        if char in ",;":
            return f'<mo separator="true">{char}</mo>'
        if char == ":":
            return '<mo lspace="0" rspace="0.28em">:</mo>'
        if char == ".":
            return "<mo>.</mo>"
        char = {"*": "∗", "-": "−"}.get(char, char)
        if char == "/":
            return '<mo lspace="0" rspace="0">/</mo>'
        return f'<mo form="infix">{escape(char)}</mo>'

    def scripted(self, base: str) -> str:
        """The base with what is written below and above it."""
        below, above = "", ""
        last = self.text[self.place - 1]
        if index := re.compile(INDEX.get(last, "(?!)")).match(self.text, self.place):
            self.place = index.end()
            below = _Row(index[0]).drawn()
        while char := self.ahead():
            if char in LOWER or (
                char == "≠" and below and self.text[self.place + 1 :][:1] in LOWER
            ):
                below += _Row(self.run_of(LOWER | {"≠": "≠"})).drawn()
            elif char in UPPER:
                above += _Row(self.run_of(UPPER)).drawn()
            elif char in "′″":
                self.place += 1
                above += f"<mo>{char}</mo>"
            elif char == "°":
                self.place += 1
                above += "<mo>∘</mo>"
            elif (
                char == "*"
                and not re.match(r"\*\s*[\w(]", self.text[self.place :])
                and (self.text[self.place - 1] != " ")
            ):
                self.place += 1
                above += "<mo>∗</mo>"
            elif char in "_^":
                self.place += 1
                drawn = self.argument()
                below, above = (below + drawn, above) if char == "_" else (below, above + drawn)
            else:
                break
        if below and above:
            return f"<msubsup>{base}<mrow>{below}</mrow><mrow>{above}</mrow></msubsup>"
        if below:
            return f"<msub>{base}<mrow>{below}</mrow></msub>"
        return f"<msup>{base}<mrow>{above}</mrow></msup>" if above else base

    def run_of(self, kind: dict[str, str]) -> str:
        start = self.place
        while self.ahead() in kind and self.ahead():
            self.place += 1
        return "".join(kind[each] for each in self.text[start : self.place])

    def argument(self) -> str:
        """What an underscore or a caret takes: a group, a word, a number, a letter, a sign."""
        char = self.ahead()
        self.place += 1
        if char in ("{", "("):
            return _Row(self.group({"{": "}", "(": ")"}[char])).drawn()
        self.place -= 1
        found = LETTERS.match(self.text, self.place) or NUMBER.match(self.text, self.place)
        if found:
            self.place = found.end()
            return f"<mi>{found[0]}</mi>" if found[0][0].isalpha() else f"<mn>{found[0]}</mn>"
        self.place += 1
        if char in "+−-*":
            signed = re.compile(r"[−-](\w+)").match(self.text, self.place - 1)
            if signed:
                self.place = signed.end()
                return _Row(signed[0]).drawn()
            return f'<mo lspace="0" rspace="0">{ {"*": "∗", "-": "−"}.get(char, char) }</mo>'
        if char in OPEN + CLOSE + BARS or not char:
            self.place -= 1
            return ""
        inner = _Row(char)
        return self.scripted(inner.drawn())


def _fence(char: str, form: str) -> str:
    return f'<mo form="{form}" stretchy="false" lspace="0" rspace="0">{char}</mo>'
