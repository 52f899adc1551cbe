"""Formulas as the texts write them, in plain Unicode, to MathML.

    ∂J/∂w_{o,c} = Σᵢ gᵢ x[i + k] / √n,      h⁽ᵏ⁾ = e^(−½ s²)

A space between two factors is a product. A slash without spaces divides what touches it on both
sides, and one between spaces divides the whole product before it. _ and ^ take the next letter,
number, or group in brackets; sub- and superscripts of Unicode belong to what they touch.
"""
import re
from html import escape

LOW = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+−=()aehijklmnoprstuvx"))
HIGH = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᵏˡᵐⁿᵖᵗˣʸᶻᴸᵀ′″‴",
                list("0123456789+−=()abcdeklmnptxyzL") + ["⊤", "′", "″", "‴"]))
HATS = {"\u0303": "~", "\u0304": "¯", "\u0302": "^", "\u0307": "˙"}
FUNCTIONS = set("""sin cos tan atan2 tanh sinh cosh exp log max min sup arg det tr diag softmax sigmoid
    relu softplus sign mean var cov dim rank erf normal tri KL JS ELBO MI""".split())
SUMS = "ΣΠ"
RELATIONS = "=≈≤≥<>←→~∝∈≠"
OPERATORS = "+−-·×⊙±∘*"
HALVES = {"½": ("1", "2"), "¼": ("1", "4"), "¾": ("3", "4"), "⅓": ("1", "3")}
PAIRS = {"(": ")", "[": "]", "{": "}", "⌊": "⌋", "⌈": "⌉"}

TOKEN = re.compile(r"""
    (?P<space>\s+)
  | (?P<number>\d+(?:,\d{3})*(?:\.\d+)?(?:e[-−]?\d+)?)
  | (?P<low>[%s]+)
  | (?P<high>[%s]+)
  | (?P<word>[A-Za-zéäöü][A-Za-zéäöü]+\d*)
  | (?P<letter>[A-Za-zΑ-Ωα-ωℓ∂∇∞](?<![ΣΠ])[%s]?)
  | (?P<mark>.)
""" % ("".join(LOW), "".join(HIGH), "".join(HATS)), re.VERBOSE)


LEADS = re.compile("(?:<m(?:under|sub|sup)[a-z]*>)?<mo")  # what a sign follows, not an operator


def mo(text, more=""):
    return f"<mo{more}>{escape(text)}</mo>"


def row(parts):
    return parts[0] if len(parts) == 1 else "<mrow>" + "".join(parts) + "</mrow>"


def letters(text):
    """what stands in a subscript or superscript that is made of Unicode's small letters"""
    parts = []
    for piece in re.findall(r"\d+|.", text):
        if piece.isdigit():
            parts.append(f"<mn>{piece}</mn>")
        elif piece.isalpha():
            parts.append(f"<mi>{piece}</mi>")
        else:
            parts.append(mo(piece, ' stretchy="false"' if piece in "()" else ""))
    return row(parts)


