"""Finds the formulas that stand in a sentence, and sets blocks of formulas.

A text needs no marks for this. In a sentence a formula is a run of words that hold a sign such as ∂
or ≤, a sub- or superscript, or are a single letter. Between them go numbers, signs and names of
functions. A block of formulas is what is indented by four spaces: a line is a row, three spaces
and more part its columns, and rows are aligned at their first relation.
"""
import re
from html import escape

import formula

SIGNS = re.compile("[%s]" % re.escape(
    "Α-ΩΣΠα-ωℓ∂∇∫√½·×⊙≤≥≈±∈∝‖∞←′″‴"
    + "".join(formula.LOW) + "".join(formula.HIGH) + "".join(formula.HATS)).replace(r"\-", "-"))
LETTER = re.compile(r"[B-HJ-Zb-z]$")
CALL = re.compile(r"\b[A-Za-z][(\[][A-Za-z0-9]|[A-Za-z]_[{A-Za-z0-9]|[A-Za-z0-9]\^|\|[A-Za-z]\|")
APPLIED = re.compile(r"\b(?:%s)\(" % "|".join(sorted(formula.FUNCTIONS)))
JOINED = re.compile(r"(?=.*[A-Za-z])(?=.*[/^_|\[,])(?!.*[A-Za-z]{2})[A-Za-z0-9()\[\]/^_|,+−]{3,}$")
OPERATOR = re.compile(r"[-+−=<>/~|·×≤≥≈⊙∈←→]$")
BETWEEN = re.compile(r"(?:[-+−=<>/~…|(]|[-−+(\[]*\d[-+−\d.,/()\[\]^]*|d[tsxyz])$")
# "a" is a letter of a formula before these, and an article before other words
AFTER_LETTER = set("""for and is are in as or by of to with has have the alone from at on comes
    moves says which here at through are, be can does goes""".split())
ENGLISH = {"mean", "sign", "normal", "rank", "max", "min"}  # words, and names of functions
BEGINNINGS = set("""The This That A An In It So But Then Each For If Where With What No To There
    Given And Let On By As At""".split())
UNITS = {"s", "m", "V", "W", "K"}
BREAKS = re.compile(r" (?=[=≈≤≥<>←~+−·⊙→‖] )")


def is_strong(word, before, after):
    bare = word.strip("()[].,;:!?“”")
    if bare in ("a", "A", "I") and (OPERATOR.match(after) or OPERATOR.match(before)):
        return True
    if bare == "a":
        return word[-1:] in ".,;:)" or after.strip(".,;:)") in AFTER_LETTER
    if bare == "C" and before.lower() in ("in", "from", "plain", "one"):
        return False  # the language
    if re.fullmatch(r"\(?[A-Z]\.", word) and re.match("[A-Z]", after) and after not in BEGINNINGS:
        return False  # somebody's initials
    if re.fullmatch("d[A-Za-np-z]|g[A-Za-np-z]", bare):
        return True  # dx, gx
    if APPLIED.search(bare) or re.fullmatch(r"[-−+]?\d+[a-z]|[-−+][A-Za-z]", bare):
        return True
    if LETTER.match(bare):
        return not (bare in UNITS and re.fullmatch(r"[\d.,]+", before))
    if re.search("[A-Za-z]{3}", re.sub(r"_\{.*?\}|\b(?:%s)(?![a-z])" % "|".join(formula.FUNCTIONS),
                                       "", bare)):
        return False  # a word, be it with a sign
    return bool(SIGNS.search(bare) or CALL.search(bare) or JOINED.match(bare))


def is_between(word):
    bare = word.rstrip(".,;:")
    return (bool(BETWEEN.match(bare.rstrip(")") or word))
            or bare.strip("()−") in formula.FUNCTIONS - ENGLISH)


def spread(text):
    """the brackets that are open at the end of the text"""
    return sum(text.count(c) for c in "([{") - sum(text.count(c) for c in ")]}")


def runs(words):
    """(start, end) of the runs of words that are a formula"""
    at = 0
    while at < len(words):
        if not (is_strong_at(words, at) or is_between(words[at])):
            at += 1
            continue
        start, strong = at, False
        while at < len(words):
            here = is_strong_at(words, at)
            so_far = " ".join(words[start:at])
            inside = at > start and spread(so_far) > 0
            if not (here or is_between(words[at]) or inside and len(words[at].strip("()[].,;:")) < 3):
                break
            strong |= here
            at += 1
            if words[at - 1][-1] in ".,;:" and spread(so_far + " " + words[at - 1]) <= 0:
                break
        end = at
        while end > start and not is_strong_at(words, end - 1) and \
                not re.match(r"[-−+]?\d|\)", words[end - 1].strip("(")) and \
                not (re.search(r"\)[.,;:]*$", words[end - 1]) and
                     spread(" ".join(words[start:end])) == 0):
            end -= 1
        end = start + whole(words[start:end])
        while start < end and words[start] in ("…", "/", ")", "-"):
            start += 1
        if strong and end > start:
            yield start, end


