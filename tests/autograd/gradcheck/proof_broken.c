/* The list of broken rules: those of proof_rules.c, and operators and functions of other kinds. */
#include "proof.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proof_rules.h"

/* -- Rules of phi, one row each: how wrong, what the report must say, at which entry */
typedef struct row {
    fault fault;
    const char *kind, *name, *phis, *fragment;
    int64_t entry;
    ct_verdict want;
    int order;
    bool no_vjp; /* else vjp, which is right, would give it away */
} row;

#define F CT_GRADCHECK_FAIL
#define I CT_GRADCHECK_INVALID
static const row rows[] = {
    { NEGATED, "value", "negated", "sqe", "a sign is wrong", -1, F, 1, true },
    { DOUBLED, "value", "doubled", "sq", "twice the right value", -1, F, 1, true },
    { HALVED, "value", "halved", "sq", "half the right value", -1, F, 1, true },
    { TRIPLED, "value", "tripled", "se", "3 times the right value", -1, F, 1, true },
    { MEAN, "value", "mean for sum", "sq", "1/12 of the right value", -1, F, 1, true },
    { SUM, "value", "sum for mean", "sq", "12 times the right value", -1, F, 1, true },
    { ABSOLUTE, "value", "absolute", "s", "", -1, F, 1, true },
    { AT_NEGATIVE, "value", "negated at negative x", "se", "a sign is wrong", -1, F, 1, true },
    { ABOVE_MINUS_1, "value", "halved where x > -1", "s", "half the right value", -1, F, 1, true },
    { SLIGHTLY, "value", "1e-5 too large", "sqe", "times the right value", -1, F, 1, true },
    { SLIGHTLY_LESS, "value", "4e-6 too small", "sq", "", -1, F, 1, true },
    { STALE, "value", "at x + 1/8", "sq", "no simple pattern", -1, F, 1, true },
    { NO_CHAIN, "value", "phi for its derivative", "s", "no simple pattern", -1, F, 1, true },
    { ZERO, "value", "zero", "sqe", "zero where it should not be", -1, F, 1, true },
    { ZERO_AT_NEGATIVE, "value", "zero at negative x", "s", "zero where", -1, F, 1, true },
    { TRANSPOSED, "place", "transposed", "sqe", "transposed", -1, F, 1, true },
    { SHIFTED_BY_ONE, "place", "the next entry's", "sq", "no simple pattern", -1, F, 1, true },
    { SWAPPED, "place", "two entries swapped", "se", "", -1, F, 1, true },
    { REVERSED_ORDER, "place", "in reverse order", "s", "no simple pattern", -1, F, 1, true },
    { FIRST_ENTRY, "one entry", "the first", "sqe", "this entry alone", 0, F, 1, true },
    { LAST_ENTRY, "one entry", "the last", "sq", "this entry alone", 11, F, 1, true },
    { MIDDLE_ENTRY, "one entry", "one, by 1e-4", "sq", "this entry alone", 6, F, 1, true },
    { NEGATED_ENTRY, "one entry", "one negated", "se", "a sign is wrong", 3, F, 1, true },
    { ZERO_ENTRY, "one entry", "one zero", "s", "zero where", 4, F, 1, true },
    { ALL_NAN, "not finite", "NaN", "s", "not finite", -1, F, 1, true },
    { LAST_NAN, "not finite", "one NaN", "sq", "not finite", 11, F, 1, true },
    { ALL_INFINITE, "not finite", "infinite", "s", "not finite", -1, F, 1, true },
    { ONE_INFINITE, "not finite", "one infinite", "sqe", "not finite", 2, F, 1, false },
    { MINUS_INFINITE, "not finite", "one -infinite", "s", "not finite", 5, F, 1, true },
    { IGNORED, "cotangent", "ignored", "sq", "it is ignored", -1, F, 1, true },
    { SQUARED, "cotangent", "squared", "se", "not linear", -1, F, 1, true },
    { ABSOLUTE_COTANGENT, "cotangent", "absolute", "sq", "a sign is wrong", -1, F, 1, true },
    { CONSTANT_TERM, "cotangent", "a constant added", "s", "not linear", -1, F, 1, true },
    { CLIPPED, "cotangent", "clipped", "se", "not linear", -1, F, 1, true },
    { FIRST_COTANGENT, "cotangent", "the first one's", "s", "no simple pattern", -1, F, 1, true },
    { MEAN_COTANGENT, "cotangent", "their mean", "s", "no simple pattern", -1, F, 1, true },
    { ROUNDED_COTANGENT, "cotangent", "rounded", "s", "not linear", -1, F, 1, true },
    { UNSAVED, "saves", "reads x, not saved", "sqe", "`saves` does not list", -1, F, 1, true },
    { VJP_TRIPLED, "order 2", "vjp three times", "sqe", "", -1, F, 2, false },
    { VJP_NEGATED, "order 2", "vjp negated", "sq", "", -1, F, 2, false },
    { VJP_SLIGHTLY, "order 2", "vjp 3e-5 too large", "s", "", -1, F, 2, false },
    { DETACHED_X, "order 2", "x detached", "sqe", "zero where", -1, F, 2, false },
    { DETACHED_COTANGENT, "order 2", "cotangent detached", "sq", "zero where", -1, F, 2, false },
    { SECOND_ORDER_SIGN, "order 2", "second sign", "sqe", "a sign is wrong", -1, F, 2, false },
    { SECOND_CALL, "impure", "from the second call", "se", "not deterministic", -1, I, 1, true },
    { THIRD_CALL, "impure", "from the third call", "s", "not deterministic", -1, I, 1, true },
    { EVERY_OTHER_CALL, "impure", "every other call", "s", "not deterministic", -1, I, 1, true },
    { LATER_CALL, "impure", "from the sixth call", "s", "not deterministic", -1, I, 1, true },
    { ADDRESS, "impure", "by the address of gx", "sqe", "not deterministic", -1, I, 1, true },
    { ONLY_BACKWARD, "one rule", "backward, not vjp", "se", "vjp is right", -1, F, 1, false },
    { F32_BACKWARD, "f32", "backward", "sq", "in f32", -1, F, 1, false },
    { F32_VJP, "f32", "vjp", "sqe", "vjp differs in f32", -1, F, 1, false },
    { F32_STORES, "f32", "stores for adds", "sqe", "in f32 where it is added", -1, F, 1, false },
    { F32_STRIDED_COTANGENT, "f32", "strided gy", "sq", "in f32 for inputs or cotangents", -1, F, 1,
      false },
    { F32_VJP_STRIDED, "f32", "vjp, strided gy", "s", "vjp differs in f32", -1, F, 1, false },
    { F32_ADDED, "f32", "added", "s", "in f32 where it is added", -1, F, 1, false },
    { FORWARD_F32, "f32", "the value", "s", "in f32", -1, F, 1, false },
    { ZERO_STRIDE, "layout", "gy repeated", "sqe", "gy repeated", -1, F, 1, false },
    { NEGATIVE_STRIDE, "layout", "gy reversed", "sq", "gy reversed", -1, F, 1, false },
    { NEGATIVE_STRIDE_OF_X, "layout", "x reversed", "sq", "x reversed", -1, F, 1, false },
    { STRIDED_COTANGENT, "layout", "gy strided", "se", "not contiguous", -1, F, 1, false },
    { COTANGENT_ALONE_STRIDED, "layout", "gy alone strided", "s", "x row-major", -1, F, 1, false },
    { X_ALONE_STRIDED, "layout", "x alone strided", "sq", "gy row-major", -1, F, 1, false },
    { BOTH_STRIDED, "layout", "both strided", "s", "not contiguous", -1, F, 1, false },
    { VJP_STRIDED, "layout", "vjp, gy strided", "s", "vjp differs for inputs", -1, F, 1, false },
    { VJP_NEGATIVE_STRIDE, "layout", "vjp, gy reversed", "s", "gy reversed", -1, F, 1, false },
    { FORWARD_STRIDED, "layout", "the value", "s", "not contiguous", -1, F, 1, false },
    { ADDED, "added", "wrong where added", "sq", "added to another", -1, F, 1, false },
    { ADDED_STRIDED, "added", "and gy is strided", "s", "added to another", -1, F, 1, false },
    { ADDED_F32_STRIDED_X, "added", "in f32, x strided", "s", "in f32", -1, F, 1, false },
    { STORES, "added", "stores for adds", "sqe", "added to another", -1, F, 1, false },
    { STORES_STRIDED, "added", "stores, gy strided", "s", "added to another", -1, F, 1, false },
    { LATE_READER, "in place", "reads gy late", "sqe", "the same tensor", -1, F, 1, false },
    { LATE_READER_F32, "in place", "in f32", "s", "in f32 where gx and gy", -1, F, 1, false },
    { WRITES_X, "writes", "into x", "sq", "writes into input 0", -1, I, 1, true },
    { WRITES_COTANGENT, "writes", "into gy", "sq", "writes into the cotangent", -1, I, 1, true },
    { WRITES_X_F32, "writes", "into x in f32", "s", "writes into input 0", -1, I, 1, false },
    { VJP_WRITES, "writes", "vjp, into x", "s", "writes into input 0", -1, I, 1, false },
    { FORWARD_WRITES, "writes", "forward, into x", "s", "writes into input 0", -1, I, 1, true },
    { UNRECORDED, "unrecorded", "the value", "sqe", "nothing is recorded", -1, F, 1, false },
    { UNRECORDED_F32, "unrecorded", "the value in f32", "s", "nothing is recorded", -1, F, 1,
      false },
};
enum { ROWS = sizeof rows / sizeof *rows, SCALED = 6, ROOM = 2 * PROOF_CASES };

