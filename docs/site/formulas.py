"""The formulas of headers, as HTML: scripts go up and down, and signs are the right ones.

    gx = g c x^(c-1), y_ij = sum_k a_ik b_kj, log(e^x_0 + ... + e^x_i)

Nothing is rearranged: these texts hold words too ("where x > 0, else g"), and a fraction of which a
machine guesses the ends could say something else than the text."""
import re
from html import escape

LOW = r"_(?:\{(?P<braces>[^}]*)\}|\((?P<brackets>[^()]*)\)|(?P<low>[A-Za-z0-9]{1,2})(?![A-Za-z0-9_]))"
HIGH = re.compile(r"\^(?:\((?P<group>(?:[^()]|\([^()]*\))*)\)|(?P<high>[-−+]?[A-Za-z0-9]+(?:_\w)?))")
# what a subscript may belong to: a letter, the cotangent of one, or a sum; no name like max_norm
BASE = re.compile(r"(?<![A-Za-z0-9_])(g?[A-Za-z]|sum|max|min)" + LOW)
SIGNS = {" - ": " − ", "&lt;=": "≤", "&gt;=": "≥", "!=": "≠", "...": "…"}


def scripts(text):
    """what stands below or above in a superscript belongs to that"""
    high = HIGH.sub(lambda m: f"<sup>{scripts(m['group'] or m['high'])}</sup>", text)
    return BASE.sub(lambda m: f"{m[1]}<sub>{m['braces'] or m['brackets'] or m['low']}</sub>", high)


def set_formula(text):
    text = escape(text, False)
    for sign, better in SIGNS.items():
        text = text.replace(sign, better)
    text = re.sub(r"(?<![\w)\]])-(?=[\w(])", "−", text)
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", scripts(text))