class Formula:
    """reads one formula from the left to the right"""

    def __init__(self, text, display, goes_on=False):
        self.goes_on = goes_on  # what is before an operator at the beginning is in another element
        self.tokens = [(m.lastgroup, m.group()) for m in TOKEN.finditer(text.strip())]
        self.at, self.display = 0, display

    def kind(self, ahead=0):
        return self.tokens[self.at + ahead][0] if self.at + ahead < len(self.tokens) else "end"

    def text(self, ahead=0):
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1][1]

    # -- A row: products between operators, up to `closer`
    def row(self, closer=""):
        done, product, touching = [], [], []  # touching: what no space separates

        def end_chunk():
            product.extend(touching)
            touching.clear()

        def end_product():
            end_chunk()
            done.extend(product)
            product.clear()

        while self.at < len(self.tokens) and not (closer and self.text() == closer):
            mark = self.text() if self.kind() == "mark" else ""
            if self.kind() == "space":
                wide = len(self.take()) > 1
                if self.text() == "/" and self.kind(1) == "space" and self.display:
                    end_chunk()
                    self.at += 2
                    product[:] = [self.fraction(product, self.chunk(True))]
                elif self.kind() == "word" and touching or self.is_text(-2):
                    touching.append('<mspace width="0.22em"/>')
                end_chunk()
                if wide and self.kind() != "mark" and not (done and not product and
                                                           done[-1].startswith("<mo")):
                    end_product()
                    done.append('<mspace width="1em"/>')
            elif mark == "/" and touching and self.display and self.kind(1) != "space":
                self.take()
                touching[:] = [self.fraction(touching, self.chunk(False))]
            elif mark and mark in SUMS + "∫":
                end_product()
                done.append(self.factor())
            elif mark and mark in RELATIONS + OPERATORS + ",;:.…⋯/!?":
                end_product()
                done.append(self.operator(done and not LEADS.match(done[-1])
                                          or self.goes_on and not done))
            elif mark == "|" and self.kind(-1) == self.kind(1) == "space" or mark == "‖":
                end_product()
                done.append(mo(self.take(), ' lspace="0.28em" rspace="0.28em"'))
            else:
                touching.append(self.factor())
        end_product()
        return done

    def is_text(self, ahead):
        """a word stood before this space, and no bracket follows"""
        return self.at + ahead >= 0 and self.kind(ahead) == "word" and self.text() not in "([{"

    def operator(self, infix):
        mark = self.take()
        if mark in "-−+±":
            return mo(mark.replace("-", "−"), f' form="{"infix" if infix else "prefix"}"')
        if mark == "*":
            return mo("*", ' lspace="0" rspace="0"')
        if mark == "/":
            return mo("/", ' lspace="0" rspace="0"' if self.kind() != "space" else "")
        if mark in ":.":
            return mo(mark, ' lspace="0" rspace="0.28em"' if self.kind() == "space" else "")
        return mo(mark, ' form="infix"' if self.goes_on else "")

    def chunk(self, whole):
        """the denominator: what touches, and behind a function or a sum what it applies to"""
        parts = []
        while self.at < len(self.tokens):
            mark = self.text() if self.kind() == "mark" else ""
            if self.kind() == "space":
                last = self.tokens[self.at - 1]
                if not (whole and (self.open_ended or last[1] in FUNCTIONS)) or not parts:
                    break
                self.take()
            if not parts and mark in ("-", "−"):
                parts.append(self.operator(False))
                continue
            mark = self.text() if self.kind() == "mark" else ""
            if mark and mark not in "([{√|∫⌊" + SUMS + "".join(HALVES):
                break
            self.open_ended = mark != "" and mark in SUMS
            parts.append(self.factor())
        return parts

    open_ended = False

    @staticmethod
    def fraction(above, below):
        def bare(parts):
            text = row(parts) if parts else "<mrow></mrow>"
            inside = re.fullmatch(r"<mrow data-group><mo[^>]*>\(</mo>(.*)<mo[^>]*>\)</mo></mrow>", text)
            if inside and "<mrow data-group>" not in inside[1]:
                return f"<mrow>{inside[1]}</mrow>"
            return text
        return f"<mfrac>{bare(above)}{bare(below)}</mfrac>"

    # -- A factor: something with its scripts
    def factor(self):
        kind, text = self.kind(), self.take()
        if text in PAIRS:
            parts = self.row(PAIRS[text])
            closed = self.at < len(self.tokens)
            if closed:
                self.take()
            inside = "".join(parts)
            flat = "" if re.search("<mfrac|<munder|<msqrt", inside) else ' stretchy="false"'
            end = mo(PAIRS[text], flat) if closed else ""
            base = f"<mrow data-group>{mo(text, flat)}{inside}{end}</mrow>"
        elif text == "√":
            under = self.factor_without_brackets()
            base = f"<msqrt>{under}</msqrt>"
        elif text in HALVES:
            above, below = HALVES[text]
            base = f"<mfrac><mn>{above}</mn><mn>{below}</mn></mfrac>"
        elif kind == "number":
            base = f"<mn>{text}</mn>"
        elif kind == "letter":
            base = self.letter(text)
        elif kind == "word":
            base = self.word(text)
        elif kind in ("low", "high"):  # belongs to nothing
            base = "<mi></mi>"
            self.at -= 1
        elif text in SUMS:
            base = mo("∑" if text == "Σ" else "∏")
        elif text in ")]}|":
            base = mo(text, ' stretchy="false" lspace="0" rspace="0"')
        else:
            base = mo(text)
        return self.scripts(base, text)

    def factor_without_brackets(self):
        if self.text() == "(":
            self.take()
            parts = self.row(")")
            self.at += 1
            return row(parts) if parts else ""
        return self.factor()

    @staticmethod
    def letter(text):
        if len(text) > 1:
            return f'<mover accent="true"><mi>{text[0]}</mi>{mo(HATS[text[1]])}</mover>'
        if text in "∂∇":
            return f"<mi mathvariant=\"normal\">{text}</mi>"
        return f"<mi>{text}</mi>"

    def word(self, text):
        if text in FUNCTIONS or text[-1].isdigit():
            return f"<mi>{text}</mi>"
        if re.fullmatch(r"d[A-Za-z]", text):  # a differential
            return f"<mrow><mi>d</mi><mi>{text[1]}</mi></mrow>"
        if re.fullmatch(r"g[A-Za-np-z]", text):  # a cotangent
            return f'<mi style="font-style: italic">{text}</mi>'
        return f"<mtext>{escape(text)}</mtext>"

    def argument(self, high):
        """what stands behind _ or ^"""
        kind, text = self.kind(), self.text()
        if text in ("{", "("):
            self.take()
            display, self.display = self.display, False
            parts = self.row(PAIRS[text])
            self.display = display
            self.at += 1
            return row(parts or ["<mrow></mrow>"])
        self.take()
        if text in ("−", "-"):
            return row([mo("−", ' form="prefix"'), self.argument(high)])
        if kind == "word":
            base = row([f"<mi>{c}</mi>" for c in text]) if len(text) < 4 else self.word(text)
        elif kind == "number":
            base = f"<mn>{text}</mn>"
        elif text in HALVES:
            base = f"<mrow><mn>{HALVES[text][0]}</mn><mo>/</mo><mn>{HALVES[text][1]}</mn></mrow>"
        else:
            base = self.letter(text) if kind == "letter" else mo(text)
        if high and self.kind() == "low":
            base = f"<msub>{base}{letters(''.join(LOW[c] for c in self.take()))}</msub>"
        return base

    def scripts(self, base, text):
        low, high = [], []
        while True:
            if self.kind() == "low":
                low.append(letters("".join(LOW[c] for c in self.take())))
            elif self.kind() == "high":
                high.append(letters("".join(HIGH[c] for c in self.take())))
            elif self.text() in ("_", "^") and self.kind() == "mark" and \
                    self.kind(1) not in ("end", "space"):
                which = low if self.take() == "_" else high
                which.append(self.argument(which is high))
            else:
                break
        above_below = self.display and (text in SUMS or text in ("max", "min"))
        names = ("munder", "mover", "munderover") if above_below else ("msub", "msup", "msubsup")
        if low and high:
            return f"<{names[2]}>{base}{row(low)}{row(high)}</{names[2]}>"
        if low or high:
            name = names[0] if low else names[1]
            return f"<{name}>{base}{row(low or high)}</{name}>"
        return base


def mathml(text, display=False, goes_on=False):
    """the formula as an element <math>"""
    inside = "".join(Formula(text, display, goes_on).row()).replace(" data-group", "")
    if not display:  # there is a space of the sentence at the ends already
        inside = re.sub(r'^<mo form="infix"', '<mo form="infix" lspace="0"', inside)
        inside = re.sub(r'<mo>([=<≤≥≈←∈]|&[lg]t;)</mo>$', r'<mo form="infix" rspace="0">\1</mo>', inside)
    return f'<math{" class=display displaystyle=true" if display else ""}>{inside}</math>'
