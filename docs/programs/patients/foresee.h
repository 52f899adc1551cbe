/* Logistic regression on what is known of patients, how well it puts them in order, and where they
 * lie. */
#ifndef FORESEE_H
#define FORESEE_H
#include "cohort.h"

/* of logistic regression for all outcomes at once: of each the mean over those who count; user is
   { x, y, w } */
static inline ct_tensor *surprise(ct_module *line, void *user)
{
    ct_tensor **d = user, *all = ct_shift(ct_sum_over(d[2], CT_AXES(0), 0), 1e-9);
    ct_tensor *each = ct_binary_cross_entropy_each(ct_module_forward(line, d[0]), d[1]);
    ct_tensor *mean = ct_div(ct_sum_over(ct_mul(each, d[2]), CT_AXES(0), 0), all);
    ct_tensor *penalty = ct_sum(ct_square(ct_module_parameter(line, "weight")));
    return ct_add(ct_sum(mean), ct_scale(penalty, 1e-3));
}

/* auc: of each outcome, of b by what was learned from a: from all of it, from a tenth */
static inline void judge(program *p, const people *a, const people *b, double *auc[2])
{
    for (int few = 0; few < 2; few++) {
        ct_scope scope = ct_scope_begin(p->cx);
        int64_t n = ct_size(a->x, 0) / (few ? 10 : 1), k = ct_size(a->x, 1);
        ct_module *line = ct_linear_new(p->cx, CT_F64, k, OUTCOMES, NULL);
        ct_tensor *d[] = { rows(a->x, 0, n, false), rows(a->y, 0, n, false),
                           rows(a->w, 0, n, false) };
        ct_module_lbfgs(line, surprise, d, &(ct_minimize_options){ .max_iterations = 100 }, NULL);
        ct_tensor *score = ct_module_forward(line, b->x);
        for (int o = 0; o < OUTCOMES; o++) {
            ct_tensor *mask = ct_cast(ct_select(b->w, 1, o), CT_BOOL);
            auc[few][o] = ct_auc(ct_masked_select(ct_select(score, 1, o), mask),
                ct_cast(ct_masked_select(ct_select(b->y, 1, o), mask), CT_I64));
        }
        ct_module_free(line);
        ct_scope_end(p->cx, scope);
    }
}

enum { SPOTS = 400 };
static double spots[1 + OUTCOMES][2][SPOTS]; /* none of the diseases, and each of them */
static int spot_count[1 + OUTCOMES];

/* where the two main directions of the code put patients, by what was found afterwards */
static inline void spot(const people *b)
{
    ct_tensor *u, *s, *vt;
    ct_svd(b->x, &u, &s, &vt);
    const double *at = ct_data_f64(u), *y = ct_data_f64(ct_contiguous(b->y));
    for (int64_t i = 0; at && y && i < ct_size(u, 0); i++)
        for (int o = 0; o <= OUTCOMES; o++) {
            const double *has = y + i * OUTCOMES;
            int n = spot_count[o];
            if (n < SPOTS && (o > 0 ? has[o - 1] > 0 : has[0] + has[1] + has[2] == 0))
                for (int axis = 0; axis < 2; axis++, spot_count[o] = n + 1)
                    spots[o][axis][n] = at[i * ct_size(u, 1) + axis];
        }
}

#endif