static rule rules[ROOM];
static ct_op operators[ROOM];
static char names[ROOM][64];
static int used;

static void add_rule(proof_case *out, int *n, const row *r, char phi, double scale)
{
    rules[used] = (rule){ r->fault, phi, scale };
    operators[used] = rule_operator(&rules[used], !r->no_vjp);
    snprintf(names[used], sizeof names[used], "%s (%s%s)", r->name,
             phi == 's' ? "sin" : phi == 'q' ? "x^2 + x" : "exp", scale < 1 ? ", times 1e-10" : "");
    out[(*n)++] = (proof_case){ .kind = scale < 1 ? "small" : r->kind, .name = names[used],
                                .op = &operators[used], .order = r->order, .want = r->want,
                                .fragment = r->fragment, .entry = r->entry };
    used++;
}

static void add_rules(proof_case *out, int *n)
{
    static const fault small[SCALED] = { NEGATED, DOUBLED, ZERO, NEGATED_ENTRY, AT_NEGATIVE,
                                         SLIGHTLY };
    for (int i = 0; i < ROWS; i++)
        for (const char *phi = rows[i].phis; *phi; phi++)
            add_rule(out, n, &rows[i], *phi, 1);
    for (int i = 0; i < SCALED; i++)
        for (int k = 0; k < ROWS; k++)
            if (rows[k].fault == small[i])
                add_rule(out, n, &rows[k], 's', 1e-10);
}

int proof_broken(proof_case *out)
{
    int n = 0;
    used = 0;
    add_rules(out, &n);
    n += proof_broken_operators(out + n);
    n += proof_broken_functions(out + n);
    return n;
}