def whole(words):
    """how many of the words are left if the last one must not be in an open bracket"""
    depth = 0
    for at, word in enumerate(words):
        opens = word.startswith("(") and at > 0
        if opens and depth + spread(word) > depth and \
                all(spread(" ".join(words[at:to])) > 0 for to in range(at + 1, len(words) + 1)):
            return at
        depth += spread(word)
    return len(words)


def is_strong_at(words, at):
    return is_strong(words[at], words[at - 1] if at else "",
                     words[at + 1] if at + 1 < len(words) else "")


def set_run(text):
    """the run as MathML, and what of it is punctuation"""
    head = re.match(r"[“]*", text)[0]
    text = text[len(head):]
    tail = re.search(r"[.,;:!?”]*$", text)[0]
    text = text[:len(text) - len(tail)]
    while spread(text) > 0 and text.startswith("("):
        head, text = head + "(", text[1:]
    while spread(text) < 0 and text.endswith(")"):
        tail, text = ")" + tail, text[:-1]
    pieces = [text]
    if len(text) > 22:  # a browser breaks no line inside of an element <math>
        pieces, depth, last = [], 0, 0
        for at, c in enumerate(text):
            depth += (c in "([{") - (c in ")]}")
            if depth == 0 and BREAKS.match(text, at) and at - last > 4:
                pieces.append(text[last:at])
                last = at + 1
        pieces.append(text[last:])
    *before, last = [formula.mathml(piece, goes_on=i > 0) for i, piece in enumerate(pieces)]
    if tail:  # punctuation stays with the formula
        last = f'<span class="kept">{last}{escape(tail)}</span>'
    return escape(head) + " ".join(before + [last])


def sentence(text):
    """text to HTML, its formulas to MathML"""
    words = re.findall(r"\S+", text)
    gaps = re.split(r"\S+", text)
    out, last = [gaps[0]] if gaps else [], 0
    for start, end in list(runs(words)):
        for i in range(last, start):
            out += [escape(words[i], False), gaps[i + 1]]
        out += [set_run(" ".join(words[start:end])), gaps[end]]
        last = end
    for i in range(last, len(words)):
        out += [escape(words[i], False), gaps[i + 1]]
    return "".join(out)


# -- Blocks
def is_words(cell):
    """a remark beside a formula"""
    words = [w for w in re.findall(r"[A-Za-z]{2,}", re.sub(r"[_^]\{.*?\}|[_^]\w+", "", cell))
             if w not in formula.FUNCTIONS and not re.fullmatch("d[A-Za-z]", w)]
    return "`" in cell or len(words) >= 2 and not re.search(r"[=≈≥≤]", cell)


def relation(cell):
    """where the first relation outside of brackets is"""
    depth = 0
    for i, c in enumerate(cell):
        depth += (c in "([{") - (c in ")]}")
        if depth == 0 and c in formula.RELATIONS + "→" and (i == 0 or cell[i - 1] == " "):
            return i
    return None


def block(text, remark):
    """a block of formulas; remark(text) sets a cell of words"""
    rows = []
    for line in text.split("\n"):
        cells = re.split(r"(?<=\S) {3,}(?=\S)", line.strip())
        if len(cells) > 1 and cells[1][0] in formula.RELATIONS + "→":
            cells[:2] = [cells[0] + " " + cells[1]]
        first = cells[0]
        at = None if is_words(first) else relation(first)
        left, right = (first, "") if at is None else (first[:at].rstrip(), first[at:])
        rows.append((left, right, cells[1:]))
    aligned = any(right for _, right, _ in rows)
    width = max(len(more) for *_, more in rows)
    out = []
    for left, right, more in rows:
        whole = not right
        cells = [f'<td class="{"whole" if whole else "left"}"'
                 f'{" colspan=2" if whole and aligned else ""}>{cell_html(left, remark)}</td>']
        if right:
            cells.append(f"<td>{formula.mathml(right, True, True)}</td>")
        cells += [f"<td>{cell_html(cell, remark)}</td>" for cell in more]
        cells += ["<td></td>"] * (width - len(more))
        out.append("<tr>" + "".join(cells) + "</tr>")
    return ('<div class="formula" tabindex="0" role="group" aria-label="formula">'
            '<table role="presentation">' + "\n".join(out) + "</table></div>")


def cell_html(cell, remark):
    if not cell:
        return ""
    number = re.fullmatch(r"\((\d+)\)", cell)
    if number or is_words(cell):
        return f'<span class="remark">{remark(cell)}</span>'
    return formula.mathml(cell, True)
