/* Reading the text of an einsum:
 *
 *   text    term ("," term)* ("->" term)?
 *   term    letters, one for each axis, and at most one "..." for all axes that no letter names
 *
 * Blanks mean nothing. Without "->", the output has the axes of the ellipsis and then, in order of
 * the alphabet with capitals first, the letters that occur once. */
#include "einsum_text.h"

#include <stdio.h>

typedef struct reader {
    ct__einsum *e;
    const char *at;
    int dots;               /* the most axes that an ellipsis stood for so far */
    uint64_t once, twice;   /* the labels that occurred, and those that did so again */
} reader;

const char *ct__label_text(unsigned char label, char room[CT__LABEL_TEXT])
{
    if (label >= CT__LETTERS)
        snprintf(room, CT__LABEL_TEXT, "axis -%d of ...", label - CT__LETTERS + 1);
    else
        snprintf(room, CT__LABEL_TEXT, "\"%c\"", label < 26 ? 'A' + label : 'a' + label - 26);
    return room;
}

static bool fail(const reader *r, const char *what)
{
    ct_fail(r->e->cx, CT_ERROR_VALUE, "einsum \"%.80s\": %s, at character %d", r->e->text, what,
            (int)(r->at - r->e->text));
    return false;
}

static void skip_blanks(reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static int letter_at(const char *at)
{
    return *at >= 'A' && *at <= 'Z' ? *at - 'A' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 26 : -1;
}

/* -- A term: letters, and the place of the ellipsis among them, or -1 */
typedef struct term {
    unsigned char letter[CT_MAX_DIMS];
    int letters, ellipsis;
} term;

static bool read_term(reader *r, term *t)
{
    *t = (term){ .ellipsis = -1 };
    for (skip_blanks(r); *r->at && *r->at != ',' && *r->at != '-'; skip_blanks(r)) {
        int letter = letter_at(r->at);
        if (letter < 0 && (r->at[0] != '.' || r->at[1] != '.' || r->at[2] != '.'))
            return fail(r, "letters, \"...\", \",\" and \"->\" are allowed only");
        if (letter >= 0 && t->letters == CT_MAX_DIMS)
            return fail(r, "a tensor has 8 axes at most");
        if (letter < 0 && t->ellipsis >= 0)
            return fail(r, "a term has one ellipsis at most");
        if (letter < 0)
            t->ellipsis = t->letters;
        else
            t->letter[t->letters++] = (unsigned char)letter;
        r->at += letter < 0 ? 3 : 1;
    }
    return true;
}

/* The labels of a term whose ellipsis stands for `dots` axes. */
static void spell_out(const term *t, int dots, unsigned char *label)
{
    int n = 0;
    for (int i = 0; i <= t->letters; i++) {
        for (int d = dots; i == t->ellipsis && d > 0; d--)
            label[n++] = (unsigned char)(CT__LETTERS + d - 1);
        if (i < t->letters)
            label[n++] = t->letter[i];
    }
}

static bool read_operand(reader *r, const ct_tensor *x, int k)
{
    char shape[CT_SHAPE_TEXT];
    term t;
    if (!read_term(r, &t))
        return false;
    int dots = ct_ndim(x) - t.letters;
    if (dots < 0 || (dots > 0 && t.ellipsis < 0)) {
        ct_fail(r->e->cx, CT_ERROR_SHAPE, "einsum \"%.80s\": operand %d %s has %d axes, and the "
                "text names %d", r->e->text, k, ct_shape_text(x, shape), ct_ndim(x), t.letters);
        return false;
    }
    spell_out(&t, dots, r->e->label[k]);
    r->dots = dots > r->dots ? dots : r->dots;
    for (int d = 0; d < ct_ndim(x); d++) {
        uint64_t bit = (uint64_t)1 << r->e->label[k][d];
        r->twice |= r->once & bit;
        r->once |= bit;
    }
    return true;
}

/* -- The output */
static bool set_output(reader *r, const term *t)
{
    int dots = t->ellipsis >= 0 ? r->dots : 0;
    uint64_t seen = 0;
    for (int i = 0; i < t->letters; i++) {
        uint64_t bit = (uint64_t)1 << t->letter[i];
        if (seen & bit)
            return fail(r, "a letter occurs twice in the output");
        if (!(r->once & bit))
            return fail(r, "a letter of the output is in no operand");
        seen |= bit;
    }
    if (t->letters + dots > CT_MAX_DIMS)
        return fail(r, "the output has more than 8 axes");
    r->e->output_ndim = t->letters + dots;
    spell_out(t, dots, r->e->output);
    return true;
}

static bool read_output(reader *r)
{
    term t = { .ellipsis = 0 };
    if (*r->at == '-') {
        if (r->at[1] != '>')
            return fail(r, "\"-\" must be followed by \">\"");
        r->at += 2;
        if (!read_term(r, &t))
            return false;
        return *r->at ? fail(r, "the output is one term") : set_output(r, &t);
    }
    uint64_t single = r->once & ~r->twice;
    for (int l = 0; l < CT__LETTERS; l++)
        if (single >> l & 1) {
            if (t.letters == CT_MAX_DIMS)
                return fail(r, "the output has more than 8 axes");
            t.letter[t.letters++] = (unsigned char)l;
        }
    return set_output(r, &t);
}

/* -- All of it */
static bool operands_fit(ct_tensor *const *x, int n)
{
    ct_context *cx = NULL;
    for (int k = 0; k < n && !cx; k++)
        cx = x[k] && ct_usable(x[k], "einsum") ? ct_context_of(x[k]) : NULL;
    for (int k = 0; k < n && cx; k++)
        if (!x[k])
            ct_fail(cx, CT_ERROR_NULL, "einsum: operand %d is NULL", k);
    for (int k = 0; k < n; k++)
        if (!ct_usable(x[k], "einsum"))
            return false;
    ct_dtype dtype = ct_dtype_of(x[0]);
    for (int k = 0; k < n; k++) {
        bool is_float = dtype == CT_F32 || dtype == CT_F64;
        if (ct_context_of(x[k]) != cx) {
            ct_fail(cx, CT_ERROR_CONTEXT, "einsum: operand %d is of another context", k);
            return false;
        }
        if (!is_float || ct_dtype_of(x[k]) != dtype) {
            ct_fail(cx, CT_ERROR_DTYPE, "einsum: all operands must be f32, or all f64; ct_cast "
                    "operand %d", k);
            return false;
        }
    }
    return true;
}

bool ct__einsum_read(ct__einsum *e, const char *text, ct_tensor *const *x, int n)
{
    if (!x || n < 1 || !operands_fit(x, n > CT__EINSUM_MOST ? 1 : n))
        return false;
    *e = (ct__einsum){ .cx = ct_context_of(x[0]), .text = text };
    reader r = { .e = e, .at = text };
    if (!text)
        return ct_fail(e->cx, CT_ERROR_NULL, "einsum: the text is NULL"), false;
    if (n > CT__EINSUM_MOST)
        return ct_fail(e->cx, CT_ERROR_VALUE, "einsum: %d operands at most, got %d",
                       CT__EINSUM_MOST, n), false;
    for (int k = 0; k < n; k++) {
        if (!read_operand(&r, x[k], k))
            return false;
        if (*r.at != ',' && k + 1 < n)
            return fail(&r, "there are more operands than terms");
        if (*r.at == ',' && k + 1 == n)
            return fail(&r, "there are more terms than operands");
        r.at += *r.at == ',';
    }
    return read_output(&r);
}
