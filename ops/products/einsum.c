/* Einstein's summation: y = the sum of products of the operands over all labels that are not in the
 * output. The text becomes lists of labels (einsum_text.c). Then the operands are contracted two at
 * a time, in the order that takes the fewest multiplications: the cheapest pair first while there
 * are many operands, and the best of all orders once there are few. */
#include "contract.h"
#include "einsum_text.h"

enum { FEW = 8, SUBSETS = 1 << FEW };

typedef struct plan {
    int n;
    ct__labeled x[CT__EINSUM_MOST];
    int64_t size[64];               /* of each label */
    uint64_t output;                /* the labels of the output */
} plan;

/* -- Operands: each label once, and in its full size */
static bool is_wrong_size(const ct__einsum *e, const plan *p, int k, int axis)
{
    char shape[CT_SHAPE_TEXT], name[CT__LABEL_TEXT];
    unsigned char label = p->x[k].label[axis];
    if (ct_size(p->x[k].t, axis) == p->size[label])
        return false;
    ct_fail(e->cx, CT_ERROR_SHAPE, "einsum \"%s\": operand %d %s has size %lld at %s, which has "
            "size %lld before", e->text, k, ct_shape_text(p->x[k].t, shape),
            (long long)ct_size(p->x[k].t, axis), ct__label_text(label, name),
            (long long)p->size[label]);
    return true;
}

/* A label has the size that its axes have, where 1 goes with any other. */
static bool find_sizes(const ct__einsum *e, plan *p)
{
    for (int l = 0; l < 64; l++)
        p->size[l] = 1;
    for (int k = 0; k < p->n; k++)
        for (int d = 0; d < ct_ndim(p->x[k].t); d++) {
            int64_t size = ct_size(p->x[k].t, d), *of_label = &p->size[p->x[k].label[d]];
            if (*of_label == 1)
                *of_label = size;
            else if (size != 1 && is_wrong_size(e, p, k, d))
                return false;
        }
    return true;
}

static ct__labeled without_axis(ct__labeled x, int axis, ct_tensor *t)
{
    for (int d = axis; d + 1 < CT_MAX_DIMS; d++)
        x.label[d] = x.label[d + 1];
    x.t = t;
    return x;
}

/* x[i, i] becomes x[i]: the diagonal, whose axis is the last one. */
static ct__labeled diagonal(ct__labeled x, int first, int second)
{
    unsigned char label = x.label[first];
    x = without_axis(x, second, ct_diagonal(x.t, 0, first, second));
    x = without_axis(x, first, x.t);
    if (x.t)
        x.label[ct_ndim(x.t) - 1] = label;
    return x;
}

static bool make_labels_differ(const ct__einsum *e, plan *p, int k)
{
    ct__labeled *x = &p->x[k];
    for (int d = 1; x->t && d < ct_ndim(x->t); d++)
        for (int before = 0; before < d; before++)
            if (x->label[before] == x->label[d]) {
                if (is_wrong_size(e, p, k, before) || is_wrong_size(e, p, k, d))
                    return false;
                *x = diagonal(*x, before, d);
                d = 0;
                break;
            }
    return x->t != NULL;
}

/* An axis of size 1 whose label has a larger size is left out: it would be repeated. */
static bool drop_repeated(plan *p, int k)
{
    ct__labeled *x = &p->x[k];
    for (int d = x->t ? ct_ndim(x->t) - 1 : -1; x->t && d >= 0; d--)
        if (ct_size(x->t, d) != p->size[x->label[d]])
            *x = without_axis(*x, d, ct_squeeze(x->t, d));
    return x->t != NULL;
}

/* -- Order */
/* how many multiplications it takes to contract tensors whose labels together are these */
static double cost_of(const plan *p, uint64_t labels)
{
    double cost = 1;
    for (int l = 0; l < 64; l++)
        if (labels >> l & 1)
            cost *= (double)p->size[l];
    return cost;
}

/* the labels that are wanted from the operands whose bits are in `mask`: those of the output and of
   all other operands */
static uint64_t wanted_from(const plan *p, uint64_t mask)
{
    uint64_t wanted = p->output;
    for (int k = 0; k < p->n; k++)
        if (!(mask >> k & 1))
            wanted |= ct__labels(p->x[k]);
    return wanted;
}

static bool contract_cheapest_pair(plan *p)
{
    int first = 0, second = 1;
    double least = -1;
    for (int i = 0; i < p->n; i++)
        for (int k = i + 1; k < p->n; k++) {
            double cost = cost_of(p, ct__labels(p->x[i]) | ct__labels(p->x[k]));
            if (least < 0 || cost < least)
                least = cost, first = i, second = k;
        }
    uint64_t pair = (uint64_t)1 << first | (uint64_t)1 << second;
    p->x[first] = ct__contract(p->x[first], p->x[second], wanted_from(p, pair));
    p->x[second] = p->x[--p->n];
    return p->x[first].t != NULL;
}

/* For each set of operands: what it costs to contract them to one, and the half of them to begin
   with. */
typedef struct best {
    double cost;
    unsigned half;
} best;

static uint64_t labels_of(const plan *p, unsigned set)
{
    uint64_t labels = 0;
    for (int k = 0; k < p->n; k++)
        if (set >> k & 1)
            labels |= ct__labels(p->x[k]);
    return labels & wanted_from(p, set);
}

static void find_best(const plan *p, best *table)
{
    for (unsigned set = 1; set < 1u << p->n; set++) {
        table[set] = (best){ set & (set - 1) ? -1 : 0, set };
        for (unsigned half = (set - 1) & set; half > (set ^ half); half = (half - 1) & set) {
            unsigned rest = set ^ half;
            double cost = table[half].cost + table[rest].cost +
                          cost_of(p, labels_of(p, half) | labels_of(p, rest));
            if (table[set].cost < 0 || cost < table[set].cost)
                table[set] = (best){ cost, half };
        }
    }
}

static ct__labeled contract_set(const plan *p, const best *table, unsigned set)
{
    unsigned half = table[set].half;
    for (int k = 0; half == set && k < p->n; k++)
        if (set == 1u << k)
            return ct__sum_others(p->x[k], wanted_from(p, set));
    return ct__contract(contract_set(p, table, half), contract_set(p, table, set ^ half),
                        wanted_from(p, set));
}

static ct_tensor *run(const ct__einsum *e, plan *p)
{
    best table[SUBSETS];
    if (!find_sizes(e, p))
        return NULL;
    for (int k = 0; k < p->n; k++)
        if (!make_labels_differ(e, p, k) || !drop_repeated(p, k))
            return NULL;
    while (p->n > FEW)
        if (!contract_cheapest_pair(p))
            return NULL;
    find_best(p, table);
    ct__labeled y = contract_set(p, table, (1u << p->n) - 1);
    return y.t ? ct__arrange(y, e->output) : NULL;
}

ct_tensor *ct_einsum(const char *text, ct_tensor *const *x, int n)
{
    ct__einsum e;
    if (!ct__einsum_read(&e, text, x, n))
        return NULL;
    ct_scope scope = ct_scope_begin(e.cx);
    if (!scope)
        return NULL;
    plan p = { .n = n };
    for (int k = 0; k < n; k++) {
        p.x[k].t = x[k];
        for (int d = 0; d < CT_MAX_DIMS; d++)
            p.x[k].label[d] = e.label[k][d];
    }
    for (int d = 0; d < e.output_ndim; d++)
        p.output |= (uint64_t)1 << e.output[d];
    return ct_scope_return(e.cx, scope, run(&e, &p));
}
